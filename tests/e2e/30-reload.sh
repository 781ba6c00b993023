#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Twenty reloads under load: no request fails, and all workers are new ones.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

key=$(new_key "reload" read:tickets 100000000) || exit 1
ticket=$(new_ticket) || exit 1
master=$(proc_pid api) || fail "the master runs"
before=$(stack_workers | sort)
[ -n "$before" ] || fail "the master has workers"

wrk -t 2 -c 32 -d 14s --timeout 10s -H "X-API-Key: $key" "$E2E_URL/api/tickets/$ticket" \
	>"$E2E_DIR/wrk" 2>&1 &
load=$!
sleep 1
for ((i = 0; i < 20; i++)); do
	proc_signal api HUP || fail "the master lives through reload $i"
	sleep 0.5
done
wait "$load" || fail "wrk ran: $(cat "$E2E_DIR/wrk")"

requests=$(awk '/requests in/ { print $1 }' "$E2E_DIR/wrk")
[ "${requests:-0}" -gt 1000 ] || fail "the load was real: $(cat "$E2E_DIR/wrk")"
! grep -E 'Non-2xx|Socket errors' "$E2E_DIR/wrk" || fail "0 of $requests requests fail over 20 reloads"
ok "0 of $requests requests fail over 20 reloads"
[ "$(proc_pid api)" = "$master" ] || fail "the master is the same process"

settled() { # the workers of before are gone, and as many new ones serve
	[ -z "$(comm -12 <(echo "$before") <(stack_workers | sort))" ] &&
		[ "$(stack_workers | wc -l)" -eq "$(wc -l <<<"$before")" ]
}
wait_for 20 settled || fail "all workers are new ones:
before $(xargs <<<"$before"), now $(stack_workers | xargs)"
ok "all workers are new ones, the old ones have left, and the master is the same"
stack_ready || fail "the service is ready afterwards"
