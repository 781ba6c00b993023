# SPDX-License-Identifier: Apache-2.0
"""The parts of tests/bench/desk that are not shell: requests and their times, and the table of them."""

import concurrent.futures
import http.client
import json
import random
import sys
import threading
import time
import urllib.parse

CLIENTS = 8
SECONDS = 6
WARM_SECONDS = 3  # of each operation before the first is measured: what was loaded last has not been read yet


class Client:
    def __init__(self, url, key):
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        self.key = key

    def call(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body),
                                {"X-API-Key": self.key, "Content-Type": "application/json"})
        reply = self.connection.getresponse()
        content = reply.read()
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path}: {reply.status} {content[:300]!r}")
        return json.loads(content)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def timed(url, keys, clients, seconds, request):
    """Milliseconds of each request(client, organization) that so many clients make in that time."""
    times = []
    lock = threading.Lock()

    def run(number):
        draw = random.Random(number)
        mine = [Client(url, key) for key in keys]
        own = []
        for client in mine:  # connections and plans are there
            request(client, mine.index(client), draw)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            org = draw.randrange(len(mine))
            began = time.monotonic()
            request(mine[org], org, draw)
            own.append((time.monotonic() - began) * 1000)
        with lock:
            times.extend(own)

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(run, n) for n in range(clients)]:
            done.result()
    return times


def search(body):
    return lambda c, org, draw: c.call("POST", "/api/v1/search", body(draw))


def measure(url, keys, size, only):
    url = urllib.parse.urlsplit(url)
    many, one = keys[:20], keys[20:]
    views, batches = [], []
    for org, key in enumerate(many):
        c = Client(url, key)
        views.append(c.call("POST", f"/api/organizations/org_{org}/views", {
            "name": "Urgent and open", "conditions": {"all": [
                {"field": "status", "op": "in", "value": ["new", "open"]},
                {"field": "priority", "op": "in", "value": ["high", "urgent"]}]}})["view_id"])
        page = c.call("GET", "/api/tickets?limit=100&status=open")["data"]
        batches.append([t["ticket_id"] for t in page])
    per_org = size // 20

    def view(what):
        return lambda c, org, draw: c.call("GET", f"/api/organizations/org_{org}/views/{views[org]}/{what}")

    def bulk(c, org, draw):
        c.call("PATCH", "/api/bulk/tickets", {"ticket_ids": batches[org], "changes": {
            "priority": draw.choice(["low", "normal", "high", "urgent"])}})

    operations = [
        ("list of 50, status=open", many, lambda c, o, d: c.call("GET", "/api/tickets?status=open&limit=50")),
        ("view, 50 tickets", many, view("tickets")),
        ("view, count", many, view("count")),
        ("search, a word of one ticket", many, search(lambda d: {"query": f"ref{d.randrange(per_org)}"})),
        ("search, a word of 1 in 5,000", many, search(lambda d: {"query": f"word{d.randrange(min(5000, per_org))}"})),
        ("search, a word of 1 in 50", many, search(lambda d: {"query": f"topic{d.randrange(50)}"})),
        ("search, a word of every ticket", many, search(lambda d: {"query": "invoice"})),
        ("search, two words, condition, facets", many, search(lambda d: {
            "query": f"topic{d.randrange(50)} amount", "facets": ["status", "priority"],
            "conditions": {"field": "status", "op": "eq", "value": "open"}})),
        ("search, misspelt", many, search(lambda d: {"query": "invioce"})),
    ]
    operations = [o for o in operations if o[0].startswith(only)]
    for _, orgs, request in operations:
        timed(url, orgs, CLIENTS, WARM_SECONDS, request)
    for name, orgs, request in operations:
        times = timed(url, orgs, CLIENTS, SECONDS, request)
        put(name, size, times)
    if only:
        return
    put("bulk update of 100", size, timed(url, many, 2, SECONDS, bulk))
    agent = Client(url, one[0]).call("GET", "/api/organizations/org_one/users?limit=1")["data"][0]["user_id"]
    now = time.time()
    for days in 30, 365:
        since = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now - days * 86400))
        for report in ("overview", "volume", "agents", f"agents/{agent}", "sla", "ai", "tickets"):
            times = timed(url, one, 1, 1, lambda c, o, d, r=report: c.call("GET", f"/api/reports/{r}?{'created_after' if r == 'tickets' else 'from'}={since}"))
            put(f"report {'agents/:id' if '/' in report else report}, {days} days", size, times)


def put(name, size, times):
    print(json.dumps({"name": name, "size": size, "n": len(times), "p50": percentile(times, 0.5),
                      "p99": percentile(times, 0.99)}), flush=True)


def report(path):
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    sizes = sorted({r["size"] for r in rows})
    print("| ms, p50 / p99 | " + " | ".join(f"{s:,} tickets" for s in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name in dict.fromkeys(r["name"] for r in rows):
        cells = {r["size"]: f"{r['p50']:.1f} / {r['p99']:.1f}" for r in rows if r["name"] == name}
        print(f"| {name} | " + " | ".join(cells.get(s, "") for s in sizes) + " |")


if sys.argv[1] == "report":
    report(sys.argv[2])
else:
    measure(sys.argv[2], open(sys.argv[3], encoding="utf-8").read().split(), int(sys.argv[4]), sys.argv[5])
