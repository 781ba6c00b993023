# SPDX-License-Identifier: Apache-2.0
"""
The client of tests/bench/streams, the same for both sides. Standard library only.

    ours|nchan PORT KEYS STREAMS WRITES MESSAGE NAME=PID…    a round; prints its figures as JSON
    report RESULTS                                           medians of the rounds as markdown
"""

import asyncio
import json
import statistics
import sys
import time
import uuid

PACE_S = 0.025  # from one write to the next
MARK = b'"ticket_id":"'


def pss(master):
    """Of a process and its children, in bytes."""
    with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as file:
        pids = [master] + file.read().split()
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
    return total


async def answer(reader):
    """The status; 503 as well for a stream that only says when to come back."""
    head = await reader.readuntil(b"\r\n\r\n")
    return 503 if b"text/event-stream" in head and b"Content-Length:" in head else int(head.split()[1])


class Round:
    def __init__(self, side, port, keys, streams, writes, message, *processes):
        self.nchan = side == "nchan"
        self.side, self.port, self.streams, self.writes = side, int(port), int(streams), int(writes)
        with open(keys, encoding="ascii") as file:
            self.orgs = [line.split() for line in file]
        self.message = message  # a file: what ours sent is what nchan sends
        self.processes = dict(p.split("=") for p in processes)
        self.seen = {}  # ticket_id -> when it came to each reader
        self.sent = {}  # ticket_id -> (when it was asked for, when that was answered)
        self.got = 0
        self.last = b""

    def memory(self):
        return {name: pss(pid) for name, pid in self.processes.items()}

    def request(self, verb, path, org, key, body=b""):
        lines = [f"{verb} {path} HTTP/1.1", "Host: localhost"]
        lines += ["Connection: close", f"Content-Length: {len(body)}"] if body else ["Accept: text/event-stream"]
        if self.nchan:
            lines += ["X-EventSource-Event: ticket.created"] if body else []
        else:
            lines += [f"X-API-Key: {key}", "Content-Type: application/json"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    async def read(self, org, key, opened):
        path = f"/subscribe?org={org}" if self.nchan else f"/api/v1/events/stream?org_id={org}&topics=ticket.created"
        status = 503
        while status == 503:  # more requests at once than a busy machine can answer: again, as it says
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 18)
            writer.write(self.request("GET", path, org, key))
            status = await answer(reader)
            if status == 503:
                writer.close()
                await asyncio.sleep(1)
        if status != 200:
            sys.exit(f"a stream is answered {status}")
        opened.release()
        while True:
            line = await reader.readline()
            if not line:
                sys.exit("a stream ended")
            if line.startswith(b"data: {\"event_id\""):
                at = line.index(MARK) + len(MARK)
                self.seen.setdefault(line[at:at + 36].decode(), []).append(time.monotonic())
                self.last = line[6:].strip()
                self.got += 1

    async def write(self, org, key):
        body, path, ticket = b'{"title":"bench"}', "/api/tickets", None
        if self.nchan:
            ticket, path = str(uuid.uuid4()), f"/publish?org={org}"
            at = self.template.index(MARK) + len(MARK)
            body = self.template[:at] + ticket.encode() + self.template[at + 36:]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        asked = time.monotonic()
        writer.write(self.request("POST", path, org, key, body))
        status = await answer(reader)
        answered = time.monotonic()
        reply = await reader.read()
        writer.close()
        if status not in (201, 202):
            sys.exit(f"a write is answered {status}")
        self.sent[ticket or json.loads(reply)["ticket_id"]] = (asked, answered)

    async def run(self):
        if self.nchan:
            with open(self.message, "rb") as file:
                self.template = file.read()
        before, began, opened = self.memory(), time.monotonic(), asyncio.Semaphore(0)
        tasks = []
        for i in range(self.streams):
            tasks.append(asyncio.create_task(self.read(*self.orgs[i % len(self.orgs)], opened)))
            if i % 50 == 49:
                await asyncio.sleep(0.02)
        for _ in range(self.streams):
            await opened.acquire()
        took = time.monotonic() - began
        await asyncio.sleep(1)
        idle = self.memory()
        began = time.monotonic()
        for i in range(self.writes):
            await asyncio.sleep(max(0, began + i * PACE_S - time.monotonic()))
            await self.write(*self.orgs[i % len(self.orgs)])
        expected, end = self.writes * (self.streams // len(self.orgs)), time.monotonic() + 10
        while self.got < expected and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if not self.nchan:
            with open(self.message, "wb") as file:
                file.write(self.last)
        busy = self.memory()
        for task in tasks:
            task.cancel()
        return {"side": self.side, "streams": self.streams, "opened_s": took, "bytes": len(self.last),
                "came": self.got, "expected": expected,
                "idle": {n: (idle[n] - before[n]) / self.streams for n in before},
                "busy": {n: (busy[n] - before[n]) / self.streams for n in before},
                "reply": self.delays(1), "request": self.delays(0)}

    def delays(self, since):
        all_ = sorted(max(0.0, at - self.sent[t][since]) * 1000 for t, times in self.seen.items() if t in self.sent for at in times)
        return {"p50": all_[len(all_) // 2], "p99": all_[int(len(all_) * 0.99)], "max": all_[-1]}


def report(results):
    with open(results, encoding="ascii") as file:
        rounds = [json.loads(line) for line in file]
    sides = [s for s in ("ours", "nchan") if any(r["side"] == s for r in rounds)]

    def row(text, unit, figure, scale=1):
        values = [statistics.median(figure(r) for r in rounds if r["side"] == s) * scale for s in sides]
        ratio = f"{values[0] / values[1]:.2f}" if len(values) > 1 and values[1] > 0 else ""
        cells = [f"{v:,.1f} {unit}" if unit != "bytes" else f"{v:,.0f} bytes" for v in values]
        print(f"| {text} | {' | '.join(cells + [''] * (2 - len(cells)))} | {ratio} |")

    first = rounds[0]
    print(f"| {first['streams']:,} streams, {len(rounds) // len(sides)} rounds, messages of {first['bytes']} bytes "
          "| serviceos-stream behind nginx | nchan in nginx | ratio |\n|---|---|---|---|")
    row("opened in", "s", lambda r: r["opened_s"])
    row("memory of an idle stream, all processes", "bytes", lambda r: sum(r["idle"].values()))
    for name in first["idle"]:
        row(f"of it in {name}", "bytes", lambda r, name=name: r["idle"].get(name, 0))
    row("memory of a stream after the writes, all processes", "bytes", lambda r: sum(r["busy"].values()))
    for since, text in (("reply", "from the reply of the write to the reader"), ("request", "from the request of the write to the reader")):
        for figure in ("p50", "p99", "max"):
            row(f"{text}, {figure}", "ms", lambda r, since=since, figure=figure: r[since][figure])
    print("| messages that came | " + " | ".join(
        f"{sum(r['came'] for r in rounds if r['side'] == s):,} of {sum(r['expected'] for r in rounds if r['side'] == s):,}" for s in sides) + " | |")


if sys.argv[1] == "report":
    report(sys.argv[2])
else:
    print(json.dumps(asyncio.run(Round(*sys.argv[1:]).run())))
