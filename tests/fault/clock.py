#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The scheduler's clock is an hour ahead, then an hour behind: PostgreSQL's is what counts.
Nothing rings early, nothing is lost, and the scheduler does not run hot.
"""

import datetime
import glob
import os
import time

from e2e import ask, check, ok, psql
from faults import end, scheduler

TIMERS = 20


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


for step in "+1h", "-1h":
    run = scheduler({"FAKETIME": step, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                     "LD_PRELOAD": glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0]})
    try:
        ticket = ask("POST", "/api/tickets", {"title": f"clock {step}"}, 201)["ticket_id"]
        began, used = time.monotonic(), cpu(run.pid)
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=57)
        timers = [ask("POST", "/api/sla/timers", {"ticket_id": ticket, "metric": "custom", "target_minutes": 1, "warn_percent": 99,
                                                  "started_at": start.isoformat().replace("+00:00", "Z")}, 201)["timer_id"] for _ in range(TIMERS)]
        ids = "'{" + ",".join(timers) + "}'"
        late = f"""SELECT (extract(epoch FROM e.occurred_at - t.due_at) * 1000)::int FROM event e
                     JOIN sla_timer t ON t.org_id = e.org_id AND t.timer_id::text = e.resource_id
                    WHERE e.topic = 'sla.breached' AND t.timer_id = ANY ({ids})"""
        while len(rows := psql(late)) < TIMERS and time.monotonic() - began < 30:
            time.sleep(0.1)
        values = [int(r) for r in rows]
        check(len(values) == TIMERS and min(values) >= 0, f"{step}: each clock rings once, none early", values)
        check(max(values) < 15000, f"{step}: at most {max(values)} ms late")
        share = (cpu(run.pid) - used) / (time.monotonic() - began)
        check(share < 0.5, f"{step}: the scheduler takes {share * 100:.0f} % of a core")
    finally:
        end(run)
ok("the scheduler's clock is not what counts")
