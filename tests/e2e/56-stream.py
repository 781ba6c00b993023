#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Event streams through nginx: order, resuming while writes go on, filters, limits,
revoked keys, and the death of serviceos-stream.
"""

import json
import os
import signal
import time

from e2e import KEY, ORG, Ledger, call, check, psql, settings, stack, wait_until
from sse import PATH, Stream, figure, newest, ticket, whole


def basics():
    stream = Stream()
    check(stream.status == 200 and stream.headers["content-type"] == "text/event-stream" and
          stream.headers["cache-control"] == "no-store", "a stream opens", stream.headers)
    began = time.monotonic()
    one = ticket()
    check(stream.wait(lambda s: "ticket.created" in s.topics()), "an event comes")
    took = time.monotonic() - began
    check(took < 2, f"from the request to the event: {took * 1000:.0f} ms", took)
    seen = next(d for e, _, d in stream.events if e == "ticket.created")
    listed = call("GET", f"/api/v1/events?ticket_id={one}").json()["data"][0]
    check(seen == listed, "its data is the event of GET /api/v1/events", (seen, listed))
    check(stream.wait(lambda s: any(e == "keepalive" and "timestamp" in d for e, _, d in s.events), 5),
          "a keepalive comes")
    stream.close()


def refusals():
    other = call("GET", "/api/v1/events/stream?org_id=org_of_others")
    check(other.status == 403, "another organization's org_id is refused", other.status)
    check(call("GET", "/api/v1/events/stream").status == 422, "org_id must be given")
    check(call("GET", PATH, key=None).status in (401, 403), "a credential is needed")
    check(call("GET", PATH + "&topics=Ticket*").status == 422, "a topic that is none is refused")
    check(call("GET", PATH + "&token=st_v1.abc", key=None).status == 401, "a made-up token is refused")


def filters():
    mine = ticket()
    by_ticket = Stream(f"&ticket_id={mine}")
    by_topic = Stream("&topics=ticket.comment.*,customer.created")
    ticket()
    call("POST", f"/api/tickets/{mine}/comments", {"body": "hello"})
    check(by_topic.wait(lambda s: "ticket.comment.added" in s.topics()), "a topic filter lets its topics through")
    check(by_ticket.wait(lambda s: "ticket.comment.added" in s.topics()), "a ticket filter lets its ticket through")
    check({e for e in by_topic.topics()} == {"ticket.comment.added"}, "and nothing else", by_topic.topics())
    check({d["ticket_id"] for e, _, d in by_ticket.events if e != "keepalive"} == {mine}, "and no other ticket")
    live = {"topic": "presence.updated", "ticket_id": mine, "data": {"viewers": 1}}
    stack(f"stack_redis_cli publish serviceos:live:{ORG} '{json.dumps(live)}' >/dev/null")
    check(by_ticket.wait(lambda s: "presence.updated" in s.topics()), "a live event comes, without an id")
    check(all(i is None for e, i, _ in by_ticket.events if e == "presence.updated"), "it has no id")
    count = by_ticket.topics().count("presence.updated")
    call("POST", f"/api/tickets/{mine}/presence", {"state": "typing"})
    check(by_ticket.wait(lambda s: s.topics().count("presence.updated") > count), "so does the API's own presence")
    check("presence.updated" not in by_topic.topics(), "and passes the same filters")
    by_ticket.close()
    by_topic.close()


def resume():
    first = newest() + 1
    got = []
    stream = Stream()
    with Ledger(4, KEY) as ledger:
        for _ in range(8):
            time.sleep(0.3)
            stream.close()
            stream.closed.wait(5)
            got += stream.seqs()
            stream = Stream(last=stream.last)
    end = None
    while end != newest():
        end = newest()
        time.sleep(1.2)
    check(stream.wait(lambda s: s.seqs()[-1:] == [end] or (got and got[-1] == end)),
          "the last event comes after the writes", (stream.seqs()[-1:], end))
    got += stream.seqs()
    check(whole(got, first, end), f"{len(got)} events over 8 reconnections, none lost or double",
          (first, end, len(got)))
    stream.close()
    pages = Stream(last=first - 1)
    check(pages.wait(lambda s: s.seqs()[-1:] == [end], 20) and whole(pages.seqs(), first, end),
          f"{end - first + 1} events are read again from the first on", len(pages.seqs()))
    pages.close()
    for last in (end + 1000, "nonsense", "-1", "1e3", "0x1", "9" * 20):
        again = Stream(last=last)
        ticket()
        check(again.wait(lambda s: "ticket.created" in s.topics()) and again.events[0][0] == "reset", f"Last-Event-ID {last}: reset",
              again.events[:3])
        again.close()
    end = newest()
    stream = Stream(f"&last_event_id={end - 1}")
    check(stream.wait(lambda s: s.seqs() == [end]), "last_event_id= does what the header does")
    stream.close()
    ledger.verify(psql)


def too_old():
    """Of an organization whose first events are not kept any more."""
    stack('stack_ctl org create org_old Old && stack_ctl key create org_old key admin >"$E2E_DIR/old-key"')
    with open(os.environ["E2E_DIR"] + "/old-key", encoding="ascii") as file:
        key = file.read().strip()
    path = "/api/v1/events/stream?org_id=org_old"
    numbers = "SELECT last_seq FROM event_sequence WHERE org_id = 'org_old'"
    unnumbered = "SELECT 1 FROM event WHERE org_id = 'org_old' AND public AND seq IS NULL"
    for _ in range(6):
        call("POST", "/api/tickets", {"title": "old"}, key=key)
    check(wait_until(lambda: psql(unnumbered) == [], 10), "events have numbers")
    end = int(psql(numbers)[0])
    psql(f"DELETE FROM event WHERE org_id = 'org_old' AND seq <= {end - 3}")
    stream = Stream(path=path, key=key, last=end - 3)
    check(stream.wait(lambda s: s.seqs() == [end - 2, end - 1, end]), "who has seen the last that is gone misses none", stream.events)
    stream.close()
    stream = Stream(path=path, key=key, last=end - 4)
    call("POST", "/api/tickets", {"title": "new"}, key=key)
    check(stream.wait(lambda s: s.seqs() == [end + 1]), "who has not goes on at the end", stream.events)
    event, number, data = stream.events[0]
    check((event, number, data["seq"]) == ("reset", str(end), end), "and is told so first: reset, with the place", stream.events)
    stream.close()


def leaving():
    """60 streams of a process that stops end one by one, and come back to its successor."""
    settings("stream_drain = 4\n")
    streams = [Stream() for _ in range(60)]
    began = time.monotonic()
    stack("proc_signal stream TERM")
    check(all(s.closed.wait(15) for s in streams), "SIGTERM ends all streams")
    took = sorted(s.ended - began for s in streams)
    check(took[-1] < 4 + 3, f"within stream_drain, 4 s ({took[-1]:.1f} s)", took)
    check(took[45] - took[15] > 1, f"the middle half of them spread over {took[45] - took[15]:.1f} s", took)
    told = [s.retries[-1] for s in streams]
    check(min(told) >= 1000 and len(set(told)) > 30, f"each is told when to come back: after {min(told)} to {max(told)} ms", sorted(told))
    ticket()
    stack("proc_stop stream; stack_app_start")
    again = []
    for stream in streams[:10]:
        wait_until(lambda s=stream: again.append(Stream(last=s.last)) or again[-1].status == 200, 10)
    again = [s for s in again if s.status == 200]
    check(len(again) == 10 and all(s.wait(lambda s: "ticket.created" in s.topics()) for s in again),
          "and finds there what happened meanwhile", [s.topics() for s in again])
    for stream in again:
        stream.close()


def limit():
    wait_until(lambda: figure("connections") == 0, 10)
    streams = [Stream() for _ in range(100)]
    check(all(s.status == 200 for s in streams), "100 streams open")
    more = call("GET", PATH)
    check(more.status == 429 and more.json()["code"] == "stream_limit" and
          int(more.headers["retry-after"]) > 0, "the 101st is 429", more.body)
    streams.pop().close()
    check(wait_until(lambda: Stream().status == 200, 5), "one that closes makes room")
    for stream in streams:
        stream.close()


def revoked():
    made = call("POST", f"/api/organizations/{ORG}/api-keys",
                {"name": "stream", "scopes": ["read:tickets"]}).json()
    by_key = Stream(key=made["key"])
    token = call("POST", "/api/v1/events/stream-token", {}, key=made["key"])
    check(token.status == 200, "a stream token is made", token.body)
    by_token = Stream(f"&token={token.json()['token']}", key=None)
    check(by_token.status == 200, "it opens a stream without headers", by_token.status)
    call("DELETE", f"/api/organizations/{ORG}/api-keys/{made['key_id']}")
    check(by_key.closed.wait(10), "a stream ends when its key is revoked")
    check(by_token.closed.wait(10), "and one of its token")
    refused = call("GET", f"{PATH}&token={token.json()['token']}", key=None)
    check(refused.status == 401, "the token opens no more streams", refused.status)
    seen = stack_logs(token.json()["token"])
    check(not seen, "the token is in no log", seen)


def stack_logs(word):
    where = os.environ["E2E_DIR"] + "/log/"
    return [n for n in os.listdir(where) if word in open(where + n, encoding="utf-8", errors="replace").read()]


def killed():
    first = newest() + 1
    stream = Stream()
    got = []
    with Ledger(2, KEY):
        for _ in range(3):
            time.sleep(0.5)
            with open(os.environ["E2E_DIR"] + "/pid/stream", encoding="ascii") as file:
                os.kill(int(file.read().split()[0]), signal.SIGKILL)
            check(stream.closed.wait(5), "kill -9 ends the stream")
            got += stream.seqs()
            gone = call("GET", PATH)
            check(gone.status == 503 and "retry-after" in gone.headers, "meanwhile 503", gone.status)
            browser = Stream(accept="text/event-stream")
            check(browser.status == 200 and browser.closed.wait(5), "an EventSource is told to come back")
            stack("stack_app_start")
            stopped = stream
            wait_until(lambda: call("GET", PATH + "&topics=Bad").status == 422, 5)
            end = time.monotonic() + 10
            while time.monotonic() < end:
                stream = Stream(last=stopped.last)
                if stream.status == 200:
                    break
                time.sleep(0.1)
    end = None
    while end != newest():
        end = newest()
        time.sleep(1.2)
    stream.wait(lambda s: s.seqs()[-1:] == [end])
    got += stream.seqs()
    check(whole(got, first, end), f"{len(got)} events over 3 deaths, none lost or double", (first, end, len(got)))
    stream.close()


def without_redis():
    stream = Stream()
    stack("proc_stop redis KILL")
    time.sleep(0.5)
    ticket()
    check(stream.wait(lambda s: "ticket.created" in s.topics(), 8), "without Redis events come still")
    other = Stream()
    check(other.status == 200, "and streams open")
    stack("stack_redis_start")
    other.close()
    stream.close()


def main():
    settings("stream_keepalive = 2\nstream_recheck = 2\nstream_drain = 2\n")
    for part in (basics, refusals, filters, resume, too_old, limit, revoked, killed, without_redis, leaving):
        part()
    settings("")


main()
