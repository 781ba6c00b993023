#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
serviceos-stream dies at each of its points in turn while readers read, leave, and come back with
Last-Event-ID: each reader sees every event once, in order, and the seats are free afterwards.
"""

import os
import random
import subprocess
import sys
import threading
import time

from e2e import ORG, ask, check, ok, psql, stack
from faults import SEED, arm, await_death, await_true, dice, end, most_visits, must, points, scheduler, visits
from sse import Stream

SEEDS = 3 * int(sys.argv[1])
READERS = 6
BURST = 60
MOST = most_visits(3, feed_read=10, feed_half=30, page_half=20)


class Reader(threading.Thread):
    """Keeps a stream open as a client does; one that hops leaves by itself and lags behind."""

    def __init__(self, number, last):
        super().__init__(daemon=True)
        self.dice = random.Random(SEED * 100 + number)
        self.hops = number % 2 == 1
        self.last = last
        self.seqs = []
        self.opened = 0
        self.stream = None
        self.stopping = threading.Event()

    def open(self):
        try:
            stream = Stream(last=self.last)
        except (OSError, ValueError, IndexError):
            return None
        if stream.status == 200:
            return stream
        stream.close()
        return None

    def stay(self, stream):
        until = time.monotonic() + self.dice.uniform(0.1, 0.6)
        while not (self.stopping.is_set() or stream.closed.wait(0.02) or (self.hops and time.monotonic() > until)):
            pass

    def run(self):
        while not self.stopping.is_set():
            stream = self.open()
            if stream is None:
                time.sleep(0.05)
                continue
            self.opened += 1
            self.stream = stream
            self.stay(stream)
            stream.close()
            stream.closed.wait(5)
            self.stream = None
            self.seqs += stream.seqs()
            self.last = stream.last
            if self.hops:
                time.sleep(self.dice.uniform(0, 0.5))

    def reached(self):
        stream = self.stream
        seqs = stream.seqs() if stream else []
        return seqs[-1] if seqs else self.seqs[-1] if self.seqs else 0


def newest():
    return int(psql(f"SELECT last_seq FROM event_sequence WHERE org_id = '{ORG}'")[0])


def write(stopping):
    """Single changes, and bursts of many events at once."""
    n = 0
    while not stopping.is_set():
        n += 1
        if n % 10 == 0:
            ask("POST", "/api/bulk/tickets", {"tickets": [{"title": f"burst {i}"} for i in range(BURST)]})
        else:
            ask("POST", "/api/tickets", {"title": f"stream {n}"}, 201)
        time.sleep(0.05)


def seats():
    """Taken ones of the organization, as Redis has them."""
    return int(subprocess.run(["redis-cli", "-s", os.environ["FAULT_REDIS"], "ZCARD", f"serviceos:{{{ORG}}}:streams"],
                              capture_output=True, text=True, check=True).stdout)


def last_number():
    """Once nothing more is to be numbered."""
    await_true(lambda: psql("SELECT count(*) FROM event WHERE seq IS NULL AND public") == ["0"], 20)
    return newest()


sound = scheduler()
ask("POST", "/api/tickets", {"title": "the first"}, 201)
must(await_true(lambda: newest() > 0, 10), "events get numbers")
first = last_number()
readers = [Reader(i, first) for i in range(READERS)]
stopping = threading.Event()
writer = threading.Thread(target=write, args=(stopping,), daemon=True)
writer.start()
for reader in readers:
    reader.start()
all_points = points("stream")
rounds = [(point, visit) for point in all_points for visit in visits(MOST[point], SEEDS)]
dice.shuffle(rounds)
for point, visit in rounds:
    arm("stream", point, visit)
    await_death("stream", point, visit)
    stack("stack_program stream serviceos-stream")
stopping.set()
writer.join()
end_of_all = last_number()
for reader in readers:
    reader.hops = False
must(await_true(lambda: all(r.reached() >= end_of_all for r in readers), 30),
     "every reader comes to the last event", ([r.reached() for r in readers], end_of_all))
check(await_true(lambda: seats() == READERS, 15), f"{READERS} seats are taken: those that a dead process left are free", seats())
for reader in readers:
    reader.stopping.set()
for reader in readers:
    reader.join()
wanted = list(range(first + 1, end_of_all + 1))
for reader in readers:
    extra = [s for a, s in zip(reader.seqs, reader.seqs[1:]) if s != a + 1]
    must(reader.seqs == wanted, "every reader sees every event once, in order", (len(reader.seqs), len(wanted), extra[:5]))
check(await_true(lambda: seats() == 0, 15), "and no seat is taken when all have left", seats())
ok(f"{READERS} readers with {sum(r.opened for r in readers)} streams saw {len(wanted)} events once and in order over "
   f"{len(rounds)} deaths at {len(all_points)} points, FAULT_SEED={SEED}")
end(sound)
