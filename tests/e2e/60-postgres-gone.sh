#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL crashes under load and comes back: quick and honest 503 meanwhile,
# nothing acknowledged is lost, and no worker is replaced.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

WRITE_KEY=$(new_key "postgres" read:tickets,write:tickets 100000000) || exit 1
export WRITE_KEY
workers=$(stack_workers | sort)

python3 - <<'PY' || exit 1
import os
import time

from e2e import Ledger, call, check, parallel, psql, stack

key = os.environ["WRITE_KEY"]
with Ledger(8, key) as ledger:
    time.sleep(2)
    stack("stack_pg_stop immediate")
    answers = parallel(200, 8, lambda i: call("GET", "/api/tickets?limit=1", key=key))
    alive = call("GET", "/health", key=None)
    ready = call("GET", "/ready", key=None)
    stack("stack_pg_start")
    began = time.monotonic()
    while call("GET", "/api/tickets?limit=1", key=key).status != 200:
        if time.monotonic() - began > 10:
            break
        time.sleep(0.02)
    recovery = time.monotonic() - began
    time.sleep(2)
statuses = sorted({a.status for a in answers})
check(statuses == [503], "while PostgreSQL is away requests are answered 503", statuses)
check(all(int(a.headers.get("retry-after", 0)) >= 1 for a in answers), "503 has Retry-After")
check(all(a.headers["content-type"].startswith("application/problem+json") for a in answers),
      "503 is a problem document")
slowest = max(a.seconds for a in answers)
check(slowest < 1, f"each within a second; the slowest took {slowest * 1000:.0f} ms", slowest)
check(alive.status == 200, "/health still answers 200", alive.status)
check(ready.status == 503, "/ready answers 503", ready.status)
check(recovery <= 2, f"the first request succeeds {recovery:.2f} s after PostgreSQL is ready",
      recovery)
ledger.verify(psql)
PY
[ "$(stack_workers | sort)" = "$workers" ] || fail "the workers are the same processes:
before $(xargs <<<"$workers"), now $(stack_workers | xargs)"
ok "the workers are the same processes"
