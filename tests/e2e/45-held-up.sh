#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A request that takes long holds up no other one while a worker of its pool is free.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

TICKET=$(new_ticket) || exit 1

search() { # NUMBER
	curl -fsS --max-time 10 -o "$E2E_DIR/found.$1" "$E2E_URL/api/v1/search" -H "X-API-Key: $E2E_KEY" \
		-H "Content-Type: application/json" -d '{"query":"end-to-end"}'
}
searches() { # COUNT, at the same time
	local i jobs=()
	for ((i = 0; i < $1; i++)); do
		search "$i" &
		jobs+=($!)
	done
	wait "${jobs[@]}"
}
waits_for_lock() {
	[ "$(stack_psql -Atc "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'serviceos-api/slow%' AND wait_event_type = 'Lock'")" = 1 ]
}

searches 8 || fail "searches are answered" # all workers of the pool have been at work
for round in 1 2 3; do
	coproc LOCKER { stack_psql -At; }
	echo "BEGIN; SELECT 'held' FROM ticket WHERE ticket_id = '$TICKET' FOR UPDATE;" >&"${LOCKER[1]}"
	until read -r word <&"${LOCKER[0]}" && [ "$word" = held ]; do :; done
	searches 4 || fail "searches are answered"
	curl -sS --max-time 30 -o "$E2E_DIR/bulk" -X PATCH "$E2E_URL/api/bulk/tickets" -H "X-API-Key: $E2E_KEY" \
		-H "Content-Type: application/json" -d "{\"ticket_ids\":[\"$TICKET\"],\"changes\":{\"priority\":\"high\"}}" &
	bulk=$!
	wait_for 5 waits_for_lock || fail "a bulk update waits for a row that is held"
	searches 12 || fail "searches are answered"
	kill -0 "$bulk" 2>/dev/null || fail "12 searches are answered before the bulk update (round $round)"
	echo "COMMIT;" >&"${LOCKER[1]}"
	eval "exec ${LOCKER[1]}>&-"
	wait "$bulk" "$LOCKER_PID" 2>/dev/null
done
ok "12 searches are answered while a bulk update waits, three times"
