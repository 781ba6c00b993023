#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Redis stopped, killed and back: requests go on, and limits hold meanwhile.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

printf 'correct horse battery\n' |
	stack_ctl user create "$E2E_ORG" redis@example.com "Redis" agent >/dev/null ||
	fail "a user is created"
GENERAL_KEY=$(new_key "redis" read:tickets,write:tickets 100000000) || exit 1
export GENERAL_KEY

# phase NAME ADDRESS: reads, writes and logins, whatever the state of Redis.
phase() {
	not_near_the_end 15 60
	PHASE=$1 ADDRESS=$2 python3 - <<'PY'
import os

from e2e import ORG, call, check, parallel, percentile

phase, address, key = (os.environ[n] for n in ("PHASE", "ADDRESS", "GENERAL_KEY"))
reads = parallel(300, 8, lambda i: call("GET", "/api/tickets?limit=5", key=key))
writes = parallel(100, 8, lambda i: call("POST", "/api/tickets", {"title": phase}, key=key))
answers = reads + writes
bad = [(a.status, a.body[:200]) for a in answers if a.status not in (200, 201)]
check(not bad, f"{phase}: 400 reads and writes succeed", bad[:3])
check(all("x-ratelimit-limit" in a.headers for a in answers),
      f"{phase}: they carry the rate limit headers")
p99 = percentile([a.seconds for a in answers], 0.99)
check(p99 < 0.5, f"{phase}: 99 % within {p99 * 1000:.0f} ms", p99)
login = {"email": "redis@example.com", "password": "correct horse battery", "org_id": ORG}
logins = parallel(26, 4, lambda i: call("POST", "/api/v1/auth/login", login, key=None,
                                         source=address))
statuses = sorted(a.status for a in logins)
check(statuses == [200] * 20 + [429] * 6,
      f"{phase}: 20 of 26 logins pass, the others are refused", statuses)
PY
}

# A fresh address shows up in Redis as soon as its limits are counted there again.
counted_in_redis() {
	curl -s -o /dev/null -X POST "$E2E_URL/api/v1/auth/login" --interface "$1" \
		-H 'Content-Type: application/json' -d '{"email":"nobody@example.com","password":"-"}'
	[ -n "$(stack_redis_cli --scan --pattern "*$1*" 2>/dev/null)" ]
}

# recovers WHAT ADDRESS: within 2 s, while others go on writing.
recovers() {
	local writer
	(while curl -s -o /dev/null -X POST "$E2E_URL/api/tickets" -H "X-API-Key: $GENERAL_KEY" \
		-H 'Content-Type: application/json' -d '{"title":"meanwhile"}'; do :; done) &
	writer=$!
	wait_for 2 counted_in_redis "$2" || {
		kill "$writer"
		fail "$1: limits are counted in Redis again within 2 s, under writes"
	}
	kill "$writer"
	wait "$writer" 2>/dev/null
	ok "$1: limits are counted in Redis again within 2 s, under writes"
}

phase "with Redis" 127.0.50.1 || exit 1

proc_signal redis STOP || fail "Redis can be stopped"
phase "Redis stopped" 127.0.50.2
result=$?
proc_signal redis CONT
[ $result -eq 0 ] || exit 1
recovers "Redis continued" 127.0.50.3

proc_stop redis KILL
phase "Redis killed" 127.0.50.4 || exit 1
stack_redis_start || fail "Redis starts: $STACK_ERROR"
recovers "Redis restarted" 127.0.50.5
stack_redis_cli flushall >/dev/null
phase "Redis emptied" 127.0.50.6 || exit 1
