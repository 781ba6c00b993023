# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks on loopback that behaves as its path says, and remembers what came."""

import collections
import hashlib
import hmac
import http.server
import json
import select
import socket
import socketserver
import threading
import time

Arrival = collections.namedtuple("Arrival", "path headers body at")


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """
    /ok… answers 200; /fail-N/… answers 500 to the first N requests of each event;
    /slow… after 0.7 s; /hang… never; /trickle… a byte a second; /large… 10 MB;
    /gone 410; /redirect-N… N, to /ok/redirected.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.arrivals = []
        self.failures = collections.Counter()
        self.open = collections.Counter()
        self.most_open = collections.Counter()
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # a sender that was killed

    def at(self, path):
        with self.changed:
            return [a for a in self.arrivals if a.path == path]

    def wait(self, condition, seconds=20):
        """Until condition(arrivals) holds; whether it did in time."""
        with self.changed:
            return self.changed.wait_for(lambda: condition(self.arrivals), seconds)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"thanks", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        r = self.server
        with r.changed:
            r.open[self.path] += 1
            r.most_open[self.path] = max(r.most_open[self.path], r.open[self.path])
            r.arrivals.append(Arrival(self.path, {k.lower(): v for k, v in self.headers.items()}, body, time.time()))
            event = (self.path, self.headers["webhook-id"])
            r.failures[event] += 1
            seen = r.failures[event]
            r.changed.notify_all()
        try:
            self.behave(seen)
        finally:
            with r.changed:
                r.open[self.path] -= 1

    def left(self, seconds):
        """Whether the sender hangs up, or the receiver stops, within so many seconds."""
        end = time.monotonic() + seconds
        while not self.server.stopping.is_set() and time.monotonic() < end:
            if select.select([self.connection], [], [], min(0.2, max(0, end - time.monotonic())))[0]:
                return not self.connection.recv(1, socket.MSG_PEEK)
        return self.server.stopping.is_set()

    def behave(self, seen):
        kind = self.path.split("/")[1]
        if kind.startswith("fail-") and seen <= int(kind[5:]):
            self.answer(500, b"not today")
        elif kind == "hang":
            self.left(30)
        elif kind == "trickle":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(30):
                if self.left(1):
                    break
                self.wfile.write(b".")
        elif kind == "large":
            self.answer(200, b"x" * 10_000_000)
        elif kind == "slow":
            self.left(0.7)
            self.answer(200)
        elif kind == "gone":
            self.answer(410, b"gone")
        elif kind.startswith("redirect-"):
            self.answer(int(kind[9:]), b"", [("Location", self.server.url + "/ok/redirected")])
        else:
            self.answer(200)


def signed(secret, arrival):
    """Whether X-ServiceOS-Signature holds for this secret, as a receiver checks it."""
    parts = [p.split("=", 1) for p in arrival.headers["x-serviceos-signature"].split(",")]
    t = next(v for k, v in parts if k == "t")
    mac = hmac.new(secret.encode(), t.encode() + b"." + arrival.body, hashlib.sha256).hexdigest()
    return abs(time.time() - int(t)) < 300 and mac in [v for k, v in parts if k == "v1"]


def event_of(arrival):
    return json.loads(arrival.body)
