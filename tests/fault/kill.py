#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Rounds: a scheduler that is to die at one point at its n-th visit; work for it; its death; a
sound one; and then the ledger: every effect in the database once, every event at its
receiver, twice at most what was in flight.
"""

import collections
import datetime
import os
import random
import re
import subprocess
import sys
import time

from e2e import ask, check, fail, ok, psql
from receiver import Receiver, event_of

SEEDS = int(sys.argv[1])
TICKETS = 8
LEASE_S = 6
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
POINTS = re.findall(r"^FAULT\((\w+),", open(os.path.join(ROOT, "src/base/fault.def")).read(), re.M)
IN_FLIGHT = 2  # requests to one endpoint that may be open when the scheduler dies: they come again
# How often a round passes by: some points see all of a round's work at once.
VISITS = collections.defaultdict(lambda: 1, webhook_answered=5, webhook_finished=5, workflow_acted=5, workflow_committed=5, due_claimed=4)

receiver = Receiver()
log = open(os.path.join(os.environ["E2E_DIR"], "log", "scheduler.log"), "a")


def scheduler(fault=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SERVICEOS_")}
    if fault:
        environment["SERVICEOS_FAULT"] = fault
    return subprocess.Popen([os.path.join(os.environ["STACK_BUILD"], "serviceos-scheduler"), "-c", os.environ["STACK_CONF"]],
                            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def work(name):
    """Tickets with a webhook and a workflow, a clock for each that rings soon, and a bulk job over all."""
    soon = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=58.5)
    tickets, timers = [], []
    for i in range(TICKETS):
        tickets.append(ask("POST", "/api/tickets", {"title": name}, 201)["ticket_id"])
        timers.append(ask("POST", "/api/sla/timers", {"ticket_id": tickets[-1], "metric": "custom", "target_minutes": 1,
                                                      "started_at": soon.isoformat().replace("+00:00", "Z")}, 201)["timer_id"])
    job = ask("POST", "/api/bulk/jobs", {"action": "tag", "add": ["swept"], "conditions": {
        "field": "title", "op": "eq", "value": name}}, 202)["job_id"]
    return tickets, timers, job


def quoted(ids):
    return "'{" + ",".join(ids) + "}'"


def settled(tickets, timers, job):
    """What is still to be done, as a sentence; empty when all is."""
    notes, rung, state, waiting = psql(f"""
        SELECT count(DISTINCT ticket_id) FROM comment WHERE internal AND ticket_id = ANY ({quoted(tickets)});
        SELECT count(*) FROM sla_timer WHERE breached_at IS NOT NULL AND timer_id = ANY ({quoted(timers)});
        SELECT state FROM job WHERE job_id = '{job}';
        SELECT count(*) FROM due_job""")
    came = {event_of(a)["ticket_id"] for a in receiver.arrivals}
    return "" if (int(notes), int(rung), state, waiting) == (TICKETS, TICKETS, "completed", "0") and set(tickets) <= came else \
        f"{notes} workflows, {rung} clocks, job {state}, {waiting} due, {len(set(tickets) & came)} delivered"


def ledger(point, tickets, timers):
    mine = quoted(tickets)
    once = {
        "workflow": psql(f"SELECT max(n) FROM (SELECT count(*) n FROM comment WHERE ticket_id = ANY ({mine}) GROUP BY ticket_id) x"),
        "run": psql(f"SELECT max(n) FROM (SELECT count(*) n FROM workflow_run WHERE ticket_id = ANY ({mine}) GROUP BY ticket_id) x"),
        "breach": psql(f"SELECT max(n) FROM (SELECT count(*) n FROM event WHERE topic = 'sla.breached' AND ticket_id = ANY ({mine}) GROUP BY resource_id) x"),
        "sweep": psql(f"SELECT max(n) FROM (SELECT count(*) n FROM event WHERE topic = 'ticket.tags.changed' AND ticket_id = ANY ({mine}) GROUP BY ticket_id) x"),
        "delivery": psql(f"SELECT max(n) FROM (SELECT count(*) n FROM webhook_delivery WHERE ticket_id = ANY ({mine}) GROUP BY event_id) x"),
    }
    wrong = {k: v for k, v in once.items() if v != ["1"]}
    check(not wrong, f"{point}: each effect is there once", wrong)
    gap = psql("SELECT count(*) FROM (SELECT seq - row_number() OVER (ORDER BY seq) d FROM event WHERE seq IS NOT NULL) x WHERE d <> 0")
    check(gap == ["0"], f"{point}: the events' numbers have no gap", gap)
    arrived = collections.Counter(a.headers["webhook-id"] for a in receiver.arrivals if event_of(a)["ticket_id"] in tickets)
    again = sum(n - 1 for n in arrived.values())
    check(len(arrived) == TICKETS and again <= IN_FLIGHT, f"{point}: each event came, {again} twice", arrived)


def round_of(point, visit):
    victim = scheduler(f"{point}:{visit}")
    tickets, timers, job = work(f"{point} {visit} {random.random()}")
    try:
        victim.wait(20)
    except subprocess.TimeoutExpired:
        victim.kill()
        fail(f"{point}:{visit}: the scheduler comes by (seen: {settled(tickets, timers, job)})")
    died = time.monotonic()
    healthy = scheduler()
    try:
        while (left := settled(tickets, timers, job)) and time.monotonic() - died < LEASE_S + 25:
            time.sleep(0.1)
        check(not left, f"{point}:{visit}: all is done {time.monotonic() - died:.1f} s after the death", left)
        ledger(point, tickets, timers)
    finally:
        healthy.terminate()
        healthy.wait(20)


ask("POST", "/api/v1/webhooks", {"url": receiver.url + "/ok/ledger", "topics": ["ticket.created"]}, 201)
ask("POST", "/api/workflows", {"name": "Note", "trigger": {"type": "event", "topics": ["ticket.created"]},
                               "actions": [{"action": "note", "body": "seen"}]}, 201)
seed = int(os.environ.get("FAULT_SEED", "1"))
random.seed(seed)
for point in POINTS:
    for visit in random.sample(range(1, VISITS[point] + 1), min(SEEDS, VISITS[point])):
        round_of(point, visit)
ok(f"{len(POINTS)} points, FAULT_SEED={seed}")
