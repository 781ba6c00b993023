#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""E-mail by a real mail server (aiosmtpd): surveys with their link, agents' replies as threads, an outage."""

import email
import email.policy
import os
import re
import subprocess
import sys
import time
import uuid

from e2e import ORG, ask, call, check, ok, psql, stack

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(os.environ["STACK_BUILD"], "aiosmtpd")
PORT = 18525


def server():
    """The mail server itself, run by this file in the venv: each message becomes a file."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP

    class Keep:
        async def handle_RCPT(self, smtp, session, envelope, address, options):
            if address.startswith("nobody@"):
                return "550 5.1.1 no such user"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, smtp, session, envelope):
            name = os.path.join(sys.argv[2], uuid.uuid4().hex)
            with open(name + ".new", "wb") as out:
                out.write(envelope.content)
            os.rename(name + ".new", name + ".eml")
            return "250 OK"

    class Utf8Controller(Controller):
        def factory(self):
            return SMTP(self.handler, enable_SMTPUTF8=True)

    controller = Utf8Controller(Keep(), hostname="127.0.0.1", port=PORT)
    controller.start()
    print("ready", flush=True)
    sys.stdin.read()
    controller.stop()


if len(sys.argv) > 1 and sys.argv[1] == "--server":
    server()
    sys.exit(0)

box = os.path.join(os.environ["E2E_DIR"], "mail")
os.makedirs(box, exist_ok=True)
if not os.path.exists(os.path.join(VENV, "ok")):
    subprocess.run(["python3", "-m", "venv", VENV], check=True)
    subprocess.run([os.path.join(VENV, "bin/pip"), "install", "--quiet", "--disable-pip-version-check",
                    "aiosmtpd==1.4.6", "atpublic==5.1", "attrs==25.3.0"], check=True)
    open(os.path.join(VENV, "ok"), "w").close()


def start_server():
    run = subprocess.Popen([os.path.join(VENV, "bin/python"), os.path.abspath(__file__), "--server", box],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    check(run.stdout.readline() == "ready\n", "a mail server runs")
    return run


def stop_server(run):
    run.stdin.close()
    run.wait(10)


def messages(address):
    found = []
    for name in os.listdir(box):
        if name.endswith(".eml"):
            with open(os.path.join(box, name), "rb") as file:
                m = email.message_from_binary_file(file, policy=email.policy.default)
            if address in m["To"]:
                found.append(m)
    return sorted(found, key=lambda m: m["Message-ID"])


def await_mail(address, count, seconds=15):
    deadline = time.monotonic() + seconds
    while len(found := messages(address)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    check(len(found) == count, f"{count} message(s) for {address}", len(found))
    return found


def ticket_of(name, address):
    customer = ask("POST", "/api/customers", {"name": name, "email": address}, 201)["customer_id"]
    return ask("POST", "/api/tickets", {"title": "Größe der Rechnung", "customer_id": customer}, 201)


run = start_server()
local = os.path.join(os.environ["E2E_DIR"], "local.conf")
with open(local, "a", encoding="utf-8") as conf:
    conf.write(f"smtp_url = smtp://127.0.0.1:{PORT}\nmail_from = Hilfe für alle <help@desk.example>\n")
stack("stack_conf; stack_app_start && stack_wait_ready")
try:
    ada = ticket_of("Ada Lovelace", "ada@example.com")
    asked = ask("POST", "/api/csat/request", {"ticket_id": ada["ticket_id"]}, 201)
    m = await_mail("ada@example.com", 1)[0]
    text = m.get_content()
    check(asked["survey_url"] in text and "Hello Ada," in text, "the survey's link is in it", text)
    check(str(m["Subject"]).endswith("Größe der Rechnung") and str(m["From"]) == "Hilfe für alle <help@desk.example>",
          "subject and sender keep their letters", (m["Subject"], m["From"]))
    check(not m.defects, "the message has no defects", m.defects)
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

    stop_server(run)
    ask("POST", f"/api/tickets/{ada['ticket_id']}/comments", {"body": "While it is away"}, 201)
    nobody = ticket_of("Nobody", "nobody@example.com")
    deadline = time.monotonic() + 15
    while psql("SELECT 1 FROM mail WHERE status = 'pending' AND attempts > 0") == [] and time.monotonic() < deadline:
        time.sleep(0.05)
    run = start_server()
    await_mail("ada@example.com", 2, 60)
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
    stop_server(run)
    ask("PATCH", f"/api/organizations/{ORG}", {"csat_auto_send": False, "mail_replies": False})
    lines = [l for l in open(local, encoding="utf-8") if not l.startswith(("smtp_url", "mail_from"))]
    with open(local, "w", encoding="utf-8") as conf:
        conf.writelines(lines)
    stack("stack_conf; stack_app_start && stack_wait_ready")
