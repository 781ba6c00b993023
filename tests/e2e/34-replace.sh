#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Workers are replaced all the time under load: no request fails, there are never
# fewer workers than configured and at most one more, and each pool keeps its own.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

key=$(new_key "replace" read:tickets 100000000) || exit 1
ticket=$(new_ticket) || exit 1
master=$(proc_pid api) || fail "the master runs"

replaced() {
	curl -fsS --max-time 10 "$E2E_URL/metrics" | awk '$1 == "serviceos_worker_replacements_total" { print $2 }'
}
# Workers by pool, as their connections are named: they have them before the first request.
pools() {
	stack_psql -Atc "SELECT split_part(application_name, '/', 2), count(*) FROM pg_stat_activity
		WHERE application_name LIKE 'serviceos-api/%' GROUP BY 1 ORDER BY 1" | xargs
}
whole() { [ "$(stack_workers | wc -l)" -eq 12 ] && [ "$(pools)" = "auth|2 fast|8 slow|2" ]; }
# One of the searching workers has gone.
turned() { [ "$(stack_psql -Atc "SELECT count(*) FROM pg_stat_activity WHERE pid IN ($slow)")" -lt 2 ]; }
reload() { # with these lines of configuration
	local before
	before=$(stack_workers | sort)
	echo "$1" >"$E2E_DIR/local.conf"
	stack_conf
	proc_signal api HUP || fail "the master takes a configuration"
	renewed() { [ -z "$(comm -12 <(echo "$before") <(stack_workers | sort))" ]; }
	wait_for 20 renewed || fail "the workers have the configuration"
}
searching() {
	while [ -e "$E2E_DIR/searching" ]; do
		curl -fsS --max-time 10 -o "$E2E_DIR/found" "$E2E_URL/api/v1/search" -H "X-API-Key: $key" \
			-H "Content-Type: application/json" -d '{"query":"end-to-end"}' || echo failed
	done
}

reload "max_requests = 100"
wait_for 10 whole || fail "each worker has a connection before its first request: $(pools)"
ok "each worker has a connection before its first request: $(pools)"
slow=$(stack_psql -Atc "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE application_name LIKE 'serviceos-api/slow/%'")
before=$(replaced)
: >"$E2E_DIR/searching"
searching >"$E2E_DIR/searches" 2>&1 &
searches=$!
wrk -t 2 -c 16 -d 10s --timeout 10s -H "X-API-Key: $key" "$E2E_URL/api/tickets/$ticket" \
	>"$E2E_DIR/wrk" 2>&1 &
load=$!
fewest=99 most=0
while kill -0 "$load" 2>/dev/null; do
	n=$(stack_workers | wc -l)
	((n >= fewest)) || fewest=$n
	((n <= most)) || most=$n
done
wait "$load" || fail "wrk ran: $(cat "$E2E_DIR/wrk")"
# On a busy machine these searches, one after the other, are few: they go on until a worker is spent.
wait_for 30 turned
its_turn=$?
rm "$E2E_DIR/searching"
wait "$searches"

requests=$(awk '/requests in/ { print $1 }' "$E2E_DIR/wrk")
count=$(($(replaced) - before))
[ "${requests:-0}" -gt 1000 ] || fail "the load was real: $(cat "$E2E_DIR/wrk")"
! grep -E 'Non-2xx|Socket errors' "$E2E_DIR/wrk" || fail "0 of $requests requests fail over $count replacements"
[ ! -s "$E2E_DIR/searches" ] || fail "searches go on: $(sort "$E2E_DIR/searches" | uniq -c)"
[ "$count" -ge 10 ] || fail "workers are replaced under load, not $count"
ok "0 of $requests requests fail over $count replacements, nor does a search"
# The list is not of one moment: it may have one that has just left and two successors.
((fewest == 12 && most >= 13 && most <= 14)) || fail "there are 12 workers or 13, not from $fewest to $most"
ok "there are 12 workers, or 13 while one is being replaced"
[ "$its_turn" -eq 0 ] || fail "the pool of searches has its turn too"
ok "the pool of searches has its turn too"

reload ""
rm "$E2E_DIR/local.conf"
wait_for 20 whole || fail "each pool has its workers afterwards: $(pools)"
[ "$(proc_pid api)" = "$master" ] || fail "the master is the same process"
ok "each pool has its workers afterwards, and the master is the same process"
