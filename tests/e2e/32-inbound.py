#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""E-mail in both directions: SMTP, the pipe of serviceos-inbound, a ticket, an agent's reply, the customer's answer."""

import email.message
import email.utils
import os
import smtplib
import subprocess

from e2e import ORG, URL, ask, call, check, parallel, psql, settings
from mailserver import HERE, MailServer

PORT = 18526
DESK = "help@desk.example"
PICTURE = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + os.urandom(3000)
key = ask("POST", f"/api/organizations/{ORG}/api-keys", {"name": "mail server", "scopes": ["receive:mail"]}, 201)["key"]


def configured(name, secret, port=URL.port):
    path = os.path.join(os.environ["E2E_DIR"], name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(f'url = "http://127.0.0.1:{port}/api/v1/inbound/email"\nheader = "X-API-Key: {secret}"\n')
    return path


def letter(sender, text, to=DESK, subject="Drucker brennt – was tun?", **headers):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"], m["Message-ID"] = sender, to, subject, email.utils.make_msgid(domain="example.com")
    for name, value in headers.items():
        m[name.replace("_", "-")] = value
    m.set_content(text)
    return m


def send(m, to=None):
    """By SMTP; the server's answer, 250 when it took the message."""
    try:
        with smtplib.SMTP("127.0.0.1", PORT, timeout=60) as smtp:
            smtp.send_message(m, from_addr="bounce@example.com", to_addrs=[to or DESK])
        return 250
    except smtplib.SMTPResponseException as error:
        return error.smtp_code


def pipe(config, message):
    return subprocess.run([os.path.join(HERE, "../../tools/serviceos-inbound"), config], input=message,
                          capture_output=True, check=False).returncode


def private_kib():
    """Of the worker that holds the most memory of its own."""
    most = 0
    for pid in map(int, stack_workers()):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                most = max(most, *(int(l.split()[1]) for l in file if l.startswith("Private_Dirty:")))
        except OSError:
            pass
    return most


def stack_workers():
    return subprocess.run(["bash", "-c", f'source "{HERE}/../../tools/stack.sh" && stack_use "$E2E_DIR" && stack_workers'],
                          check=True, capture_output=True, text=True).stdout.split()


def tickets(title):
    return [t for t in ask("GET", "/api/tickets?channel=email&limit=100")["data"] if t["title"] == title]


def comments(ticket):
    return ask("GET", f"/api/tickets/{ticket}/comments")["data"]


right = configured("inbound.curl", key)
server = MailServer(PORT, "inbox", right)
settings(f"smtp_url = smtp://127.0.0.1:{PORT}\nmail_from = Desk <out@desk.example>\n")
ask("PATCH", f"/api/organizations/{ORG}", {"mail_replies": True, "inbound_address": DESK})
try:
    first = letter("Åsa Öberg <asa@example.com>", "Es brennt.\n\nÅsa\n")
    check(send(first) == 250, "a customer's mail is taken by the mail server")
    found = tickets("Drucker brennt – was tun?")
    check(len(found) == 1, "and is a ticket", found)
    ticket = found[0]["ticket_id"]
    whole = ask("GET", f"/api/tickets/{ticket}?include=customer")
    check(whole["description"] == "Es brennt.\n\nÅsa" and whole["customer"]["name"] == "Åsa Öberg", "with text and sender", whole)

    ask("POST", f"/api/tickets/{ticket}/comments", {"body": "Feuerwehr rufen!"}, 201)
    reply = server.await_mail("asa@example.com", 1)[0]
    check(reply["In-Reply-To"] == first["Message-ID"] and first["Message-ID"] in reply["References"],
          "the agent's reply continues the customer's thread", reply.items())
    check("+" in reply["Reply-To"] and reply["Reply-To"].split("+")[0].lstrip("<") == "help", "and asks for answers with a token", reply["Reply-To"])
    check(reply["Auto-Submitted"] is None, "and is a person's", reply.items())

    quoted = "".join("> " + line + "\n" for line in reply.get_content().splitlines())
    address = email.utils.parseaddr(reply["Reply-To"])[1]
    answer = letter("Åsa Öberg <asa@example.com>", f"Gerufen.\n\nAm 13.06.26 um 10:00 schrieb Desk:\n{quoted}", address, "Re: ganz anders")
    answer.add_attachment(PICTURE, maintype="image", subtype="png", filename="Feuer ä.png")
    check(send(answer, address) == 250, "the customer's answer comes back without references")
    thread = comments(ticket)
    check([c["body"] for c in thread] == ["Feuerwehr rufen!", "Gerufen."] and thread[1]["author_type"] == "customer",
          "to the same ticket, without what it quotes", thread)
    files = ask("GET", f"/api/tickets/{ticket}?include=attachments")["attachments"]
    check(len(files) == 1 and files[0]["filename"] == "Feuer ä.png" and files[0]["comment_id"] == thread[1]["comment_id"],
          "with its file", files)
    check(call("GET", f"/api/attachments/{files[0]['attachment_id']}").body == PICTURE, "byte for byte")

    check(send(answer, address) == 250 and len(comments(ticket)) == 2, "a second delivery changes nothing")
    away = letter("asa@example.com", "I am away.", address, Auto_Submitted="auto-replied")
    check(send(away, address) == 250 and len(comments(ticket)) == 2, "nor does an answering machine")
    check(send(reply, address) == 250 and len(comments(ticket)) == 2, "nor our own mail when it comes back")
    check(len(server.messages("asa@example.com")) == 1, "and nobody answered it")

    race = bytes(letter("New <new@example.com>", "Once.", subject="Race"))
    done = parallel(8, 8, lambda i: call("POST", "/api/v1/inbound/email", race, key=key).json()["action"])
    check(sorted(done) == ["created"] + ["duplicate"] * 7 and len(tickets("Race")) == 1, "of eight deliveries at once one counts", done)
    crowd = [bytes(letter("Crowd <crowd@example.com>", "I too.", subject="Crowd")) for _ in range(8)]
    parallel(8, 8, lambda i: call("POST", "/api/v1/inbound/email", crowd[i], key=key))
    check(len({t["customer_id"] for t in tickets("Crowd")}) == 1 and len(tickets("Crowd")) == 8, "a new sender's mails at once make one customer")

    nameless = letter("x", "Who am I?")
    del nameless["From"]
    check(send(nameless) == 550, "a message without a sender is refused for good")
    check(pipe(right, b"From: nobody\r\n\r\nx") == 65, "as an exit status of the pipe, too")
    check(pipe(configured("wrong.curl", "sk_wrong"), bytes(first)) == 75, "a wrong key is no reason to lose mail")
    check(pipe(configured("away.curl", key, 1), bytes(first)) == 75, "nor is a service that is away")
    check(pipe("/nonexistent", bytes(first)) == 75, "nor a configuration that is not there")

    before = private_kib()
    large = letter("Bob <bob@example.com>", "All of it.", subject="Large")
    data = os.urandom(25 * 1024 * 1024)
    large.add_attachment(data, maintype="application", subtype="octet-stream", filename="dump.bin")
    check(send(large) == 250, "a file of 25 MiB comes in")
    grown = private_kib()
    file = ask("GET", f"/api/tickets/{tickets('Large')[0]['ticket_id']}?include=attachments")["attachments"][0]
    check(file["size"] == len(data) and call("GET", f"/api/attachments/{file['attachment_id']}").body == data, "whole")
    check(grown < 16384, f"in constant memory: a worker has {grown} KiB of its own, {before} before")
    large.add_attachment(data[:12 * 1024 * 1024], maintype="application", subtype="octet-stream", filename="more.bin")
    del large["Message-ID"]
    check(pipe(right, bytes(large)) == 65, "one that is too large is refused for good")
    check(psql("SELECT count(*) FROM inbound_mail WHERE action <> 'ignored' AND ticket_id IS NULL") == ["0"], "nothing is half done")
finally:
    server.stop()
    ask("PATCH", f"/api/organizations/{ORG}", {"mail_replies": False, "inbound_address": None})
    settings("")
