# SPDX-License-Identifier: Apache-2.0
"""A file of tickets for tests/bench/imports: imports.py FORMAT COMMENTS TICKETS"""
import csv
import datetime
import json
import random
import sys

FORMAT, COMMENTS, TICKETS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(1)
WORDS = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(3, 10))) for _ in range(20000)]
# Some words are frequent and most are rare, as in a language.
WEIGHTS = [1 / (n + 10) for n in range(len(WORDS))]
TEXT = random.choices(WORDS, WEIGHTS, k=200000)
EPOCH = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def words(n):
    start = random.randrange(len(TEXT) - n)
    return " ".join(TEXT[start : start + n])


def at(minutes):
    return (EPOCH + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def comment(n, i):
    by_customer = n % 2 == 1
    person = {"author_email": f"person{i % 20000}@example.com"} if by_customer else {"author_name": f"Agent {i % 50}"}
    return {
        "external_id": f"c{i}-{n}",
        "author_type": "customer" if by_customer else "agent",
        "body": words(30),
        "created_at": at(i * 5 + n * 30),
        **person,
    }


def ticket(i):
    return {
        "external_id": f"t{i}",
        "number": i,
        "title": words(7),
        "description": words(40),
        "status": random.choice(["open", "pending", "resolved", "closed", "closed", "closed"]),
        "priority": random.choice(["low", "normal", "high", "urgent"]),
        "tags": random.sample(["login", "billing", "bug", "refund", "shipping", "question"], 2),
        "requester": {"email": f"person{i % 20000}@example.com", "name": f"Person {i % 20000}"},
        "created_at": at(i * 5),
        "updated_at": at(i * 5 + 90),
    }


if FORMAT == "csv":
    out = csv.writer(sys.stdout)
    names = [name for name in ticket(1) if name != "requester"]
    out.writerow(names + ["requester.email", "requester.name"])
    for i in range(1, TICKETS + 1):
        t = ticket(i)
        t["tags"] = ",".join(t["tags"])
        out.writerow([t[name] for name in names] + [t["requester"]["email"], t["requester"]["name"]])
else:
    for i in range(1, TICKETS + 1):
        t = ticket(i)
        if COMMENTS:
            t["comments"] = [comment(n, i) for n in range(COMMENTS)]
        print(json.dumps(t))
