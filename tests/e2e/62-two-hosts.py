#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Two hosts: a second nginx, serviceos-api and serviceos-stream with sockets of their own,
over the same PostgreSQL and Redis. They count an organization's streams together, and
what a dead host leaves behind is free again after 30 s.
"""

import os
import re
import signal
import socket
import subprocess
import time

from e2e import ORG, URL, call, check, settings, wait_until
from sse import PATH, Stream, ticket



def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


LIFE_S = 30
HERE = os.environ["E2E_DIR"]
THERE = os.path.join(HERE, "host2")
OWN_PORT = free_port()
SOCKETS = re.search(r"^socket_dir = (.*)$", open(HERE + "/serviceos.conf", encoding="utf-8").read(), re.M).group(1)


def copy(name, *changes):
    """A file of the first host as the second one has it."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        text = file.read()
    for old, new in changes:
        text = text.replace(old, new)
    path = os.path.join(THERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class SecondHost:
    def __init__(self):
        for folder in ("sock", "state", "log"):
            os.makedirs(os.path.join(THERE, folder), exist_ok=True)
        # Where the sockets are in the first host's directory, the paths are theirs as well.
        sockets = (SOCKETS, HERE + "/sock")
        paths = (HERE + "/", THERE + "/")
        with open(copy("serviceos.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"socket_dir = {THERE}/sock\nstate_dir = {THERE}/state\n")
        for name in os.listdir(HERE + "/nginx/snippets"):
            copy("nginx/snippets/" + name, sockets, paths)
        self.nginx = copy("nginx/nginx.conf", paths, (f"127.0.0.1:{URL.port}", f"127.0.0.1:{OWN_PORT}"))
        self.running = []

    def start(self, name, *command):
        with open(f"{HERE}/log/host2-{name}.log", "ab") as log:
            run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running.append(run)
        return run

    def program(self, name):
        return self.start(name, os.path.join(os.environ["STACK_BUILD"], name), "-c", THERE + "/serviceos.conf")

    def up(self):
        self.start("nginx", "/usr/sbin/nginx", "-e", THERE + "/log/nginx.log", "-c", self.nginx)
        self.program("serviceos-api")
        self.stream = self.program("serviceos-stream")
        check(wait_until(lambda: os.path.exists(THERE + "/sock/stream.sock") and self.opens(), 15), "a second host is up")

    def opens(self):
        try:
            stream = self.open()
        except (OSError, IndexError):
            return False
        stream.close()
        return stream.status == 200

    def open(self, **how):
        return Stream(port=OWN_PORT, **how)

    def down(self):
        for run in reversed(self.running):
            if run.poll() is None:
                run.send_signal(signal.SIGTERM)
        for run in self.running:
            run.wait(20)


def places():
    return int(subprocess.run(["redis-cli", "-s", SOCKETS + "/redis.sock", "ZCARD", f"serviceos:{{{ORG}}}:streams"],
                              check=True, capture_output=True, text=True).stdout)


def open_now(streams):
    return sum(s.status == 200 and not s.closed.is_set() for s in streams)


def full(where, sentence):
    """The host refuses another one."""
    check(where().status == 429, sentence)


settings("")
there = SecondHost()
try:
    there.up()
    check(wait_until(lambda: places() == 0, 10), "nobody has a stream", places())
    mine = [Stream() for _ in range(60)]
    theirs = [there.open() for _ in range(40)]
    check({s.status for s in mine + theirs} == {200}, "60 streams open on one host and 40 on the other")
    full(lambda: call("GET", PATH), "the 101st is 429 on the first")
    full(there.open, "and on the second")
    ticket()
    check(all(s.wait(lambda s: "ticket.created" in s.topics()) for s in mine + theirs), "an event comes to all 100")
    mine.pop().close()
    check(wait_until(lambda: theirs.append(there.open()) or theirs[-1].status == 200, 5), "one that closes on the first makes room on the second")

    there.stream.kill()
    killed = time.monotonic()
    check(all(s.closed.wait(5) for s in theirs if s.status == 200), "kill -9 of the second's serviceos-stream ends its streams")
    there.stream.wait(5)
    there.stream = there.program("serviceos-stream")
    check(wait_until(there.opens, 10), "its successor takes streams")
    theirs = [there.open() for _ in range(41)]
    check({s.status for s in theirs} == {200}, f"41 of them {time.monotonic() - killed:.1f} s after the kill: it knows whose places those were",
          [s.status for s in theirs])
    full(lambda: call("GET", PATH), "and there are 100 again")

    killed = time.monotonic()
    there.stream.kill()
    there.stream.wait(5)
    full(lambda: call("GET", PATH), "a host that dies for good leaves its places taken")
    time.sleep(max(0, killed + 15 - time.monotonic()))
    full(lambda: call("GET", PATH), "15 s later too: it may be back")
    check(wait_until(lambda: mine.append(Stream()) or mine[-1].status == 200, LIFE_S - 15 + 10), "then they are free for the first host")
    took = time.monotonic() - killed
    check(LIFE_S - 11 < took < LIFE_S + 8, f"after {took:.0f} s", took)
    # Each place ends 30 s after its own last sign of life, which was not the same moment for all.
    check(wait_until(lambda: mine.append(Stream()) or open_now(mine) == 100, 20), "which has 100 streams soon", open_now(mine))
    full(lambda: call("GET", PATH), "and no more")
finally:
    there.down()
