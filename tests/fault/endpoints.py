#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Of twenty endpoints six never answer, two trickle and two answer 10 MB: those that are well get their
events as fast as before, no endpoint has more than two requests at a time, and the scheduler's
memory is bounded.
"""

import os
import time

from e2e import ask, check, percentile, stack
from faults import end, must, scheduler
from receiver import Receiver, event_of

WELL, ILL = 10, ["hang"] * 6 + ["trickle"] * 2 + ["large"] * 2
PAUSE_S = 0.25
BOUND_S = 2
GROWTH_KIB = 16384
MEMORY_KIB = 65536


def settings(lines):
    with open(os.path.join(os.environ["E2E_DIR"], "local.conf"), "w", encoding="ascii") as file:
        file.write(lines)
    stack("stack_conf")


def hook(kind, number):
    path = f"/{kind}/{number}"
    return ask("POST", "/api/v1/webhooks", {"url": receiver.url + path, "topics": ["ticket.created"]}, 201)["webhook_id"]


def delays(count):
    """Seconds from the answer of each of the writes to its arrival at each endpoint that is well."""
    sent = {}
    for i in range(count):
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
for identity in well + ill:
    ask("DELETE", f"/api/v1/webhooks/{identity}", want=204)
end(process)
receiver.shutdown()
settings("")
