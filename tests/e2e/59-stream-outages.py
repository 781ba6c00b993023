#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Streams while what is behind them is away: PostgreSQL crashes and comes back, the
workers are gone. Who is connected stays so; who comes is told when to come again.
"""

import time

from e2e import KEY, Ledger, call, check, psql, settings, stack, wait_until
from sse import PATH, Stream, newest, whole

AWAY_S = 6


def keepalives(stream):
    return sum(1 for event, _, _ in list(stream.events) if event == "keepalive")


def told_to_come_back(why):
    """Neither a program nor a browser gets a stream now, and the browser tries again."""
    refused = call("GET", PATH)
    check(refused.status == 503 and int(refused.headers["retry-after"]) >= 1 and
          refused.headers["content-type"] == "application/problem+json", f"{why}, a new stream is refused with 503",
          (refused.status, refused.headers, refused.body[:200]))
    check(refused.seconds < 2, f"at once ({refused.seconds * 1000:.0f} ms)")
    browser = Stream(accept="text/event-stream")
    check(browser.status == 200 and browser.headers["content-type"].startswith("text/event-stream") and
          browser.closed.wait(5) and browser.retries == [3000], "and an EventSource, which gives up at any other status, "
          "gets one that ends", (browser.status, browser.headers, browser.retries))


def postgres_goes_and_comes_back():
    first = newest() + 1
    streams = [Stream() for _ in range(20)]
    with Ledger(4, KEY) as ledger:
        check(all(s.wait(lambda s: len(s.seqs()) > 5) for s in streams), "20 streams have events")
        stack("stack_pg_stop immediate")
        before = [keepalives(s) for s in streams]
        gone = time.monotonic()
        told_to_come_back("while PostgreSQL is away")
        time.sleep(max(0, gone + AWAY_S - time.monotonic()))  # longer than a recheck, and some keepalives
        more = [keepalives(s) - b for s, b in zip(streams, before)]
        check(not any(s.closed.is_set() for s in streams), f"after {AWAY_S} s all streams are open still")
        check(min(more) >= 2, "and have had their keepalives", more)
        stack("stack_pg_start")
        back, seen = time.monotonic(), [len(s.seqs()) for s in streams]
        check(all(s.wait(lambda s, n=n: len(s.seqs()) > n) for s, n in zip(streams, seen)),
              f"events go on {time.monotonic() - back:.1f} s after it is back")
        tried = []
        check(wait_until(lambda: tried.append(Stream(last=first - 1)) or tried[-1].status == 200, 10),
              f"and new streams open {time.monotonic() - back:.1f} s after it", tried[-1].status)
        late = tried[-1]
        time.sleep(1)
    end = None
    while end != newest():
        end = newest()
        time.sleep(1.2)
    check(all(s.wait(lambda s: s.seqs()[-1:] == [end]) for s in streams + [late]), "the last event comes to each")
    wrong = [s.seqs() for s in streams + [late] if not whole(s.seqs(), first, end)]
    check(not wrong, f"{end - first + 1} events to 21 streams over the crash, none lost or double", [len(s) for s in wrong])
    ledger.verify(psql)
    return streams


def workers_go_and_come_back(streams):
    stack("proc_stop api TERM 20")
    told_to_come_back("without workers")
    check(not any(s.closed.is_set() for s in streams), "the streams that are open do not need them")
    stack("stack_app_start && stack_wait_ready")


settings("stream_keepalive = 2\nstream_recheck = 2\n")
workers_go_and_come_back(postgres_goes_and_comes_back())
settings("")
