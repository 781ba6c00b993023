#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Of twenty endpoints six never answer, two trickle and two answer 10 MB: those that are well get their
events as fast as before, no endpoint has more than two requests at a time, and the scheduler's
memory is bounded. The same beside a backlog of workflows in two dozen other organizations.
"""

import os
import time

from e2e import ask, check, percentile, psql, stack
from faults import await_true, end, must, scheduler
from receiver import Receiver, event_of

WELL, ILL = 10, ["hang"] * 6 + ["trickle"] * 2 + ["large"] * 2
PAUSE_S = 0.25
BOUND_S = 2
GROWTH_KIB = 16384
MEMORY_KIB = 65536
ORGS, NOISE = 24, 200
WAITING = "SELECT count(*) FROM due_job WHERE kind = 'workflow'"


def settings(lines):
    with open(os.path.join(os.environ["E2E_DIR"], "local.conf"), "w", encoding="ascii") as file:
        file.write(lines)
    stack("stack_conf")


def hook(kind, number):
    path = f"/{kind}/{number}"
    return ask("POST", "/api/v1/webhooks", {"url": receiver.url + path, "topics": ["ticket.created"]}, 201)["webhook_id"]


def delays(count, before=lambda: None):
    """Seconds from the answer of each of the writes to its arrival at each endpoint that is well."""
    sent = {}
    for i in range(count):
        before()
        sent[ask("POST", "/api/tickets", {"title": f"endpoints {i}"}, 201)["ticket_id"]] = time.time()
        time.sleep(PAUSE_S)

    def arrived(_):
        return [a for a in receiver.arrivals if a.path.startswith("/ok/") and event_of(a)["ticket_id"] in sent]

    receiver.wait(lambda all_of: len(arrived(all_of)) >= count * WELL, 30)
    with receiver.changed:
        came = arrived(None)
    must(len(came) == count * WELL, f"{count} events come to {WELL} endpoints that are well, once each", len(came))
    return [a.at - sent[event_of(a)["ticket_id"]] for a in came]


def memory(process, name):
    return int(next(line for line in open(f"/proc/{process.pid}/status", encoding="ascii") if line.startswith(name)).split()[1])


def make_noise():
    psql(f"""INSERT INTO ticket (org_id, ticket_id, number, title, customer_id)
             SELECT o.org_id, uuid7(), take_numbers(o.org_id, 1), 'noise', o.default_customer_id
               FROM organization o, generate_series(1, {NOISE}) n WHERE o.org_id LIKE 'org_noise_%'""")


def keep_noise():
    """There is a backlog however fast the machine is."""
    if int(psql(WAITING)[0]) < ORGS * NOISE / 2:
        make_noise()


def begin_noise():
    """A workflow has something to do for each of many tickets, in organizations that have nothing to do with ours."""
    stack(f"for i in $(seq {ORGS}); do stack_ctl org create org_noise_$i Noise </dev/null >/dev/null || exit; done")
    psql("""INSERT INTO workflow (org_id, workflow_id, name, trigger, actions)
            SELECT o.org_id, uuid7(), 'noise', '{"type":"event","topics":["ticket.created"]}', '[{"action":"note","body":"noise"}]'
              FROM organization o WHERE o.org_id LIKE 'org_noise_%'""")
    make_noise()
    must(await_true(lambda: int(psql(WAITING)[0]) > ORGS * NOISE / 4, 15), "workflows wait", psql(WAITING))


settings("webhook_timeout = 15\ndue_lease = 30\n")  # as shipped: an endpoint that hangs does so for long
receiver = Receiver()
well = [hook("ok", i) for i in range(WELL)]
process = scheduler()
alone = percentile(delays(20), 0.99)
before = memory(process, "VmHWM")
ill = [hook(kind, i) for i, kind in enumerate(ILL)]
beside = percentile(delays(60), 0.99)
bound = max(BOUND_S, 2 * alone)  # a machine that is too busy for it alone says nothing of the endpoints
check(beside < bound, f"p99 of those that are well: {beside * 1000:.0f} ms beside {len(ILL)} that are not, {alone * 1000:.0f} ms without", (beside, alone))
reached = {kind for path, n in receiver.most_open.items() if n > 0 for kind in [path.split("/")[1]]}
must(reached == {"ok", *ILL}, "every kind of endpoint was asked", reached)
check(max(receiver.most_open.values()) <= 2, "at most two requests to one endpoint at a time", receiver.most_open)
high = memory(process, "VmHWM")
check(high - before < GROWTH_KIB and high < MEMORY_KIB, f"the scheduler had {high} KiB at most, {high - before} more than without", (before, high))
receiver.stopping.set()
for identity in ill:
    ask("DELETE", f"/api/v1/webhooks/{identity}", want=204)
begin_noise()
behind = percentile(delays(20, keep_noise), 0.99)
check(behind < bound, f"p99 beside a backlog of workflows in {ORGS} other organizations: {behind * 1000:.0f} ms", (behind, alone))
for identity in well:
    ask("DELETE", f"/api/v1/webhooks/{identity}", want=204)
end(process)
receiver.shutdown()
settings("")
