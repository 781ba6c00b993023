# SPDX-License-Identifier: Apache-2.0
"""A mail server (aiosmtpd, in a venv of its own) and what it holds.

Mail for the desk is piped into serviceos-inbound as an MTA would do it, when a
configuration for it is given; all other messages become files.
"""

import email
import email.policy
import os
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
EX_TEMPFAIL = 75


def serve(port, box, inbound):
    """The server itself, run by this file in the venv."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP

    class Keep:
        async def handle_RCPT(self, smtp, session, envelope, address, options):
            if address.startswith("nobody@"):
                return "550 5.1.1 no such user"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, smtp, session, envelope):
            for recipient in envelope.rcpt_tos:
                if inbound and recipient.split("@")[1] == "desk.example":
                    done = subprocess.run([os.path.join(HERE, "../../tools/serviceos-inbound"), inbound, recipient],
                                          input=envelope.content, capture_output=True, check=False)
                    if done.returncode != 0:
                        return ("451 4.3.0 later: " if done.returncode == EX_TEMPFAIL else "550 5.6.0 ") + \
                            done.stderr.decode(errors="replace").replace("\n", " ")[:200]
                    continue
                name = os.path.join(box, uuid.uuid4().hex)
                with open(name + ".new", "wb") as out:
                    out.write(envelope.content)
                os.rename(name + ".new", name + ".eml")
            return "250 OK"

    class Utf8Controller(Controller):
        def factory(self):
            return SMTP(self.handler, enable_SMTPUTF8=True, data_size_limit=64 * 1024 * 1024)

    controller = Utf8Controller(Keep(), hostname="127.0.0.1", port=port)
    controller.start()
    print("ready", flush=True)
    sys.stdin.read()
    controller.stop()


class MailServer:
    def __init__(self, port, name, inbound=""):
        from e2e import check
        self.check = check
        self.box = os.path.join(os.environ["E2E_DIR"], name)
        self.venv = os.path.join(os.environ["STACK_BUILD"], "aiosmtpd")
        self.arguments = [str(port), self.box, inbound]
        os.makedirs(self.box, exist_ok=True)
        if not os.path.exists(os.path.join(self.venv, "ok")):
            subprocess.run(["python3", "-m", "venv", self.venv], check=True)
            subprocess.run([os.path.join(self.venv, "bin/pip"), "install", "--quiet", "--disable-pip-version-check",
                            "aiosmtpd==1.4.6", "atpublic==5.1", "attrs==25.3.0"], check=True)
            open(os.path.join(self.venv, "ok"), "w").close()
        self.start()

    def start(self):
        self.run = subprocess.Popen([os.path.join(self.venv, "bin/python"), os.path.abspath(__file__)] + self.arguments,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.check(self.run.stdout.readline() == "ready\n", "a mail server runs")

    def stop(self):
        self.run.stdin.close()
        self.run.wait(10)

    def messages(self, address):
        found = []
        for name in os.listdir(self.box):
            if name.endswith(".eml"):
                with open(os.path.join(self.box, name), "rb") as file:
                    m = email.message_from_binary_file(file, policy=email.policy.default)
                if address in m["To"]:
                    found.append(m)
        return sorted(found, key=lambda m: m["Message-ID"])

    def await_mail(self, address, count, seconds=60):
        deadline = time.monotonic() + seconds
        while len(found := self.messages(address)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        self.check(len(found) == count, f"{count} message(s) for {address}", len(found))
        return found


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], sys.argv[3])
