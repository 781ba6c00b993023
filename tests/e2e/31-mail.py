#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""E-mail by a real mail server (aiosmtpd): surveys with their link, agents' replies as threads, an outage."""

import re
import time

from e2e import ORG, ask, call, check, ok, psql, settings
from mailserver import MailServer

PORT = 18525


def ticket_of(name, address):
    customer = ask("POST", "/api/customers", {"name": name, "email": address}, 201)["customer_id"]
    return ask("POST", "/api/tickets", {"title": "Größe der Rechnung", "customer_id": customer}, 201)


server = MailServer(PORT, "mail")
await_mail, messages = server.await_mail, server.messages
settings(f"smtp_url = smtp://127.0.0.1:{PORT}\nmail_from = Hilfe für alle <help@desk.example>\n")
try:
    ada = ticket_of("Ada Lovelace", "ada@example.com")
    asked = ask("POST", "/api/csat/request", {"ticket_id": ada["ticket_id"]}, 201)
    m = await_mail("ada@example.com", 1)[0]
    text = m.get_content()
    check(asked["survey_url"] in text and "Hello Ada," in text, "the survey's link is in it", text)
    check(str(m["Subject"]).endswith("Größe der Rechnung") and str(m["From"]) == "Hilfe für alle <help@desk.example>",
          "subject and sender keep their letters", (m["Subject"], m["From"]))
    check(not m.defects, "the message has no defects", m.defects)
    check(m["Auto-Submitted"] == "auto-generated" and m["Reply-To"] is None, "it says that a program wrote it", m.items())
    token = re.search(r"token=(\S+)", text).group(1)
    ask("POST", "/api/csat/submit", {"token": token, "score": 5}, key=None)
    page = call("GET", f"/csat?token={token}", key=None)
    check(page.status == 200 and b"csat.js" in page.body and call("GET", "/csat/csat.js", key=None).status == 200, "the link's page is there")

    ask("PATCH", f"/api/organizations/{ORG}", {"csat_auto_send": True, "mail_replies": True})
    bob = ticket_of("Bob", "bob@example.com")
    ask("POST", f"/api/tickets/{bob['ticket_id']}/comments", {"body": "First answer\n.\nwith a dot"}, 201)
    ask("POST", f"/api/tickets/{bob['ticket_id']}/internal-notes", {"body": "secret"}, 201)
    ask("POST", f"/api/tickets/{bob['ticket_id']}/comments", {"body": "my own", "author_type": "customer"}, 201)
    ask("POST", f"/api/tickets/{bob['ticket_id']}/comments", {"body": "Second answer"}, 201)
    first, second = sorted(await_mail("bob@example.com", 2), key=lambda m: "Second" in m.get_content())
    check(first.get_content().startswith("First answer") and "\n.\nwith a dot" in first.get_content().replace("\r", ""),
          "a public answer goes to the customer as it is", first.get_content())
    check(first["Auto-Submitted"] is None and first["Precedence"] is None, "and does not say that a program wrote it")
    check(second["In-Reply-To"] == first["Message-ID"], "and the next one continues the thread")
    ask("PATCH", f"/api/tickets/{bob['ticket_id']}", {"status": "resolved"})
    await_mail("bob@example.com", 3)
    check(any("/csat?token=" in m.get_content() for m in messages("bob@example.com")), "a survey is sent at resolution")
    check(not any("secret" in m.get_content() or "my own" in m.get_content() for m in messages("bob@example.com")),
          "notes and the customer's own words are not")
    zoe = ticket_of("Zoe", "zoe@example.com")
    took = []
    for n in range(3):
        ask("POST", f"/api/tickets/{zoe['ticket_id']}/comments", {"body": f"Answer {n}"}, 201)
        began = time.monotonic()
        await_mail("zoe@example.com", n + 1, 20)
        took.append(time.monotonic() - began)
    check(max(took) < 5, f"an answer is sent at once, also when nothing else happens ({max(took):.1f} s)", took)
    eve = ticket_of("Eve", "eve@example.com")
    ask("POST", f"/api/tickets/{eve['ticket_id']}/comments", {"body": "quiet"}, 201, headers={"X-ServiceOS-Suppress": "notifications"})

    server.stop()
    ask("POST", f"/api/tickets/{ada['ticket_id']}/comments", {"body": "While it is away"}, 201)
    nobody = ticket_of("Nobody", "nobody@example.com")
    deadline = time.monotonic() + 15
    while psql("SELECT 1 FROM mail WHERE status = 'pending' AND attempts > 0") == [] and time.monotonic() < deadline:
        time.sleep(0.05)
    server.start()
    await_mail("ada@example.com", 2)
    ok("an outage of the mail server loses nothing, and nothing is sent twice")
    ask("POST", f"/api/tickets/{nobody['ticket_id']}/comments", {"body": "x"}, 201)
    deadline = time.monotonic() + 15
    wanted = f"SELECT status || ' ' || attempts FROM mail WHERE ticket_id = '{nobody['ticket_id']}'"
    while psql(wanted) != ["failed 1"] and time.monotonic() < deadline:
        time.sleep(0.1)
    check(psql(wanted) == ["failed 1"], "an address that the server refuses for good is not tried again", psql(wanted))
    check(messages("eve@example.com") == [], "a write that suppresses notifications sends none")
    check(psql("SELECT count(*) FROM mail WHERE status <> 'pending' AND (body IS NOT NULL OR token IS NOT NULL)") == ["0"],
          "what is sent is forgotten")
finally:
    server.stop()
    ask("PATCH", f"/api/organizations/{ORG}", {"csat_auto_send": False, "mail_replies": False})
    settings("")
