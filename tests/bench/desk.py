# SPDX-License-Identifier: Apache-2.0
"""The parts of tests/bench/desk that are not shell: requests and their times, and the table of them."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

CLIENTS = 8
SECONDS = 10
WARM_SECONDS = 3  # of each operation before the first is measured: what was loaded last has not been read yet
DRAWN = 4000  # different requests of an operation
HERE = os.path.dirname(os.path.abspath(__file__))


def call(url, key, method, path, body=None):
    request = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(),
                                     {"X-API-Key": key, "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def timed(url, keys, clients, seconds, request):
    """How long the requests take that so many clients make in that time; request(organization) is method, path and body."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as out:
        for _ in range(DRAWN):
            org = random.randrange(len(keys))
            method, path, *body = request(org)
            out.write("\t".join((method, path, keys[org], json.dumps(body[0]) if body else "")) + "\n")
        out.flush()
        ran = subprocess.run(["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s",
                              os.path.join(HERE, "requests.lua"), url, "--", out.name],
                             check=True, capture_output=True, text=True)
    found = json.loads(ran.stdout.splitlines()[-1])
    if found["failed"] or not found["n"]:
        raise RuntimeError(f"{method} {path}: {ran.stdout}")
    return found


def search(body):
    return lambda org: ("POST", "/api/v1/search", body())


def measure(url, keys, size, only):
    many, one = keys[:20], keys[20:]
    views, batches = [], []
    for org, key in enumerate(many):
        views.append(call(url, key, "POST", f"/api/organizations/org_{org}/views", {
            "name": "Urgent and open", "conditions": {"all": [
                {"field": "status", "op": "in", "value": ["new", "open"]},
                {"field": "priority", "op": "in", "value": ["high", "urgent"]}]}})["view_id"])
        page = call(url, key, "GET", "/api/tickets?limit=100&status=open")["data"]
        batches.append([t["ticket_id"] for t in page])
    per_org = size // 20
    draw = random.randrange

    def view(what):
        return lambda org: ("GET", f"/api/organizations/org_{org}/views/{views[org]}/{what}")

    def bulk(org):
        return "PATCH", "/api/bulk/tickets", {"ticket_ids": batches[org], "changes": {
            "priority": random.choice(["low", "normal", "high", "urgent"])}}

    operations = [
        ("list of 50, status=open", lambda org: ("GET", "/api/tickets?status=open&limit=50")),
        ("view, 50 tickets", view("tickets")),
        ("view, count", view("count")),
        ("search, a word of one ticket", search(lambda: {"query": f"ref{draw(per_org)}"})),
        ("search, a word of 1 in 5,000", search(lambda: {"query": f"word{draw(min(5000, per_org))}"})),
        ("search, a word of 1 in 50", search(lambda: {"query": f"topic{draw(50)}"})),
        ("search, a word of every ticket", search(lambda: {"query": "invoice"})),
        ("search, two words, condition, facets", search(lambda: {
            "query": f"topic{draw(50)} amount", "facets": ["status", "priority"],
            "conditions": {"field": "status", "op": "eq", "value": "open"}})),
        ("search, misspelt", search(lambda: {"query": "invioce"})),
    ]
    searches = [request for name, request in operations if name.startswith("search")]
    operations.append(("search, the six in equal parts", lambda org: random.choice(searches)(org)))
    operations.append(("search, a tag that few of the best have", search(lambda: {
        "query": "invoice", "conditions": {"field": "tags", "op": "contains", "value": f"topic-{draw(50)}"}})))
    operations = [o for o in operations if o[0].startswith(only)]
    for _, request in operations:
        timed(url, many, CLIENTS, WARM_SECONDS, request)
    for name, request in operations:
        put(name, size, timed(url, many, CLIENTS, SECONDS, request))
    if only:
        return
    put("bulk update of 100", size, timed(url, many, 2, SECONDS, bulk))
    agent = call(url, one[0], "GET", "/api/organizations/org_one/users?limit=1")["data"][0]["user_id"]
    now = time.time()
    for days in 30, 365:
        since = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now - days * 86400))
        for report in ("overview", "volume", "volume?group_by=tag", "agents", "agents?group_by=team", f"agents/{agent}", "sla", "ai", "tickets"):
            path = f"/api/reports/{report}{'&' if '?' in report else '?'}from={since}"
            put(f"report {'agents/:id' if '/' in report else report.replace('?group_by=', ' by ')}, {days} days", size,
                timed(url, one, 1, 3, lambda org, p=path: ("GET", p)))


def put(name, size, found):
    print(json.dumps({"name": name, "size": size, "n": found["n"], "p50": found["p50"] / 1000, "p99": found["p99"] / 1000}),
          flush=True)


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
