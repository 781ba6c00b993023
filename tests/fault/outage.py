#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Redis is flushed, stopped, and killed and emptied, and PostgreSQL crashes, each while clients write
and work of every kind is due: nothing is lost or done twice, and without Redis nobody gets a 5xx.
"""

import os
import signal
import sys
import time

import ops as ledger
from e2e import check, pid_of, stack
from faults import SEED, end, must, scheduler
from work import Desk, Work, gaps, settle

SEEDS = int(sys.argv[1])
LATE_S = 15
LEASE_S = 8
STOPPED_S = 6
CLOCK_S = 5


def nothing():
    time.sleep(CLOCK_S)


def flush():
    """Also when all is quiet but for clocks that are to ring: nothing else reminds of them."""
    for _ in range(8):
        stack("stack_redis_cli FLUSHALL >/dev/null")
        time.sleep(0.5)


def stop():
    os.kill(pid_of("redis"), signal.SIGSTOP)
    try:
        time.sleep(STOPPED_S)
    finally:
        os.kill(pid_of("redis"), signal.SIGCONT)


def empty():
    stack("proc_stop redis KILL")
    time.sleep(2)
    stack('rm -rf "$STACK_DIR"/redis/* && stack_redis_start')


def during(name, happen):
    """Seconds from when all of the work was due until it was done."""
    ops.now = name
    began = time.monotonic()
    work = Work(desk, name, CLOCK_S)
    due = time.monotonic() + CLOCK_S
    happen()
    left = settle([work], due + LATE_S + calm - time.monotonic())
    late = time.monotonic() - due
    must(not left, f"{name}: all is done {LATE_S} s late at most", left)
    work.once(name)
    for arrived in work.arrived():
        must(sorted(arrived.values()) == [1] * len(work.tickets), f"{name}: each event and message comes once", arrived)
    broken = ops.failures(began)
    check(not broken, f"{name}: all is done once, {max(late, 0):.1f} s late, and no request is answered 5xx", broken[:5])
    return max(late, 0)


def crash():
    """PostgreSQL loses what was not on the disk: what an endpoint has answered may be sent again."""
    ops.now = "PostgreSQL crashes"
    work = Work(desk, ops.now)
    stack("stack_pg_stop immediate")
    stack("stack_pg_start")
    began = time.monotonic()
    left = settle([work], LEASE_S + 45)
    check(not left, f"PostgreSQL crashes: all is done {time.monotonic() - began:.1f} s later", left)
    work.once(ops.now)
    again = [sum(n - 1 for n in arrived.values()) for arrived in work.arrived()]
    must(all(len(arrived) == len(work.tickets) for arrived in work.arrived()), "each event and message came", work.arrived())
    check(True, f"each effect is there once; {again[0]} events and {again[1]} messages came twice")


desk = Desk()
sound = scheduler()
calm = 0
with ledger.Ops(threads=4, seed=SEED, pause=0.2) as ops:
    calm = during("nothing happens", nothing)
    for _ in range(SEEDS):
        during("Redis is flushed", flush)
        during("Redis is stopped", stop)
        during("Redis is killed and comes back empty", empty)
        crash()
ledger.verify(ops)
check(not gaps(), "the events' numbers have no gap", gaps())
end(sound)
desk.close()
