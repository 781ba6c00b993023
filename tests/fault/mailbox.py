# SPDX-License-Identifier: Apache-2.0
"""A mail server on loopback that takes everything and counts it by Message-ID."""

import collections
import re
import socketserver
import threading


class Mailbox(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Session)
        self.lock = threading.Lock()
        self.arrived = collections.Counter()  # (recipient, Message-ID)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # a sender that was killed


class Session(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a sender needs."""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 mailbox")
        recipient = ""
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"RCPT":
                recipient = line.split(b"<")[1].split(b">")[0].decode()
            if word == b"DATA":
                self.say("354 go ahead")
                self.take(recipient)
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def take(self, recipient):
        text = b""
        while not text.endswith(b"\r\n.\r\n"):
            line = self.rfile.readline()
            if not line:
                return  # it broke off: nothing was sent
            text += line
        with self.server.lock:
            self.server.arrived[recipient, re.search(rb"(?im)^message-id:\s*(\S+)", text).group(1)] += 1
        self.say("250 taken")
