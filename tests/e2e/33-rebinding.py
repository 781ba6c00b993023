#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Names that lead inside, and one that nobody answers for. serviceos-api and
serviceos-scheduler run in a network namespace whose name server, public addresses and
canaries are this file's, so that the real resolver answers what it must not be believed.
"""

import http.server
import json
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time

PORT = 8080
PUBLIC = "1.1.1.1"
SILENT = "9.9.9.9"  # public, and nothing listens
OWN = "8.8.4.4"  # public, and this machine's
CANARIES = ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", OWN]
# What a name answers: A and AAAA records, or the name that it is another one of.
NAMES = {
    "public.test": [PUBLIC],
    "loopback.test": ["127.0.0.1"],
    "127.0.0.1.nip.test": ["127.0.0.1"],
    "private.test": ["10.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "six.test": ["::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "one-of-two.test": [SILENT, "127.0.0.1"],
    "six-or-public.test": ["::1", PUBLIC],
    "chain.test": "link.chain.test",
    "link.chain.test": "end.chain.test",
    "end.chain.test": ["127.0.0.1"],
    "own.test": [OWN],
}
REBINDING = "rebinding.test"  # PUBLIC when it is asked first, 127.0.0.1 from then on
UNANSWERED = "unanswered.test"  # the name server never answers


# ---- inside the namespace

class Nameserver(socketserver.BaseRequestHandler):
    asked = []

    def handle(self):
        query, reply = self.request
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        if name == UNANSWERED:
            return
        records = self.records(name, kind)
        reply.sendto(query[:2] + struct.pack("!HHHHH", 0x8580, 1, len(records), 0, 0) + query[12:at + 5] +
                     b"".join(records), self.client_address)

    def records(self, name, kind):
        found = NAMES.get(name, [])
        if kind == 1:
            self.asked.append(name)
        if name == REBINDING:
            found = [PUBLIC if self.asked.count(name) == 1 else "127.0.0.1"]
        if isinstance(found, str):
            return [record(name, 5, encoded(found))] + self.records(found, kind)
        return [record(name, kind, socket.inet_pton(socket.AF_INET6 if kind == 28 else socket.AF_INET, a))
                for a in found if (28 if ":" in a else 1) == kind]


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(name, kind, data):
    return encoded(name) + struct.pack("!HHIH", kind, 1, 0, len(data)) + data


class Public(http.server.BaseHTTPRequestHandler):
    arrivals = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.arrivals.append(dict(self.headers))
        self.send_response(200)
        self.send_header("Alt-Svc", f'h1="127.0.0.1:{PORT}"; ma=86400')
        self.send_header("Strict-Transport-Security", "max-age=86400")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Canary(socketserver.BaseRequestHandler):
    visits = []

    def handle(self):
        self.visits.append(self.server.server_address[0])


class Server6(socketserver.TCPServer):
    address_family = socket.AF_INET6


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def private_network(folder):
    for line in ["link set lo up", f"address add {OWN}/32 dev lo"] + [
            f"route add local {a}/32 dev lo" for a in (PUBLIC, SILENT, "10.0.0.1", "169.254.169.254")]:
        subprocess.run(["ip", *line.split()], check=True)
    for name, text in (("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n"), ("nsswitch.conf", "hosts: files dns\n")):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
        subprocess.run(["mount", "--bind", file.name, "/etc/" + name], check=os.path.exists("/etc/" + name))


def inside(folder):
    """Everything in the namespace; each line of standard input is answered with what was seen."""
    private_network(folder)
    serve(socketserver.UDPServer(("127.0.0.1", 53), Nameserver))
    serve(http.server.ThreadingHTTPServer((PUBLIC, PORT), Public))
    for address in CANARIES:
        serve((Server6 if ":" in address else socketserver.TCPServer)((address, PORT), Canary))
    with open(os.path.join(folder, ".netrc"), "w", encoding="ascii") as file:
        file.write("machine public.test login nobody password secret\n")
    proxy = f"http://127.0.0.1:{PORT}"
    environment = {**os.environ, "HOME": folder, "http_proxy": proxy, "https_proxy": proxy, "ALL_PROXY": proxy}
    programs = [subprocess.Popen([os.path.join(os.environ["STACK_BUILD"], program), "-c", os.path.join(folder, "serviceos.conf")],
                                 env=environment, stdin=subprocess.DEVNULL, stderr=log)
                for program in ("serviceos-api", "serviceos-scheduler")
                for log in [open(os.path.join(folder, program + ".log"), "ab")]]
    for _ in sys.stdin:
        print(json.dumps({"asked": Nameserver.asked, "arrivals": Public.arrivals, "visits": Canary.visits}), flush=True)
    for program in programs:
        program.terminate()
    for program in programs:
        program.wait(20)


if len(sys.argv) > 1 and sys.argv[1] == "--inside":
    inside(sys.argv[2])
    sys.exit(0)


# ---- outside

from e2e import ask, call, check, fail, ok, stack  # noqa: E402

BLOCKED = "The address is not a public one; nothing was sent."
NAMESPACE = ["unshare", "--net", "--mount"] + ([] if os.getuid() == 0 else ["--map-root-user"])


def until(condition, seconds, sentence):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            fail(sentence)
        time.sleep(0.1)


def hook(name):
    return ask("POST", "/api/v1/webhooks", {"url": f"http://{name}:{PORT}/", "topics": ["ticket.created"]}, 201)["webhook_id"]


def first_try(webhook):
    """The first attempt of the webhook's only delivery, or None so far."""
    deliveries = ask("GET", f"/api/v1/webhooks/{webhook}/deliveries")["data"]
    return deliveries[0]["tries"][0] if deliveries and deliveries[0]["tries"] else None


if subprocess.run(NAMESPACE + ["true"], capture_output=True).returncode != 0:
    ok("names that lead inside: skipped, for there are no namespaces here")
    sys.exit(0)

folder = os.path.join(os.environ["E2E_DIR"], "rebinding")
os.makedirs(folder, exist_ok=True)
with open(os.path.join(os.environ["E2E_DIR"], "serviceos.conf"), encoding="utf-8") as conf:
    text = conf.read() + "outgoing_allow =\n"
with open(os.path.join(folder, "serviceos.conf"), "w", encoding="utf-8") as conf:
    conf.write(text)
stack("proc_stop scheduler TERM && proc_stop api TERM 20")
rig = subprocess.Popen(NAMESPACE + [sys.executable, os.path.abspath(__file__), "--inside", folder],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def seen():
    rig.stdin.write("\n")
    rig.stdin.flush()
    return json.loads(rig.stdout.readline())


hooks = {}
try:
    until(lambda: rig.poll() is not None or call("GET", "/ready", key=None).status == 200, 30, "the programs run in the namespace")
    hooks = {name: hook(name) for name in NAMES if not name.endswith(".chain.test")}
    ask("POST", "/api/tickets", {"title": "rebinding"}, 201)
    until(lambda: all(first_try(one) for one in hooks.values()), 30, "each webhook is tried")
    tries = {name: first_try(one) for name, one in hooks.items()}
    public = tries.pop("public.test")
    check(public["status"] == 200, "a name that leads to a public address is called", public)
    for name, one in tries.items():
        check(one["status"] is None and one["error"] == BLOCKED, f"{name}, which leads inside, is not", one)
    hooks[REBINDING] = hook(REBINDING)
    reply = ask("POST", f"/api/v1/webhooks/{hooks[REBINDING]}/test")
    check(reply["delivered"], "a name is called while it leads to a public address", reply)
    reply = ask("POST", f"/api/v1/webhooks/{hooks[REBINDING]}/test")
    check(reply["error"] == BLOCKED, "and not once it leads inside", reply)
    ask("POST", f"/api/v1/webhooks/{hooks['public.test']}/test")
    found = seen()
    check(set(NAMES) - {"link.chain.test", "end.chain.test"} <= set(found["asked"]), "the name server was asked for each", found["asked"])
    check(found["visits"] == [], f"nobody came to {' '.join(CANARIES)}: no proxy, Alt-Svc or HSTS led there either", found["visits"])
    check(len(found["arrivals"]) == 3 and not any("Authorization" in a for a in found["arrivals"]),
          "what came to the public address came three times, without the password of a .netrc", found["arrivals"])
    hooks[UNANSWERED] = hook(UNANSWERED)
    reply = ask("POST", f"/api/v1/webhooks/{hooks[UNANSWERED]}/test")
    check(reply["status"] is None and "timed out" in reply["error"], "a name that nobody answers for is given up in time", reply)
    ask("POST", "/api/tickets", {"title": "unanswered"}, 201)
    until(lambda: first_try(hooks[UNANSWERED]), 20, "and does not hold up the scheduler")
finally:
    for one in hooks.values():
        call("DELETE", f"/api/v1/webhooks/{one}")
    rig.stdin.close()
    rig.wait(40)
    stack("stack_app_start && stack_wait_ready")
