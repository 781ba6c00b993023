#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Webhooks from the change to a receiver: signatures, retries, endpoints that hang, and the
scheduler killed, Redis flushed and stopped on the way.
"""

import base64
import json
import os
import signal
import subprocess
import time

from e2e import ask, call, check, ok, percentile, pid_of, stack, venv, wait_until
from receiver import Receiver, event_of, signed

receiver = Receiver()


def hook(path, topics=("ticket.created",), **more):
    return ask("POST", "/api/v1/webhooks", {"url": receiver.url + path, "topics": list(topics), **more}, 201)


def ticket(title="hooked", **more):
    return ask("POST", "/api/tickets", {"title": title, **more}, 201)["ticket_id"]


def arrived(path, tickets):
    """Whether each of the tickets came to the path."""
    wanted = set(tickets)
    return lambda arrivals: wanted <= {event_of(a)["ticket_id"] for a in arrivals if a.path == path}


def libraries_verify(arrival, *secrets):
    """What the published libraries of Standard Webhooks, by which receivers check, say to it and to forgeries of it."""
    body = arrival.body.decode()
    sent = {name: value for name, value in arrival.headers.items() if name.startswith("webhook-")}
    aged = {**sent, "webhook-timestamp": str(int(sent["webhook-timestamp"]) - 600)}
    cases = [[secret, sent, body] for secret in secrets]
    cases += [["whsec_" + base64.b64encode(os.urandom(32)).decode(), sent, body],
              [secrets[0], sent, body.replace("hooked", "HOOKED", 1)],
              [secrets[0], {**sent, "webhook-id": sent["webhook-id"][::-1]}, body],
              [secrets[0], aged, body]]
    wanted = ["verified"] * len(secrets) + ["no matching signature found"] * 3 + ["message timestamp too old"]
    here = os.path.dirname(os.path.abspath(__file__))
    for library, command in (("npm", ["node", os.path.join(here, "verify.mjs")]),
                             ("PyPI", [venv("standardwebhooks", "standardwebhooks==1.1.0"), os.path.join(here, "verify.py")])):
        run = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True)
        said = [verdict.lower() for verdict in json.loads(run.stdout)] if run.returncode == 0 else run.stderr[-300:]
        check(said == wanted, f"standardwebhooks of {library} verifies with both secrets, and refuses another secret, "
              "body and id, and what is old", said)


def the_event_arrives_signed():
    made = hook("/ok/signed")
    began = time.time()
    one = ticket()
    check(receiver.wait(arrived("/ok/signed", [one])), "an event arrives at its receiver")
    a = receiver.at("/ok/signed")[0]
    check(a.at - began < 2, f"within two seconds ({(a.at - began) * 1000:.0f} ms)")
    check(signed(made["secret"], a), "X-ServiceOS-Signature verifies with the secret")
    event = event_of(a)
    check(event["topic"] == "ticket.created" and event["data"]["title"] == "hooked", "it says what happened", event)
    listed = [e for e in ask("GET", f"/api/v1/events?ticket_id={one}")["data"] if e["topic"] == "ticket.created"]
    check(listed == [event], "and is the very object that GET /api/v1/events shows", (listed, event))
    rotated = ask("POST", f"/api/v1/webhooks/{made['webhook_id']}/rotate-secret", {})
    two = ticket()
    receiver.wait(arrived("/ok/signed", [two]))
    a = receiver.at("/ok/signed")[-1]
    check(signed(made["secret"], a) and signed(rotated["secret"], a), "while a secret is rotated both sign")
    libraries_verify(a, made["secret"], rotated["secret"])
    return made["webhook_id"]


def a_failure_is_tried_again_after_a_second():
    made = hook("/fail-1/again")
    one = ticket()
    check(receiver.wait(lambda _: len(receiver.at("/fail-1/again")) == 2, 10), "a failed attempt is followed by another")
    first, second = receiver.at("/fail-1/again")
    check(0.7 < second.at - first.at < 2.5, f"about a second later ({second.at - first.at:.2f} s)")
    check(first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"],
          "with the same bytes and id")
    deadline = time.time() + 5
    while (d := ask("GET", f"/api/v1/webhooks/{made['webhook_id']}/deliveries")["data"][0])["status"] == "pending" and time.time() < deadline:
        time.sleep(0.05)
    check(d["status"] == "delivered" and [t["status"] for t in d["tries"]] == [500, 200], "the log has both attempts", d)
    check(d["ticket_id"] == one and d["tries"][0]["response"] == "not today", "and what was answered", d)


def tests_show_what_was_said(first):
    reply = ask("POST", f"/api/v1/webhooks/{first}/test")
    check(reply["delivered"] and reply["status"] == 200 and reply["response"] == "thanks", "a test shows the reply", reply)


def redirects_are_failures():
    """The receiver is on an allowed address, so that nothing but this rule keeps the second request away."""
    made = {status: hook(f"/redirect-{status}/x")["webhook_id"] for status in (301, 302, 303, 307, 308)}
    reply = ask("POST", f"/api/v1/webhooks/{made[302]}/test")
    check(not reply["delivered"] and reply["status"] == 302 and "redirect" in reply["error"], "a redirect is a failure of a test", reply)
    ticket("redirected")
    for status, one in made.items():
        deadline = time.time() + 10
        tries = []
        while not tries and time.time() < deadline:
            time.sleep(0.05)
            tries = [t for d in ask("GET", f"/api/v1/webhooks/{one}/deliveries")["data"] for t in d["tries"]]
        health = ask("GET", f"/api/v1/webhooks/{one}")
        check(tries and tries[0]["status"] == status and "redirect" in tries[0]["error"] and health["consecutive_failures"] > 0,
              f"an event that is answered {status} counts as a failure", (tries, health))
        ask("DELETE", f"/api/v1/webhooks/{one}", want=204)
    check(not receiver.at("/ok/redirected"), "and none is followed")


def conditions_choose():
    hook("/ok/urgent", conditions={"field": "priority", "op": "eq", "value": "urgent"})
    calm, urgent = ticket(priority="low"), ticket(priority="urgent")
    check(receiver.wait(arrived("/ok/urgent", [urgent])), "an event whose ticket fits the conditions arrives")
    check(not arrived("/ok/urgent", [calm])(receiver.arrivals), "another one does not")


def workflows_call_at_once():
    """Nothing else happens that would remind the scheduler of the endpoint."""
    called = hook("/ok/called", topics=["customer.created"])
    made = ask("POST", "/api/workflows", {"name": "Call", "trigger": {"type": "event", "topics": ["ticket.created"]},
                                          "actions": [{"action": "webhook", "webhook_id": called["webhook_id"]}]}, 201)
    took = []
    for _ in range(3):
        began = time.monotonic()
        check(receiver.wait(arrived("/ok/called", [ticket("call")])), "a workflow calls a webhook")
        took.append(time.monotonic() - began)
    check(max(took) < 5, f"at once ({max(took):.2f} s)", took)
    ask("DELETE", f"/api/workflows/{made['workflow_id']}", want=204)


def slow_endpoints_hold_nobody_up():
    bad = [hook(f"/hang/{i}")["webhook_id"] for i in range(3)]
    bad.append(hook("/trickle/0")["webhook_id"])
    bad.append(hook("/large/0")["webhook_id"])
    hook("/ok/healthy")
    made, sent = [], {}
    for i in range(60):
        one = ticket(f"slow {i}")
        sent[one] = time.time()
        made.append(one)
    check(receiver.wait(arrived("/ok/healthy", made), 30), "sixty events arrive beside five bad endpoints")
    late = [a.at - sent[event_of(a)["ticket_id"]] for a in receiver.at("/ok/healthy") if event_of(a)["ticket_id"] in sent]
    check(percentile(late, 0.99) < 2, f"p99 under two seconds ({percentile(late, 0.99) * 1000:.0f} ms)", sorted(late)[-5:])
    check(max(receiver.most_open[f"/hang/{i}"] for i in range(3)) <= 2, "a hanging endpoint has two requests at most", receiver.most_open)
    rss = int(next(l for l in open(f"/proc/{pid_of('scheduler')}/status") if l.startswith("VmRSS")).split()[1])
    check(rss < 65536, f"the scheduler stays small ({rss} KiB)")
    for one in bad:
        ask("DELETE", f"/api/v1/webhooks/{one}", want=204)


def nothing_is_lost():
    hook("/ok/kept")
    made = [ticket("killed") for _ in range(20)]
    for _ in range(3):
        os.kill(pid_of("scheduler"), signal.SIGKILL)
        made += [ticket("killed") for _ in range(10)]
        stack("stack_app_start")
    check(receiver.wait(arrived("/ok/kept", made), 90), "a scheduler that is killed loses no event")
    stack("stack_redis_cli FLUSHALL")
    more = [ticket("flushed") for _ in range(10)]
    stack("stack_redis_cli FLUSHALL")
    check(receiver.wait(arrived("/ok/kept", more), 15), "nor does a flush of Redis, late by seconds")
    os.kill(pid_of("redis"), signal.SIGSTOP)
    began = time.time()
    more = [ticket("stopped") for _ in range(10)]
    check(receiver.wait(arrived("/ok/kept", more), 15), f"without Redis events arrive all the same ({time.time() - began:.1f} s)")
    os.kill(pid_of("redis"), signal.SIGCONT)
    stack("stack_pg_stop immediate")
    stack("stack_pg_start")
    more = []
    deadline = time.time() + 10
    while len(more) < 10 and time.time() < deadline:
        reply = call("POST", "/api/tickets", {"title": "restarted"})
        if reply.status == 201:
            more.append(reply.json()["ticket_id"])
    began = time.time()
    check(receiver.wait(arrived("/ok/kept", more), 15), f"nor does a crash of PostgreSQL ({time.time() - began:.1f} s)")
    # A worker that found it away asks again within a second; until then it refuses.
    check(wait_until(lambda: all(call("GET", "/api/tickets?limit=1").status == 200 for _ in range(40)), 15),
          "every worker finds the way back")
    more = [ticket("back")]
    check(receiver.wait(arrived("/ok/kept", more), 15), "and with it again")


def the_operator_sees_what_is_due():
    made = hook("/fail-9/due")
    one = ticket()
    receiver.wait(arrived("/fail-9/due", [one]))
    listed = subprocess.run(["bash", "-c", "source \"$0/../../tools/stack.sh\" && stack_use \"$E2E_DIR\" && stack_ctl jobs ready webhook",
                             os.path.dirname(os.path.abspath(__file__))], capture_output=True, text=True).stdout
    check("webhook" in listed and os.environ["E2E_ORG"] in listed, "serviceosctl jobs lists what waits", listed)
    identity = next(l.split()[2] for l in listed.splitlines() if l.startswith("webhook"))
    stack(f"stack_ctl jobs drop webhook {identity}")
    ask("DELETE", f"/api/v1/webhooks/{made['webhook_id']}", want=204)
    figures = call("GET", "/metrics").body.decode()
    check("serviceos_due_age_seconds" in figures, "and /metrics says how late the oldest is")


first = the_event_arrives_signed()
a_failure_is_tried_again_after_a_second()
tests_show_what_was_said(first)
redirects_are_failures()
conditions_choose()
workflows_call_at_once()
the_operator_sees_what_is_due()
slow_endpoints_hold_nobody_up()
nothing_is_lost()
for made in ask("GET", "/api/v1/webhooks?limit=100")["data"]:
    ask("DELETE", f"/api/v1/webhooks/{made['webhook_id']}", want=204)
ok("and the hooks are gone")
receiver.stopping.set()
