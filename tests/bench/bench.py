# SPDX-License-Identifier: Apache-2.0
"""The parts of tests/bench/run that are not shell.

bench.py scripts DIR   turn the statements that PostgreSQL logged for one request
                       of each kind (DIR/get.log …) into pgbench scripts of the
                       same statements, so that both sides run the same SQL
bench.py report FILE   the results as markdown
"""

import json
import os
import re
import statistics
import sys

# ---- what the workers sent, as pgbench scripts

ENTRY = re.compile(r"^\d{4}-\S+ \S+ \w+ \[(\d+)\] serviceos-api\S* (LOG|DETAIL):  (.*)", re.S)
PARAMETER = re.compile(r"\$(\d+) = (?:NULL|'((?:[^']|'')*)')")
LOADED_ID = "01900000-0000-7000-8000-"


def entries(path):
    """The log's entries; lines that go on begin with a tab."""
    entry = ""
    with open(path, encoding="utf-8") as log:
        for line in log:
            if entry and not line.startswith("\t"):
                yield entry
                entry = ""
            entry += line
    yield entry


def statements(path):
    """[pid, SQL, {number: value}] of each statement that was executed."""
    found = []
    for entry in entries(path):
        match = ENTRY.match(entry)
        if match is None:
            continue
        pid, kind, text = match.groups()
        if kind == "LOG" and text.startswith("execute "):
            found.append([pid, text.split(": ", 1)[1].rstrip(), {}])
        elif kind == "DETAIL" and found and text.startswith("parameters: "):
            found[-1][2] = {
                int(n): value.replace("''", "'") for n, value in PARAMETER.findall(text)
            }
    return found


def flight_of(path, mark, writes):
    """The request's own transaction: the one with the statement that has this mark."""
    found = statements(path)
    at = next((i for i, s in enumerate(found) if mark in s[1]), None)
    if at is None:
        sys.exit(f"bench: no statement with {mark!r} was seen in {path}")
    own = [s for s in found if s[0] == found[at][0]]
    at = own.index(found[at])
    if not writes:
        return own[at - 1 : at + 1]
    first = max(i for i in range(at) if own[i][1] == "BEGIN")
    last = min(i for i in range(at, len(own)) if own[i][1] == "COMMIT")
    return own[first : last + 1]


class Script:
    """A pgbench script; values that vary are variables, the others arguments (-D)."""

    def __init__(self, head, varying):
        self.head = head
        self.varying = varying
        self.constants = {}

    def parameter(self, value):
        if value in self.varying:
            return self.varying[value]
        if value == "":  # -D refuses it
            return "''"
        return ":" + self.constants.setdefault(value, f"v{len(self.constants)}")

    def write(self, path, flight):
        lines = self.head + ["\\startpipeline"]
        for _, sql, values in flight:
            lines.append(
                re.sub(r"\$(\d+)", lambda m: self.parameter(values[int(m[1])]), sql).rstrip(";") + ";"
            )
        lines.append("\\endpipeline")
        with open(path + ".sql", "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
        with open(path + ".args", "w", encoding="utf-8") as out:
            for value, name in self.constants.items():
                out.write(f"-D\n{name}={value}\n")


def scripts(where):
    with open(os.path.join(where, "shape.json"), encoding="utf-8") as f:
        shape = json.load(f)
    with open(os.path.join(where, "post.json"), encoding="utf-8") as f:
        made = json.load(f)
    per_org = shape["tickets"] // shape["orgs"]
    org = str(shape["first_org"])
    pick = [
        f"\\set n random(0, {shape['tickets'] - 1})",
        f"\\set org {org} + :n / {per_org}",
    ]
    new_id = f"('{LOADED_ID}'::text || :id)::uuid"

    def path(name):
        return os.path.join(where, name)

    get = Script(
        pick + ["\\set id 100000000000 + :n"],
        {org: ":org", LOADED_ID + "100000000000": new_id},
    )
    get.write(path("get"), flight_of(path("get.log"), "FROM ticket_v", False))
    list_ = Script(pick, {org: ":org"})
    list_.write(path("list"), flight_of(path("list.log"), "FROM ticket_v", False))
    # Ids of new tickets: per run and client, in order. The number is the same one.
    fresh = ["\\set k :k + 1", "\\set id 200000000000 + :run * 1000000000 + :client_id * 10000000 + :k"]
    varying = {org: ":org", made["ticket_id"]: new_id, str(made["number"]): ":id"}
    post = Script(pick + fresh, varying)
    post.write(path("post"), flight_of(path("post.log"), "SELECT ticket_create(", True))


# ---- the report


class Results:
    def __init__(self, path):
        self.rates, self.p50, self.p99, self.values = {}, {}, {}, {}
        self.refused = self.broken = 0
        with open(path, encoding="utf-8") as f:
            for line in f:
                name, text = line.split(" ", 1)
                self.take(name, json.loads(text))

    def take(self, name, r):
        if "value" in r:
            self.values.setdefault(name, []).append(r["value"])
            return
        self.rates.setdefault(name, []).append(r["rate"] if "rate" in r else r["requests"] / r["seconds"])
        if "p99" in r:
            self.p50.setdefault(name, []).append(r["p50"] / 1000)
            self.p99.setdefault(name, []).append(r["p99"] / 1000)
        self.refused += r.get("refused", 0)
        self.broken += r.get("broken", 0)

    def rate(self, name):
        return statistics.median(self.rates[name])

    def span(self, name):
        all_ = self.rates[name]
        return f"{self.rate(name):,.0f} ({min(all_):,.0f}–{max(all_):,.0f})"

    def ms(self, which, name):
        return f"{statistics.median(which[name]):.1f}" if name in which else ""


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def report(path):
    r = Results(path)

    def row(text, name, beside="", must="", goal=""):
        ratio = f"{r.rate(name) / r.rate(beside):.2f}" if beside else ""
        return [text, r.span(name), r.span(beside) if beside else "", ratio, must, goal,
                r.ms(r.p50, name), r.ms(r.p99, name)]

    table(
        ["operation", "requests/s", "beside it", "ratio", "must", "goal", "p50 ms", "p99 ms"],
        [
            row("nginx, static file", "static"),
            row("GET /health through a worker", "hello"),
            row("GET one ticket; pgbench -c 8", "get", "pgbench-get", "0.40", "0.50"),
            row("list 50 by status; pgbench -c 8", "list", "pgbench-list", "0.50", "0.65"),
            row("POST ticket; pgbench -c 16", "post", "pgbench-post", "0.60", "0.80"),
            row("POST, all into one org; spread over 20", "post-one", "post", "0.90", "1.00"),
        ],
    )
    ceiling = 1 / (1 / r.rate("hello") + 1 / r.rate("pgbench-get"))
    memory = r.values["pss"]
    clients = sorted(r.values["client"])
    fair = clients[0] / statistics.median(clients)
    table(
        ["further", "measured", "must", "goal"],
        [
            ["GET one / additive ceiling 1/(1/health + 1/pgbench)", f"{r.rate('get') / ceiling:.2f}", "0.70", "0.80"],
            ["GET one, p99 at 32 connections", f"{r.ms(r.p99, 'get')} ms", "≤ 12 ms", "≤ 6 ms"],
            ["least served of 32 clients / median client", f"{fair:.2f}", "≥ 0.3", "≥ 0.5"],
            ["memory of an api worker (PSS), largest of all", f"{max(memory) / 1024:.1f} MiB", "≤ 4 MiB", "≤ 2 MiB"],
        ],
    )
    rounds = len(r.rates["get"])
    print(f"Medians of {rounds} interleaved rounds (lowest–highest). ", end="")
    print(f"Replies that were no success: {r.refused}; broken connections: {r.broken}.")
    if r.refused or r.broken:
        sys.exit("bench: some requests failed, so the figures mean little")


if __name__ == "__main__":
    {"scripts": scripts, "report": report}[sys.argv[1]](sys.argv[2])
