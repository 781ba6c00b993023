# SPDX-License-Identifier: Apache-2.0
"""
Work of every kind that the scheduler does, and the ledger of what came of it: each effect in
the database once, each event at its receiver and each message in its mailbox, and how often.
"""

import collections
import datetime
import os
import random
import time

from e2e import ORG, ask, call, psql
from faults import must
from mailbox import Mailbox
from receiver import Receiver, event_of

TICKETS = 5
ROWS = 5
KINDS = ("event", "time", "clock", "sweep", "delivery", "mail")


def quoted(ids):
    return "'{" + ",".join(ids) + "}'"


class Desk:
    """An endpoint, workflows and a mail server for the organization; made once."""

    def __init__(self):
        self.receiver = Receiver()
        self.mailbox = Mailbox(int(os.environ["FAULT_SMTP"]))
        self.made = [("webhooks", ask("POST", "/api/v1/webhooks", {"url": self.receiver.url + "/ok/ledger", "topics": ["ticket.created"]}, 201)["webhook_id"])]
        for name, trigger in (("seen", {"type": "event", "topics": ["ticket.created"]}), ("timed", {"type": "time", "field": "created_at", "minutes": 1})):
            self.made.append(("workflows", ask("POST", "/api/workflows", {"name": name, "trigger": trigger, "conditions": {
                "field": "title", "op": "contains", "value": "work:"}, "actions": [{"action": "note", "body": name}]}, 201)["workflow_id"]))
        ask("PATCH", f"/api/organizations/{ORG}", {"mail_replies": True})

    def close(self):
        ask("PATCH", f"/api/organizations/{ORG}", {"mail_replies": False})
        for kind, identity in self.made:
            ask("DELETE", f"/api{'/v1' if kind == 'webhooks' else ''}/{kind}/{identity}", want=204)
        self.receiver.shutdown()
        self.mailbox.shutdown()


class Work:
    """Tickets with all that follows from them, and three jobs. Every answer must be the wanted one."""

    def __init__(self, desk, name, clock_s=1.5):
        self.desk = desk
        self.name = f"work: {name} {random.random()}"
        self.tickets, self.clocks, self.addresses = [], [], []
        for i in range(TICKETS):
            address = f"{time.time_ns()}.{i}@example.com"
            customer = ask("POST", "/api/customers", {"name": "Faults", "email": address}, 201)["customer_id"]
            ticket = ask("POST", "/api/tickets", {"title": self.name, "customer_id": customer}, 201)["ticket_id"]
            ask("POST", f"/api/tickets/{ticket}/comments", {"body": "Here you are."}, 201)
            start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=60 - clock_s)
            self.clocks.append(ask("POST", "/api/sla/timers", {"ticket_id": ticket, "metric": "custom", "target_minutes": 1,
                                                               "started_at": start.isoformat().replace("+00:00", "Z")}, 201)["timer_id"])
            self.tickets.append(ticket)
            self.addresses.append(address)
        psql(f"SET session_replication_role = replica; UPDATE ticket SET created_at = created_at - interval '5 minutes' WHERE ticket_id = ANY ({quoted(self.tickets)})")
        title = {"field": "title", "op": "eq", "value": self.name}
        self.sweep = ask("POST", "/api/bulk/jobs", {"action": "tag", "add": ["swept"], "conditions": title}, 202)["job_id"]
        self.out = ask("POST", "/api/exports", {"kind": "tickets", "conditions": title}, 202)["export_id"]
        rows = "title,external_id\n" + "".join(f"in {self.name},{self.name} {i}\n" for i in range(ROWS))
        self.taken = ask("POST", "/api/imports", rows, 202, headers={"Content-Type": "text/csv"})["import_id"]
        self.done = time.monotonic()

    def left(self):
        """What is still to be done, as a sentence; empty when all is."""
        mine = quoted(self.tickets)
        row = psql(f"""SELECT (SELECT count(DISTINCT ticket_id) FROM comment WHERE body = 'seen' AND ticket_id = ANY ({mine})),
            (SELECT count(DISTINCT ticket_id) FROM comment WHERE body = 'timed' AND ticket_id = ANY ({mine})),
            (SELECT count(*) FROM sla_timer WHERE breached_at IS NOT NULL AND timer_id = ANY ({quoted(self.clocks)})),
            (SELECT count(DISTINCT resource_id) FROM event WHERE topic = 'ticket.tags.changed' AND ticket_id = ANY ({mine})),
            (SELECT count(*) FROM webhook_delivery WHERE status = 'delivered' AND ticket_id = ANY ({mine})),
            (SELECT count(*) FROM mail WHERE status = 'sent' AND ticket_id = ANY ({mine}))""")[0]
        counts = [int(n) for n in row.split("|")]
        states = psql(f"SELECT kind || ' ' || state FROM job WHERE job_id = ANY ({quoted([self.sweep, self.out, self.taken])}) AND state <> 'completed'")
        short = [f"{n} {k}" for n, k in zip(counts, KINDS) if n < TICKETS]
        return ", ".join(short + states)

    def once(self, point):
        """The database's part: everything there once."""
        mine = quoted(self.tickets)
        twice = "SELECT min(n) || '-' || max(n) FROM (SELECT count(*) n FROM "
        seen = {
            "event": psql(twice + f"comment WHERE body = 'seen' AND ticket_id = ANY ({mine}) GROUP BY ticket_id) x"),
            "time": psql(twice + f"comment WHERE body = 'timed' AND ticket_id = ANY ({mine}) GROUP BY ticket_id) x"),
            "clock": psql(twice + f"event WHERE topic = 'sla.breached' AND ticket_id = ANY ({mine}) GROUP BY resource_id) x"),
            "sweep": psql(twice + f"event WHERE topic = 'ticket.tags.changed' AND ticket_id = ANY ({mine}) GROUP BY ticket_id) x"),
            "delivery": psql(twice + f"webhook_delivery WHERE ticket_id = ANY ({mine}) GROUP BY event_id) x"),
            "mail": psql(twice + f"mail WHERE ticket_id = ANY ({mine}) GROUP BY comment_id) x"),
        }
        wrong = {k: v for k, v in seen.items() if v != ["1-1"]}
        must(not wrong, f"{point}: each effect is there once", wrong)
        self.export(point)
        rows = psql(f"SELECT count(*) || ' ' || count(DISTINCT external_id) FROM ticket WHERE title = 'in {self.name}'")
        job = ask("GET", f"/api/imports/{self.taken}")
        must(rows == [f"{ROWS} {ROWS}"] and job["created"] == ROWS, f"{point}: the import has each row once", (rows, job))

    def export(self, point):
        job = ask("GET", f"/api/exports/{self.out}")
        reply = call("GET", "/api" + job["download_url"].split("/api", 1)[1], key=None)
        lines = reply.body.decode().splitlines()
        must(len(lines) == TICKETS and len(set(lines)) == TICKETS and job["bytes"] == len(reply.body),
              f"{point}: the export has each ticket once", (job, lines))

    def arrived(self):
        """How often each came to the endpoint, and to the mailbox."""
        with self.desk.receiver.changed:
            hooks = collections.Counter(a.headers["webhook-id"] for a in self.desk.receiver.arrivals if event_of(a)["ticket_id"] in self.tickets)
        with self.desk.mailbox.lock:
            mails = collections.Counter({k: n for k, n in self.desk.mailbox.arrived.items() if k[0] in self.addresses})
        return hooks, mails


def settle(works, seconds):
    """Until all is done, or the time is over: what is left then."""
    deadline = time.monotonic() + seconds
    while (left := [w.name + ": " + what for w in works if (what := w.left())]) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def gaps():
    return psql("""SELECT org_id || ' ' || count(*) || ' of ' || max(seq) FROM event WHERE seq IS NOT NULL
                    GROUP BY org_id HAVING count(*) <> max(seq) OR count(DISTINCT seq) <> max(seq)""")
