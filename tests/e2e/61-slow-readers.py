#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Readers that stop reading, 99 of an organization's 100: they cost 64 KiB each and are
dropped in the end, and come back without a gap; the hundredth does not notice.
"""

import json
import os
import socket
import time

from e2e import ORG, check, ok, percentile, pid_of, psql, settings, stack, wait_until
from sse import Stream, figure, newest, ticket, whole

STALL_S = 8
BURST = 1000
SLOW = 99


def memory():
    with open(f"/proc/{pid_of('stream')}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Private_Dirty:")) * 1024


def burst(count):
    """So many events committed at once."""
    psql(f"""BEGIN; SELECT set_config('app.org', '{ORG}', true);
        INSERT INTO ticket (org_id, ticket_id, number, title, customer_id)
        SELECT '{ORG}', uuid7(), n, repeat('Slow reader ', 16) || n, o.default_customer_id
          FROM organization o, take_numbers('{ORG}', {count}) first,
               generate_series(first, first + {count - 1}) n WHERE o.org_id = '{ORG}'; COMMIT""")


def latencies(reader, count):
    """Of single events to the reader that reads, in seconds."""
    took = []
    for _ in range(count):
        began, have = time.monotonic(), len(reader.topics())
        ticket()
        if reader.wait(lambda s: len(s.topics()) > have):
            took.append(time.monotonic() - began)
    return took


def dropped(reason):
    return figure(f'dropped_total{{reason="{reason}"}}')


def stopped_readers():
    slow = [Stream(read=False) for _ in range(SLOW)]
    check({s.status for s in slow} == {200}, f"{SLOW} streams open whose readers do not read")
    return slow


def those_behind_are_served_at_their_pace():
    quick, slow = Stream(), stopped_readers()
    usual = latencies(quick, 30)
    first, before, drops = newest() + 1, memory(), dropped("stalled")
    burst(BURST)
    check(quick.wait(lambda s: len(s.seqs()) >= BURST + 30, 30), f"a burst of {BURST} events comes to the one that reads")
    check(wait_until(lambda: figure("behind") >= SLOW, 10), "the others are behind", figure("behind"))
    most = memory() - before
    beside = latencies(quick, 30)
    most = max(most, memory() - before)
    check(most < SLOW * 65536 + 2 * 1024 * 1024, f"{SLOW} readers that stand still cost {most / SLOW / 1024:.1f} KiB each", most)
    check(percentile(beside, 0.9) < max(0.25, 3 * percentile(usual, 0.9)),
          f"a new event is with the one that reads after {percentile(beside, 0.5) * 1000:.0f} ms (p90 {percentile(beside, 0.9) * 1000:.0f}), "
          f"as before ({percentile(usual, 0.5) * 1000:.0f} and {percentile(usual, 0.9) * 1000:.0f} ms)", sorted(beside)[-5:])
    # nginx and the kernel hold a part of it, so a reader that has stopped is seen a little later
    check(wait_until(lambda: dropped("stalled") - drops >= SLOW, STALL_S + 20), f"they are dropped after {STALL_S} s without progress",
          dropped("stalled") - drops)
    check(not quick.closed.is_set(), "the one that reads is not")
    check(wait_until(lambda: memory() - before < most / 2 + 1024 * 1024, 5), "and their memory is free again", memory() - before)
    come_back(slow[:10], first)
    for stream in slow + [quick]:
        stream.close()


def come_back(slow, first):
    end = newest()
    for stream in slow:
        stream.read()
    check(all(s.closed.wait(20) for s in slow), "those that read at last find what was sent, and the end")
    again = [Stream(last=s.last) for s in slow]
    check(all(s.wait(lambda s: s.seqs()[-1:] == [end], 20) for s in again), "and resume")
    wrong = [(len(a.seqs()), len(b.seqs())) for a, b in zip(slow, again)
             if not whole([n for n in a.seqs() if n >= first] + b.seqs(), first, end)]
    check(not wrong, f"none of {end - first + 1} events is lost or double", wrong)
    ok(f"of these {len(slow[0].seqs())} had been sent before the drop")
    for stream in again:
        stream.close()


def what_is_not_kept_is_bounded_too():
    """Messages of the moment cannot be had later: 64 KiB of them wait, then the reader is dropped."""
    wait_until(lambda: figure("connections") == 0, 10)
    quick, slow = Stream(), stopped_readers()
    message = json.dumps({"topic": "presence.updated", "ticket_id": None, "data": {"x": "x" * 12000}})
    commands = os.environ["E2E_DIR"] + "/publish"
    with open(commands, "w", encoding="ascii") as file:
        file.write(f"PUBLISH serviceos:live:{ORG} '{message}'\n" * 3)
    before, drops, most = memory(), dropped("slow") + dropped("stalled"), 0
    for _ in range(200):
        have = len(quick.topics())
        stack(f"stack_redis_cli <{commands} >/dev/null")
        quick.wait(lambda s: len(s.topics()) >= have + 3, 5)
        most = max(most, memory() - before)
        if dropped("slow") + dropped("stalled") - drops >= SLOW:
            break
    check(wait_until(lambda: dropped("slow") + dropped("stalled") - drops >= SLOW, STALL_S + 20), "they are dropped at 64 KiB",
          dropped("slow") + dropped("stalled") - drops)
    check(most < SLOW * (65536 + 16384) + 2 * 1024 * 1024, f"having cost {most / SLOW / 1024:.1f} KiB each at most", most)
    check(wait_until(lambda: memory() - before < most / 2, 5), "and cost nothing any more", memory() - before)
    check(not quick.closed.is_set() and len(quick.topics()) > 10, f"the one that reads has all {len(quick.topics())} messages")
    for stream in slow + [quick]:
        stream.close()


settings(f"stream_keepalive = 30\nstream_stall = {STALL_S}\n")
socket.setdefaulttimeout(60)
those_behind_are_served_at_their_pace()
what_is_not_kept_is_bounded_too()
settings("")
