#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A worker dies at each of its points in turn while clients work; no other process does. Then the
ledger of all operations is compared with the database.
"""

import sys
import threading
import time

import ops as ledger
from e2e import call, check, ok
from faults import SEED, arm, await_death, await_true, dice, end, most_visits, must, points, scheduler, visits
from sse import Stream
from work import gaps

SEEDS = 3 * int(sys.argv[1])
MOST = most_visits(20, number_leased=2, upload_begun=4, upload_written=2, stream_placed=2, stream_headed=2, stream_given=2)


def visitor(stopping):
    """Opens streams and leaves them again; a worker's death may break one."""
    while not stopping.is_set():
        try:
            Stream().close()
        except (OSError, ValueError, IndexError):
            pass
        time.sleep(0.05)


def connections():
    text = call("GET", "/metrics").body.decode()
    return next((float(l.split()[-1]) for l in text.splitlines() if l.startswith("serviceos_stream_connections")), -1)


sound = scheduler()
stopping = threading.Event()
opener = threading.Thread(target=visitor, args=(stopping,), daemon=True)
opener.start()
all_points = points("api")
rounds = [(point, visit) for point in all_points for visit in visits(MOST[point], SEEDS)]
dice.shuffle(rounds)
with ledger.Ops(seed=SEED) as ops:
    for point, visit in rounds:
        ops.now = f"{point}:{visit}"
        arm("api", point, visit)
        await_death("api", point, visit)
        before = len(ops.ops)
        must(await_true(lambda: len(ops.ops) > before + 5, 20), f"{ops.now}: the others go on")
stopping.set()
opener.join()
ok(f"{len(rounds)} deaths of workers at {len(all_points)} points, FAULT_SEED={SEED}")
ledger.verify(ops)
check(not gaps(), "the events' numbers have no gap", gaps())
check(await_true(lambda: connections() == 0, 10), "no stream is left behind", connections())
end(sound)
