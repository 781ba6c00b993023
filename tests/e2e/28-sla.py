#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
SLA clocks ring at their second: one through a policy, a thousand at once, and with Redis
flushed while they wait.
"""

import datetime
import time

from e2e import ORG, ask, check, percentile, psql, stack


def await_rows(sql, wanted, seconds):
    """The rows once there are so many, or those that there are in the end."""
    deadline = time.monotonic() + seconds
    while len(rows := psql(sql)) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return rows


def past(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def lateness(ids, topic):
    """Milliseconds between the time at which each should have rung and its event."""
    at = "due_at" if topic == "sla.breached" else "warn_at"
    rows = await_rows(f"""SELECT (extract(epoch FROM e.occurred_at - t.{at}) * 1000)::int FROM event e
        JOIN sla_timer t ON t.org_id = e.org_id AND t.timer_id::text = e.resource_id
       WHERE e.topic = '{topic}' AND t.timer_id = ANY ('{{{','.join(ids)}}}')""", len(ids), 20)
    return [int(r) for r in rows]


policy = ask("POST", "/api/sla/policies", {"name": "End to end", "targets": {"normal": {"first_response_minutes": 60}},
                                           "conditions": {"field": "title", "op": "eq", "value": "promised"}}, 201)
ticket = ask("POST", "/api/tickets", {"title": "promised"}, 201)["ticket_id"]
rows = await_rows(f"SELECT timer_id FROM sla_timer WHERE ticket_id = '{ticket}' AND policy_id = '{policy['policy_id']}'", 1, 5)
check(len(rows) == 1, "a new ticket comes under its policy by itself")
timer = ask("POST", "/api/sla/timers", {"ticket_id": ticket, "metric": "custom", "target_minutes": 1, "started_at": past(46)}, 201)
warned = lateness([timer["timer_id"]], "sla.warning")
check(len(warned) == 1 and 0 <= warned[0] < 1000, f"it warns at its time ({warned} ms late)")
breached = lateness([timer["timer_id"]], "sla.breached")
check(len(breached) == 1 and 0 <= breached[0] < 1000, f"and is broken at its time ({breached} ms late)")
listed = ask("GET", f"/api/sla/breaches?ticket_id={ticket}")["data"]
check([b["timer_id"] for b in listed] == [timer["timer_id"]], "the list of breaches has it")

made = psql(f"""BEGIN; SELECT set_config('app.org', '{ORG}', true);
    SELECT sla_create('{ORG}', uuid7(), jsonb_build_object('ticket_id', '{ticket}', 'metric', 'custom', 'target_minutes', 1,
             'started_at', now() - interval '1 minute' + interval '3 seconds' + n * interval '2 milliseconds', 'warn_percent', 99))
      FROM generate_series(1, 1000) n; COMMIT""")
made = [line for line in made if len(line) == 36]
stack("stack_redis_cli FLUSHALL")
late = lateness(made, "sla.breached")
check(len(late) == 1000 and min(late) >= 0, "a thousand clocks ring once each, none before its time", len(late))
check(percentile(late, 0.99) < 1000, f"within a second, Redis flushed while they wait (p99 {percentile(late, 0.99)} ms)", max(late))
ask("DELETE", f"/api/sla/policies/{policy['policy_id']}", want=204)
