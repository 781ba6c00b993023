# SPDX-License-Identifier: Apache-2.0
"""
A ledger of operations in the manner of Jepsen: threads of clients invoke, and write down what
they were told: ok, fail (nothing happened), or unknown. Afterwards it is compared with the
database: what was acknowledged is there exactly once, what failed absent, what is unknown at
most once; with an Idempotency-Key it is tried again until it is known, and then there once.
"""

import hashlib
import json
import os
import random
import threading
import time
import uuid

from e2e import call, check, fail, psql
from faults import await_true, must

SETTLE_S = 60
KEY = os.environ["FAULT_OPS_KEY"]  # of an organization of their own: what is due in the other is not woken by them


def verdict(answer):
    if answer.status in (200, 201):
        return "ok"
    in_flight = answer.status == 409 and b"idempotency_in_flight" in answer.body
    return "unknown" if answer.status == 0 or answer.status >= 500 or in_flight else "fail"


class Ops:
    """Clients at work, from `with` on until its end."""

    def __init__(self, threads=6, seed=1, pause=0):
        self.pause = pause  # seconds between two operations of a client
        self.run = uuid.uuid4().hex[:12]
        self.lock = threading.Lock()
        self.ops = []
        self.statuses = []  # (when, status)
        self.shared_acks = []  # versions of the shared ticket that somebody was told
        self.now = ""  # what happens to the servers
        self.file = open(os.path.join(os.environ["E2E_DIR"], "log", "ops.jsonl"), "a", encoding="utf-8")
        self.stopping = threading.Event()
        self.broken = []  # what a client saw that must not be
        self.shared = self.new_ticket("shared")
        self.clients = [Client(self, n, random.Random(seed * 1000 + n)) for n in range(threads)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for client in self.clients:
            client.join()
        self.file.close()

    def ask(self, method, path, body=None, headers=None):
        answer = call(method, path, body, KEY, headers)
        with self.lock:
            self.statuses.append((time.monotonic(), answer.status))
        return answer

    def note(self, kind, name, key, result, **more):
        op = {"kind": kind, "name": name, "key": key, "result": result, "during": self.now, **more}
        with self.lock:
            self.ops.append(op)
            self.file.write(json.dumps(op) + "\n")

    def new_ticket(self, name):
        answer = call("POST", "/api/tickets", {"title": f"ops {self.run} own {name}"}, KEY)
        if answer.status != 201:
            fail(f"a ticket is created (seen: {answer.status} {answer.body[:200]})")
        return answer.json()["ticket_id"]

    def failures(self, since):
        """Answers since then that were 5xx, or none."""
        with self.lock:
            return [s for at, s in self.statuses if at >= since and (s == 0 or s >= 500)]

    def invoke(self, kind, name, path, body, key, identity, headers=None):
        """Once without a key; with one until it is settled."""
        send = dict(headers or {})
        if key:
            send["Idempotency-Key"] = f"{self.run}-{name}".replace(" ", "-")
        deadline = time.monotonic() + SETTLE_S
        tries = 0
        while True:
            tries += 1
            answer = self.ask("POST", path, body, send)
            result = verdict(answer)
            if result != "unknown" or not key or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        self.note(kind, name, key, result, status=answer.status, tries=tries,
                  id=answer.json()[identity] if result == "ok" else None, replayed="idempotency-replayed" in answer.headers)
        return answer


class Client(threading.Thread):
    """Does one thing after the other, by dice."""

    def __init__(self, ops, number, dice):
        super().__init__(daemon=True)
        self.ops = ops
        self.number = number
        self.dice = dice
        self.count = 0
        self.ticket = ops.new_ticket(f"changed {number}")
        self.thread = ops.new_ticket(f"thread {number}")
        self.version = 1
        self.seen_shared = 0
        self.open = None

    def run(self):
        doings = (self.create, self.create, self.create, self.comment, self.change, self.change, self.race, self.upload, self.sweep)
        while not self.ops.stopping.is_set():
            self.count += 1
            self.dice.choice(doings)()
            self.ops.stopping.wait(self.ops.pause)

    def name(self):
        return f"ops {self.ops.run} {self.number}.{self.count}"

    def keyed(self):
        return self.dice.random() < 0.6

    def create(self):
        self.ops.invoke("ticket", self.name(), "/api/tickets", {"title": self.name()}, self.keyed(), "ticket_id")

    def comment(self):
        self.ops.invoke("comment", self.name(), f"/api/tickets/{self.thread}/comments", {"body": self.name()}, self.keyed(), "comment_id")

    def upload(self):
        content = (self.name() + "\n").encode() * 8000
        path = f"/api/tickets/{self.thread}/attachments?filename={self.name().replace(' ', '-')}"
        self.ops.invoke("file", self.name(), path, content, self.keyed(), "attachment_id", {"Content-Type": "text/plain"})

    def sweep(self):
        """Two new tickets in one transaction: both or none."""
        tickets = [{"title": f"{self.name()} of two {n}"} for n in "ab"]
        key = {"Idempotency-Key": f"{self.ops.run}-{self.number}-{self.count}"}
        answer = self.ops.ask("POST", "/api/bulk/tickets", {"tickets": tickets, "atomic": True}, key)
        self.ops.note("two", self.name(), False, verdict(answer), status=answer.status)

    def look(self, ticket):
        """The ticket as it is, whatever it takes."""
        deadline = time.monotonic() + SETTLE_S
        while (answer := self.ops.ask("GET", f"/api/tickets/{ticket}")).status != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        return answer.json() if answer.status == 200 else {"version": -1, "title": ""}

    def change(self):
        """
        Nobody else changes this one: each version is ours, and one more than the last. One of unknown
        outcome may come true later, when the COMMIT of a dead worker was on its way: self.open is its title.
        """
        answer = self.ops.ask("PATCH", f"/api/tickets/{self.ticket}", {"title": self.name()}, {"If-Match": f'"v{self.version}"'})
        result = verdict(answer)
        self.ops.note("change", self.name(), False, result, status=answer.status)
        now = answer.json() if result == "ok" else self.look(self.ticket)
        step = now["version"] - self.version
        if result == "ok":
            good, self.open = step == 1, None
        elif result == "unknown":
            good = step == 0 or (step == 1 and now["title"] in (self.name(), self.open))
            self.open = self.name() if step == 0 else None
        else:
            good, self.open = answer.status == 412 and step == 1 and now["title"] == self.open, None
        if not good:
            self.ops.broken.append(("change", self.name(), answer.status, self.version, now))
        self.version = now["version"]

    def race(self):
        """All change this one: of those who saw the same version one may win."""
        version = self.look(self.ops.shared)["version"]
        if version < self.seen_shared:
            self.ops.broken.append(("a version went back", self.seen_shared, version))
        self.seen_shared = version
        answer = self.ops.ask("PATCH", f"/api/tickets/{self.ops.shared}", {"title": self.name()}, {"If-Match": f'"v{version}"'})
        self.ops.note("race", self.name(), False, verdict(answer), status=answer.status)
        if answer.status == 200:
            with self.ops.lock:
                self.ops.shared_acks.append(answer.json()["version"])


def stored(ops):
    """What is there, by kind: name -> ids."""
    mine = f"ops {ops.run} "
    found = {"ticket": {}, "comment": {}, "file": {}}
    for kind, sql in (("ticket", f"SELECT title || E'\\t' || ticket_id FROM ticket WHERE title LIKE '{mine}%' AND title NOT LIKE '{mine}own %' AND title NOT LIKE '% of two _'"),
                      ("comment", f"SELECT body || E'\\t' || comment_id FROM comment WHERE body LIKE '{mine}%'"),
                      ("file", f"SELECT replace(filename, '-', ' ') || E'\\t' || attachment_id FROM attachment WHERE filename LIKE 'ops-{ops.run}-%'")):
        for row in psql(sql):
            name, identity = row.split("\t")
            found[kind].setdefault(name, []).append(identity)
    return found


def wrong(ops, found):
    """The writes that are not as their callers were told."""
    renamed = {op["name"] for op in ops.ops if op["kind"] in ("change", "race")}
    for op in ops.ops:
        if op["kind"] not in found:
            continue
        ids = found[op["kind"]].pop(op["name"], [])
        good = {"ok": ids == [op["id"]], "fail": ids == [], "unknown": len(ids) <= 1 and not op["key"]}[op["result"]]
        if not good or op["result"] == "fail":
            yield op, ids
    for kind, names in found.items():
        for name, ids in names.items():
            if name not in renamed:
                yield {"kind": kind, "name": name, "result": "never asked for"}, ids


def verify_files(ops):
    """Each row has its bytes on the disk."""
    for row in psql(f"SELECT org_id || ' ' || sha256 || ' ' || size FROM attachment WHERE filename LIKE 'ops-{ops.run}-%'"):
        org, digest, size = row.split()
        path = os.path.join(os.environ["E2E_DIR"], "state", "files", org, digest[:2], digest)
        content = open(path, "rb").read() if os.path.exists(path) else b""
        if len(content) != int(size) or hashlib.sha256(content).hexdigest() != digest:
            yield row


def events_wrong(ops):
    """Every mutation has its event, and every event its mutation; all of them numbered."""
    mine = f"ops {ops.run} %"
    return psql(f"""
        WITH t AS (SELECT * FROM ticket WHERE title LIKE '{mine}'),
        n AS (SELECT t.ticket_id, t.title, t.version,
                 (SELECT count(*) FROM event e WHERE e.org_id = t.org_id AND e.ticket_id = t.ticket_id AND e.topic = 'ticket.created' AND e.seq > 0) AS created,
                 (SELECT count(*) FROM event e WHERE e.org_id = t.org_id AND e.ticket_id = t.ticket_id AND e.topic = 'ticket.updated' AND e.seq > 0) AS updated,
                 (SELECT count(*) FROM event e WHERE e.org_id = t.org_id AND e.ticket_id = t.ticket_id AND e.topic = 'ticket.comment.added' AND e.seq > 0) AS added,
                 (SELECT count(*) FROM comment c WHERE c.org_id = t.org_id AND c.ticket_id = t.ticket_id) AS comments FROM t)
        SELECT n.* FROM n WHERE created <> 1 OR added <> comments OR (comments = 0 AND updated <> version - 1)""")


def verify(ops, scheduler_there=True):
    told = {r: sum(op["result"] == r for op in ops.ops) for r in ("ok", "fail", "unknown")}
    again = sum(op.get("tries", 1) - 1 for op in ops.ops)
    bad = list(wrong(ops, stored(ops)))
    check(not bad, f"{len(ops.ops)} operations ({told['ok']} ok, {told['unknown']} unknown, {again} retries with Idempotency-Key): "
          "each is there as its caller was told", bad[:3])
    must(not ops.broken, "versions go up one by one", ops.broken[:3])
    must(len(ops.shared_acks) == len(set(ops.shared_acks)), "of two who saw the same version one may change it", sorted(ops.shared_acks))
    halves = psql(f"SELECT split_part(title, ' of two ', 1), count(*) FROM ticket WHERE title LIKE 'ops {ops.run} % of two _' GROUP BY 1 HAVING count(*) <> 2")
    must(not halves, "an atomic request is done whole, and once, or not at all", halves)
    pairs = {r for r in psql(f"SELECT DISTINCT split_part(title, ' of two ', 1) FROM ticket WHERE title LIKE 'ops {ops.run} % of two _'")}
    lost = [op for op in ops.ops if op["kind"] == "two" and ((op["result"] == "ok") > (op["name"] in pairs) or op["result"] == "fail")]
    must(not lost, "and is there when it was acknowledged", lost[:3])
    files = list(verify_files(ops))
    check(not files, "versions are monotone, atomic requests whole, and files have their bytes", files)
    if scheduler_there:
        await_true(lambda: not events_wrong(ops), 15)
        check(not events_wrong(ops), "every mutation has its event and number", events_wrong(ops)[:3])
