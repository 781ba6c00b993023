#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A support day: the past is imported, new tickets come in and are routed, agents
claim and answer them, customers rate, leads look; in the evening everything is
exported and compared with what went in. An organization of its own.
"""

import json
import os
import time

import e2e
from e2e import URL, call, check, ok, fail, parallel, psql, stack, wait_until

ORG = "org_day"
HOME = f"/api/organizations/{ORG}"
PAST = 200
TODAY = 12
key = None


def ask(method, path, body=None, want=200, **more):
    return e2e.ask(method, path, body, want, key=key, **more)


def wait_for(path, seconds=60):
    """A background job, when it has ended well."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = ask("GET", path)
        if job["state"] in ("completed", "failed", "cancelled"):
            check(job["state"] == "completed", f"{path.split('/')[2]}: the job completes", job)
            return job
        time.sleep(0.1)
    fail(f"{path} ends within {seconds} s")


def pages(path):
    """All rows of a list, page by page."""
    rows, cursor = [], None
    while True:
        more = "" if cursor is None else f"&cursor={cursor}"
        page = ask("GET", f"{path}{'&' if '?' in path else '?'}limit=37{more}")
        rows += page["data"]
        if not page["has_more"]:
            return rows
        cursor = page["next_cursor"]


def open_the_desk():
    global key
    file = os.path.join(os.environ["E2E_DIR"], "day-key")
    stack(f'stack_ctl org create {ORG} "Support day" >/dev/null 2>&1 </dev/null && '
          f'stack_ctl key create {ORG} day admin 1000000 1000000 >"{file}" 2>/dev/null </dev/null')
    with open(file, encoding="ascii") as text:
        key = text.read().strip()
    agents = [ask("POST", f"{HOME}/users", {"email": f"agent{i}@example.com", "name": f"Agent {i}",
                                            "role": "agent", "availability": "online",
                                            "capacity": 50}, 201)["user_id"] for i in range(3)]
    team = ask("POST", f"{HOME}/teams", {"name": "First line", "member_ids": agents}, 201)
    ask("POST", f"{HOME}/custom-fields",
        {"label": "Plan", "key": "plan", "type": "dropdown", "options": ["free", "pro"]}, 201)
    queue = ask("POST", f"{HOME}/queues",
                {"name": "Urgent", "team_id": team["team_id"],
                 "conditions": {"field": "priority", "op": "eq", "value": "urgent"}}, 201)
    view = ask("POST", f"{HOME}/views",
               {"name": "Urgent and taken", "visibility": "everyone",
                "conditions": {"all": [{"field": "priority", "op": "eq", "value": "urgent"},
                                       {"field": "assignee_user_id", "op": "is_set"}]}}, 201)
    macro = ask("POST", f"{HOME}/macros",
                {"name": "On it", "reply": "Hello {{customer.first_name|there}}, we are on it.",
                 "actions": [{"action": "update", "changes": {"status": "pending"}}]}, 201)
    ok("the desk is set up: agents, team, custom field, queue, view, macro")
    return agents, queue["queue_id"], view["view_id"], macro["macro_id"]


def old_ticket(i):
    return {"external_id": f"old-{i}", "number": 5000 + i, "title": f"Old trouble {i}: é 😀 \"quoted\"",
            "description": f"Line one\nline two of {i}", "status": "closed" if i % 3 else "resolved",
            "priority": ["low", "normal", "high"][i % 3], "tags": sorted({"past", f"kind-{i % 5}"}),
            "requester": {"email": f"old{i % 20}@example.com", "name": f"Old {i % 20}"},
            "custom_fields": {"plan": "pro" if i % 2 else "free"},
            "created_at": f"2024-03-{1 + i % 28:02d}T08:00:00Z",
            "comments": [{"body": f"Question {i}", "author_type": "customer",
                          "created_at": f"2024-03-{1 + i % 28:02d}T09:00:00Z"},
                         {"body": f"Answer, {i}", "author_email": "agent0@example.com",
                          "created_at": f"2024-03-{1 + i % 28:02d}T10:00:00Z"}]}


def import_the_past(expected):
    past = [old_ticket(i) for i in range(PAST)]
    for i in range(25):  # a file over 1 MiB, which other requests may not be
        past[i]["description"] += "x" * 60000
    lines = [json.dumps(t) for t in past]
    lines.insert(7, '{"title": "broken')
    file = "\n".join(lines).encode() + b"\n"
    kind = {"Content-Type": "application/x-ndjson"}
    for turn, member in enumerate(("created", "skipped")):
        job = ask("POST", "/api/imports", file, 202, headers=kind)
        job = wait_for(f"/api/imports/{job['import_id']}")
        check(job[member] == PAST and job["failed"] == 1,
              "import: " + ("all rows but the broken one are created" if turn == 0 else
                            "the same file again makes nothing twice"), job)
    for t in past:
        expected[t["title"]] = {"number": t["number"], "status": t["status"], "tags": t["tags"],
                                "priority": t["priority"], "description": t["description"],
                                "plan": t["custom_fields"]["plan"],
                                "comments": [c["body"] for c in t["comments"]]}


def customers_write(expected, queue):
    tickets = {}
    for i in range(TODAY):
        person = ask("PUT", f"/api/customers/by-external-id/crm-{i}",
                     {"name": f"Ada{i} Lovelace", "email": f"ada{i}@example.com"}, 201)
        title = f"Printer {i} is on fire"
        t = ask("POST", "/api/tickets", {"title": title, "description": "Smoke!", "priority": "urgent",
                                         "customer_id": person["customer_id"], "tags": ["today"],
                                         "custom_fields": {"plan": "pro"}}, 201)
        if t["queue_id"] != queue:
            fail(f"queues: a new urgent ticket finds its queue (seen: {t['queue_id']})")
        tickets[t["ticket_id"]] = title
        expected[title] = {"number": t["number"], "status": "new", "tags": ["today"],
                           "priority": "urgent", "description": "Smoke!", "plan": "pro",
                           "comments": []}
    numbers = {e["number"] for e in expected.values()}
    check(len(numbers) == len(expected), "tickets: every number is given once, imported ones included")
    return tickets


def agents_claim(agents, queue, tickets):
    def take(i):
        return call("POST", f"{HOME}/queues/{queue}/next", {"user_id": agents[i % 3]}, key=key)

    answers = parallel(TODAY + 6, 6, take)
    taken = [a.json()["ticket_id"] for a in answers if a.status == 200]
    check(sorted(taken) == sorted(tickets), "queues: each waiting ticket is claimed once",
          [a.status for a in answers])
    check(sum(a.status == 204 for a in answers) == 6, "queues: then nothing waits any more")


def agents_answer(view, macro, tickets, expected):
    shown = pages(f"{HOME}/views/{view}/tickets")
    check({t["ticket_id"] for t in shown} == set(tickets), "views: the view shows what was claimed")
    check(ask("GET", f"{HOME}/views/{view}/count")["count"] == TODAY, "views: and counts it")
    for ticket, title in tickets.items():
        done = ask("POST", f"/api/tickets/{ticket}/macros/{macro}/apply", {})
        ask("POST", f"/api/tickets/{ticket}/comments",
            {"body": f"Thanks! {title}", "author_type": "customer"}, 201)
        expected[title]["comments"] += [done["reply"], f"Thanks! {title}"]
    name = next(iter(tickets.values())).split()[1]
    check(expected[f"Printer {name} is on fire"]["comments"][0] == f"Hello Ada{name}, we are on it.",
          "macros: the reply greets the customer by name")


def the_evening_is_cleaned_up(tickets, expected):
    ids = list(tickets)
    done = ask("PATCH", "/api/bulk/tickets", {"ticket_ids": ids, "changes": {"status": "resolved"}})
    check(done["succeeded"] == TODAY, "bulk: all of today's tickets are resolved", done)
    job = ask("POST", "/api/bulk/jobs", {"action": "tag", "add": ["done"], "conditions": {
        "all": [{"field": "status", "op": "eq", "value": "resolved"},
                {"field": "tags", "op": "contains", "value": "today"}]}}, 202)
    job = wait_for(f"/api/bulk/jobs/{job['job_id']}")
    check(job["done"] == TODAY, "bulk: the job tags those and no others", job)
    for title in tickets.values():
        expected[title].update(status="resolved", tags=["done", "today"])


def customers_rate(tickets):
    for i, ticket in enumerate(tickets):
        token = ask("POST", "/api/csat/request", {"ticket_id": ticket}, 201)["token"]
        if i < 8:
            score = 5 if i < 6 else 1
            reply = call("POST", "/api/csat/submit", {"token": token, "score": score}, key=None)
            if reply.status != 200:
                fail(f"csat: a customer rates without a key (seen: {reply.status} {reply.body!r})")
    figures = ask("GET", "/api/csat/analytics")
    check((figures["requested"], figures["responses"], figures["csat_percent"]) == (TODAY, 8, 75),
          "csat: 6 of 8 answers are good ones", figures)


def a_lead_reviews(agents, tickets):
    card = ask("POST", "/api/qa/scorecards",
               {"name": "Replies", "pass_mark": 80, "criteria": [
                   {"key": "tone", "name": "Tone", "weight": 3, "max_score": 5},
                   {"key": "facts", "name": "Facts", "weight": 1, "max_score": 5}]}, 201)
    review = ask("POST", "/api/qa/reviews",
                 {"ticket_id": next(iter(tickets)), "scorecard_id": card["scorecard_id"],
                  "agent_user_id": agents[0], "status": "submitted",
                  "scores": [{"criterion": "tone", "score": 5}, {"criterion": "facts", "score": 1}]},
                 201)
    check(review["total"] == 80 and review["passed"], "qa: the weighted total passes", review)


def words_are_learnt():
    """Each hour, which is over."""
    psql("UPDATE search_vocabulary SET taken_at = taken_at - interval '1 hour'")
    check(wait_until(lambda: psql(f"SELECT 1 FROM search_vocabulary WHERE org_id = '{ORG}' AND 'printer' = ANY (words)"), 30),
          "search: the words of the day are learnt")


def a_lead_looks():
    found = ask("POST", "/api/v1/search", {"query": "printer fire", "in": ["tickets"], "limit": 50})
    check(len(found["data"]) == TODAY, "search: today's tickets are found by their words", found)
    words_are_learnt()
    found = ask("POST", "/api/v1/search", {"query": "pritner fire", "in": ["tickets"]})
    check(found["corrected"] == "printer fire" and found["total"] == TODAY, "search: a slip of the finger finds them too", found)
    figures = ask("GET", "/api/reports/overview")
    check((figures["created"], figures["solved"]) == (TODAY, TODAY),
          "reports: the day's figures are right, without the imported past", figures)


def everything_is_exported(expected):
    job = ask("POST", "/api/exports", {"kind": "tickets", "include_comments": True}, 202)
    job = wait_for(f"/api/exports/{job['export_id']}")
    link = job["download_url"].split(URL.netloc)[-1]
    reply = call("GET", link, key=None)
    check(reply.status == 200, "exports: the signed link needs no key", reply.status)
    names, seen, thread = {}, {}, []
    for line in reply.body.decode().splitlines():
        row = json.loads(line)
        if row["type"] == "ticket":
            names[row["ticket_id"]] = row["title"]
            seen[row["title"]] = {"number": row["number"], "status": row["status"],
                                  "tags": row["tags"], "priority": row["priority"],
                                  "description": row["description"],
                                  "plan": row["custom_fields"].get("plan"), "comments": []}
        elif row["type"] == "comment":
            thread.append(row)
    for row in sorted(thread, key=lambda r: (r["created_at"], r["comment_id"])):
        seen[names[row["ticket_id"]]]["comments"].append(row["body"])
    check(seen.keys() == expected.keys(), f"exports: all {len(expected)} tickets are there, once",
          sorted(seen.keys() ^ expected.keys())[:5])
    other = [(t, member, str(seen[t][member])[:200], str(expected[t][member])[:200])
             for t in seen for member in seen[t] if seen[t][member] != expected[t][member]]
    check(not other, "exports: each is as it went in, thread included", other[:2])


def every_event_is_published():
    """The relay numbers them within a second."""
    deadline = time.monotonic() + 10
    waiting = None
    while waiting != ["0"] and time.monotonic() < deadline:
        time.sleep(0.1)
        waiting = psql(f"SELECT count(*) FROM event WHERE org_id = '{ORG}' AND public AND seq IS NULL")
    check(waiting == ["0"], "events: every public one has its number in the evening", waiting)


def main():
    expected = {}
    agents, queue, view, macro = open_the_desk()
    import_the_past(expected)
    tickets = customers_write(expected, queue)
    agents_claim(agents, queue, tickets)
    agents_answer(view, macro, tickets, expected)
    the_evening_is_cleaned_up(tickets, expected)
    customers_rate(tickets)
    a_lead_reviews(agents, tickets)
    a_lead_looks()
    everything_is_exported(expected)
    every_event_is_published()


if __name__ == "__main__":
    main()
