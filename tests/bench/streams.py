# SPDX-License-Identifier: Apache-2.0
"""The client of tests/bench/streams: PORT KEYS STREAMS WRITES PID. Standard library only."""

import asyncio
import json
import sys
import time

port, keys, streams, writes, pid = (sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
with open(keys, encoding="ascii") as file:
    orgs = [line.split() for line in file]
delays = []
got = 0
commits = {}  # ticket_id -> when its 201 came
early = {}  # events that came before the 201 did


def memory():
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


async def read_head(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1])


def note(ticket, now):
    if ticket in commits:
        delays.append(max(0.0, now - commits[ticket]))
    else:
        early.setdefault(ticket, []).append(now)


async def stream(org, key, opened):
    global got
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port), limit=1 << 20)
    writer.write((f"GET /api/v1/events/stream?org_id={org}&topics=ticket.created HTTP/1.1\r\n"
                  f"Host: localhost\r\nX-API-Key: {key}\r\n\r\n").encode())
    status = await read_head(reader)
    if status != 200:
        sys.exit(f"a stream is answered {status}")
    opened.release()
    while True:
        line = await reader.readline()
        if line.startswith(b"data: {\"event_id\""):
            note(json.loads(line[6:])["ticket_id"], time.monotonic())
            got += 1


async def write(org, key):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    body = b'{"title":"bench"}'
    writer.write((f"POST /api/tickets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  f"X-API-Key: {key}\r\nContent-Type: application/json\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
    status = await read_head(reader)
    now = time.monotonic()
    ticket = json.loads(await reader.read())["ticket_id"]
    writer.close()
    if status != 201:
        sys.exit(f"a write is answered {status}")
    commits[ticket] = now
    for seen in early.pop(ticket, []):
        delays.append(max(0.0, seen - now))


async def main():
    before = memory()
    opened = asyncio.Semaphore(0)
    began = time.monotonic()
    tasks = []
    for i in range(streams):
        tasks.append(asyncio.create_task(stream(*orgs[i % len(orgs)], opened)))
        if i % 50 == 49:
            await asyncio.sleep(0.02)
    for _ in range(streams):
        await opened.acquire()
    took = time.monotonic() - began
    await asyncio.sleep(1)
    idle = memory()
    print(f"{streams} streams over {len(orgs)} organizations opened in {took:.1f} s; "
          f"serviceos-stream has {idle / 1024:.1f} MiB, {(idle - before) * 1024 / streams:.0f} bytes a stream")
    began = time.monotonic()
    for i in range(writes):
        await write(*orgs[i % len(orgs)])
        await asyncio.sleep(0.02)
    expected = sum(streams // len(orgs) for _ in range(writes))
    end = time.monotonic() + 10
    while got < expected and time.monotonic() < end:
        await asyncio.sleep(0.05)
    ordered = sorted(delays)
    print(f"{writes} writes in {time.monotonic() - began:.1f} s, {got} of {expected} messages; from the 201 to the reader "
          f"p50 {ordered[len(ordered) // 2] * 1000:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1000:.1f} ms, "
          f"most {ordered[-1] * 1000:.1f} ms; then {memory() / 1024:.1f} MiB")
    for task in tasks:
        task.cancel()


asyncio.run(main())
