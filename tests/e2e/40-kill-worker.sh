#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A random worker is killed every 200 ms while tickets are created: what was
# acknowledged is there, and retries with Idempotency-Key make no duplicates.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

MASTER=$(proc_pid api) || fail "the master runs"
WRITE_KEY=$(new_key "kill" read:tickets,write:tickets 100000000) || exit 1
export MASTER WRITE_KEY
python3 - <<'PY' || exit 1
import os
import random
import signal
import time

from e2e import Ledger, call, check, children, ok, psql

seed = int(os.environ.get("E2E_SEED", "1"))
dice = random.Random(seed)
master = int(os.environ["MASTER"])
kills = 0
with Ledger(8, os.environ["WRITE_KEY"]) as ledger:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.2)
        workers = children(master)
        if workers:
            try:
                os.kill(dice.choice(workers), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
check(kills > 40, f"{kills} workers are killed in 20 s (seed {seed})", kills)
check(len(ledger.settled) > 200, f"{len(ledger.settled)} tickets are created meanwhile",
      len(ledger.settled))
broken = sum(n for status, n in ledger.statuses.items() if status == 0 or status >= 500)
ok(f"{broken} answers were cut short, {broken / kills:.2f} a kill: {dict(sorted(ledger.statuses.items()))}")
ledger.verify(psql)
check(call("GET", "/api/tickets?limit=1").status == 200, "requests are served afterwards")
PY
[ "$(proc_pid api)" = "$MASTER" ] || fail "the master is the same process"
all_there() { [ "$(stack_workers | wc -l)" -eq 12 ]; }
wait_for 15 all_there || fail "all 12 workers are back, not $(stack_workers | wc -l)"
ok "the master is the same and all workers are back"
