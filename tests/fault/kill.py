#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The scheduler dies at each of its points in turn, each time with new work; then two sound ones side
by side, and the ledger: every effect in the database once, every event and message at its receiver, twice at
most what was in flight when one died.
"""

import sys
import time

from e2e import check, fail, ok
from faults import SEED, arm, await_death, dice, end, most_visits, must, points, scheduler, visits
from work import Desk, Work, gaps, settle

SEEDS = int(sys.argv[1])
LEASE_S = 8
BATCH = 8  # deaths before it may settle: a job that is lost for the third time is given up
HOOKS, MAILS = 2, 4  # in flight to one endpoint and to the mail server: they come again
# How often the work passes by: some points see all of it at once.
MOST = most_visits(1, webhook_sent=4, webhook_answered=4, webhook_finished=4, workflow_acted=4, workflow_committed=4, timer_fired=4,
                   due_claimed=4, due_worked=4, due_indexing=4, mail_answered=4, mail_finished=4, notify_written=4, job_claimed=3,
                   job_stepped=3, job_saved=3, commit_sent=25)
LATER = "due_recovered"  # is reached when the lease of an earlier death runs out
desk = Desk()


def die(point, visit):
    """The work that was at hand when a scheduler died there."""
    arm("scheduler", point, visit)
    victim = scheduler()
    work = Work(desk, f"{point} {visit}")
    await_death("scheduler", point, visit)
    victim.wait(5)
    return work


def batch(some):
    began = time.monotonic()
    works = [die(point, visit) for point, visit in some]
    names = " ".join(f"{point}:{visit}" for point, visit in some)
    died = time.monotonic()
    sound = [scheduler(), scheduler()]
    try:
        left = settle(works, LEASE_S + 45)
        check(not left, f"{names}: after {len(some)} deaths in {died - began:.1f} s all is done {time.monotonic() - died:.1f} s later", left)
    finally:
        for one in sound:
            end(one)
    again = [0, 0]
    for (point, visit), work in zip(some, works):
        work.once(f"{point}:{visit}")
        for i, arrived in enumerate(work.arrived()):
            must(len(arrived) == len(work.tickets), f"{point}:{visit}: each {('event', 'message')[i]} came", arrived)
            again[i] += sum(n - 1 for n in arrived.values())
    check(again[0] <= HOOKS * len(some) and again[1] <= MAILS * len(some),
          f"each effect is there once; {again[0]} events and {again[1]} messages came twice", again)
    must(not gaps(), "the events' numbers have no gap", gaps())


all_points = points("scheduler")
if len(set(all_points)) < 20:
    fail("the list of points can be read")
rounds = [(point, visit) for point in all_points if point != LATER for visit in visits(MOST[point], SEEDS)]
dice.shuffle(rounds)
rounds[BATCH - 2:BATCH - 2] = [("due_claimed", 1), (LATER, 1)]
for first in range(0, len(rounds), BATCH):
    batch(rounds[first:first + BATCH])
desk.close()
ok(f"{len(all_points)} points of serviceos-scheduler, each reached {SEEDS} times at most, FAULT_SEED={SEED}")
