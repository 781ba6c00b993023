# SPDX-License-Identifier: Apache-2.0
"""Fault points: which there are, and setting them for a process that runs (src/base/fault.h)."""

import atexit
import collections
import os
import random
import re
import subprocess
import time

from e2e import fail

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SET = os.path.join(os.environ["E2E_DIR"], "state", "fault")
SEED = int(os.environ.get("FAULT_SEED", "1"))
dice = random.Random(SEED)
os.makedirs(SET, exist_ok=True)


def points(program):
    rows = open(os.path.join(ROOT, "src/base/fault.def"), encoding="ascii").read()
    return [name for name, programs in re.findall(r'^FAULT\((\w+),\s*"([a-z ]+)"', rows, re.M) if program in programs.split()]


def arm(program, point, visit):
    """The visit-th time from now on that a process of the program comes by, it dies."""
    path = os.path.join(SET, f"serviceos-{program}.{point}")
    with open(path + ".new", "wb") as file:
        file.write(b"." * visit)
    os.rename(path + ".new", path)


def armed(program, point):
    return os.path.exists(os.path.join(SET, f"serviceos-{program}.{point}"))


def await_death(program, point, visit, seconds=20):
    deadline = time.monotonic() + seconds
    while armed(program, point) and time.monotonic() < deadline:
        time.sleep(0.02)
    if armed(program, point):
        fail(f"{point}:{visit}: a process of serviceos-{program} comes by within {seconds} s")


def visits(most, seeds):
    """So many different numbers of a visit, by dice."""
    return dice.sample(range(1, most + 1), min(seeds, most))


def most_visits(default, **some):
    return collections.defaultdict(lambda: default, some)


def scheduler(environment=None):
    """One of our own; the stack's was stopped."""
    log = open(os.path.join(os.environ["E2E_DIR"], "log", "scheduler.log"), "a", encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SERVICEOS_")}
    process = subprocess.Popen([os.path.join(os.environ["STACK_BUILD"], "serviceos-scheduler"), "-c", os.environ["STACK_CONF"]],
                            env={**clean, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    atexit.register(process.kill)  # of a test that fails
    return process


def end(process):
    process.terminate()
    process.wait(30)


def must(condition, sentence, seen=None):
    """check() without a line for what holds."""
    if not condition:
        fail(sentence + ("" if seen is None else f" (seen: {seen})"))


def await_true(function, seconds):
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not (done := function()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(done)
