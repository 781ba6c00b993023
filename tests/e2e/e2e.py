# SPDX-License-Identifier: Apache-2.0
"""Requests, many at once, and a ledger of writes. Python's standard library only."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

URL = urllib.parse.urlsplit(os.environ["E2E_URL"])
ORG = os.environ["E2E_ORG"]
KEY = os.environ["E2E_KEY"]


def ok(sentence):
    print("ok " + sentence, flush=True)


def fail(sentence):
    print("not ok " + sentence, flush=True)
    sys.exit(1)


def check(condition, sentence, seen=None):
    if condition:
        ok(sentence)
    else:
        fail(sentence + ("" if seen is None else f" (seen: {seen})"))


class Answer:
    """status 0 means that the connection broke."""

    def __init__(self, status, headers, body, seconds):
        self.status = status
        self.headers = headers
        self.body = body
        self.seconds = seconds

    def json(self):
        return json.loads(self.body)


def call(method, path, body=None, key=KEY, headers=None, source=None, timeout=20):
    """One request on a connection of its own; source is the client's (loopback) address."""
    send = dict(headers or {})
    if key is not None:
        send.setdefault("X-API-Key", key)
    if body is not None:
        send.setdefault("Content-Type", "application/json")
        body = body if isinstance(body, (bytes, str)) else json.dumps(body)
    began = time.monotonic()
    connection = http.client.HTTPConnection(
        URL.hostname, URL.port, timeout=timeout,
        source_address=None if source is None else (source, 0))
    try:
        connection.request(method, path, body, send)
        reply = connection.getresponse()
        content = reply.read()
        got = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, got, content, time.monotonic() - began)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, {}, str(error).encode(), time.monotonic() - began)
    finally:
        connection.close()


def ask(method, path, body=None, want=200, **more):
    """The JSON of a call that must be answered with this status; None without a body."""
    reply = call(method, path, body, **more)
    if reply.status != want:
        fail(f"{method} {path} answers {want} (seen: {reply.status} {reply.body[:300]!r})")
    return reply.json() if reply.body else None


def parallel(count, threads, function):
    """function(i) for i below count, on so many threads; the results in order of i."""
    results = [None] * count
    numbers = iter(range(count))
    lock = threading.Lock()

    def run():
        while True:
            with lock:
                i = next(numbers, None)
            if i is None:
                return
            results[i] = function(i)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Ledger:
    """
    Threads that create tickets and write down what they were told. An answer
    that leaves the outcome open (5xx, a broken connection, 409 in flight) is
    followed by the same request with the same Idempotency-Key until it is settled.
    """

    def __init__(self, threads, key):
        self.run_id = uuid.uuid4().hex[:12]
        self.key = key
        self.settled = {}  # title -> ticket_id
        self.refused = []  # anything else than success, in the end
        self.retries = 0
        self.count = 0
        self.statuses = {}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _next_title(self):
        with self.lock:
            self.count += 1
            return f"ledger {self.run_id} {self.count}"

    def _note(self, status):
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def _settle(self, title):
        headers = {"Idempotency-Key": title.replace(" ", "-")}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = call("POST", "/api/tickets", {"title": title}, self.key, headers)
            self._note(answer.status)
            in_flight = answer.status == 409 and b"idempotency_in_flight" in answer.body
            if answer.status == 0 or answer.status >= 500 or in_flight:
                with self.lock:
                    self.retries += 1
                time.sleep(0.02)
                continue
            with self.lock:
                if answer.status == 201:
                    self.settled[title] = answer.json()["ticket_id"]
                else:
                    self.refused.append((title, answer.status, answer.body[:200]))
            return
        with self.lock:
            self.refused.append((title, "not settled within 60 s", b""))

    def _run(self):
        while not self.stopping.is_set():
            self._settle(self._next_title())

    def verify(self, psql):
        """Every acknowledged ticket is there once, and nothing twice. psql(sql) -> lines."""
        rows = psql("SELECT title || E'\\t' || ticket_id FROM ticket "
                    f"WHERE title LIKE 'ledger {self.run_id} %'")
        stored = {}
        twice = 0
        for row in rows:
            title, ticket = row.split("\t")
            twice += title in stored
            stored[title] = ticket
        lost = [t for t, ticket in self.settled.items() if stored.get(t) != ticket]
        check(not self.refused, f"all {self.count} writes were settled", self.refused[:3])
        check(not lost, f"0 of {len(self.settled)} acknowledged writes are lost", lost[:3])
        check(twice == 0, f"0 duplicates after {self.retries} retries with Idempotency-Key", twice)


def wait_until(function, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if function():
            return True
        time.sleep(0.1)
    return False


def psql(sql):
    out = subprocess.run(
        [os.environ["E2E_PSQL"], "-X", "-h", os.environ["E2E_PGSOCK"], "-U", "postgres",
         "-d", "serviceos", "-Atc", sql],
        check=True, capture_output=True, text=True).stdout
    return out.splitlines()


def stack(function):
    """A function of tools/stack.sh on the running stack."""
    done = subprocess.run(
        ["bash", "-c", f'source "$0/../../tools/stack.sh" && stack_use "$E2E_DIR" && '
         f'stack_pg_programs && {function} || {{ echo "$STACK_ERROR"; exit 1; }}',
         os.path.dirname(os.path.abspath(__file__))],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        fail(f"{function}: {done.stdout.strip()}")


def settings(lines):
    """What the stack is configured with besides, and restarted for; "" is nothing."""
    with open(os.path.join(os.environ["E2E_DIR"], "local.conf"), "w", encoding="utf-8") as file:
        file.write(lines)
    stack("stack_conf && stack_app_start && stack_wait_ready")


def venv(name, *requirements):
    """The Python of an environment that has these packages of PyPI; made once for each build."""
    folder = os.path.join(os.environ["STACK_BUILD"], name)
    python, done = os.path.join(folder, "bin", "python"), os.path.join(folder, "done")
    wanted = "\n".join(requirements)
    if not os.path.exists(done) or open(done, encoding="utf-8").read() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements], check=True)
        with open(done, "w", encoding="utf-8") as file:
            file.write(wanted)
    return python


def pid_of(name):
    """Of a process of the stack: "scheduler", "redis", …"""
    with open(os.path.join(os.environ["E2E_DIR"], "pid", name), encoding="ascii") as file:
        return int(file.read().split()[0])


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]
