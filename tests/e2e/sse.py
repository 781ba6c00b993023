# SPDX-License-Identifier: Apache-2.0
"""Readers of event streams, and what tests ask about them."""

import json
import socket
import threading
import time

from e2e import KEY, ORG, URL, call, psql

PATH = f"/api/v1/events/stream?org_id={ORG}"


class Stream:
    """A reader on a thread of its own; events as (event, id, data)."""

    def __init__(self, query="", key=KEY, last=None, read=True, path=PATH, accept=None, bearer=None, port=URL.port):
        self.socket = socket.socket()
        if not read:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            # As on a network: with loopback's segments the kernel takes megabytes for it.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)
        self.socket.settimeout(60)
        self.socket.connect((URL.hostname, port))
        lines = [f"GET {path}{query} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"X-API-Key: {key}"] if key else []
        lines += [f"Authorization: Bearer {bearer}"] if bearer else []
        lines += [f"Last-Event-ID: {last}"] if last is not None else []
        lines += [f"Accept: {accept}"] if accept else []
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, value = line.decode().split(": ", 1)
            self.headers[name.lower()] = value.strip()
        self.events = []
        self.last = last
        self.retries = []
        self.closed = threading.Event()
        self.ended = None  # when
        if read and self.status == 200:
            self.read()

    def read(self):
        threading.Thread(target=self._read, daemon=True).start()

    def _chunks(self):
        if "content-length" in self.headers:
            yield self.file.read(int(self.headers["content-length"]))
            return
        while True:
            size = int(self.file.readline() or b"0", 16)
            if size == 0:
                return
            yield self.file.read(size)
            self.file.readline()

    def _read(self):
        rest = b""
        try:
            for chunk in self._chunks():
                rest += chunk
                while b"\n\n" in rest:
                    block, rest = rest.split(b"\n\n", 1)
                    self._take(block.decode())
        except (OSError, ValueError):
            pass
        self.ended = time.monotonic()
        self.closed.set()

    def _take(self, block):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        self.last = fields.get("id", self.last)
        self.retries += [int(fields["retry"])] if "retry" in fields else []
        if "data" in fields:
            self.events.append((fields.get("event"), fields.get("id"), json.loads(fields["data"])))

    def topics(self):
        return [e for e, _, _ in list(self.events) if e not in ("keepalive", "reset")]

    def seqs(self):
        return [int(i) for e, i, _ in list(self.events)
                if i is not None and e not in ("keepalive", "reset")]

    def wait(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition(self):
                return True
            time.sleep(0.01)
        return False

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.file.close()
        self.socket.close()


def ticket(title="stream"):
    return call("POST", "/api/tickets", {"title": title}).json()["ticket_id"]


def figure(name):
    text = call("GET", "/metrics").body.decode()
    return next((float(line.split()[-1]) for line in text.splitlines()
                 if line.startswith("serviceos_stream_" + name)), 0)


def newest():
    return int(psql(f"SELECT last_seq FROM event_sequence WHERE org_id = '{ORG}'")[0])


def whole(seqs, first, last):
    return seqs == list(range(first, last + 1))
