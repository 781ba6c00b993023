#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What takes long holds up nothing else: a request no other one while a worker of its pool is
# free, and a step of a job no event.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

TICKET=$(new_ticket) || exit 1

# hold, let_go: the ticket's row.
hold() {
	coproc LOCKER { stack_psql -At; }
	echo "BEGIN; SELECT 'held' FROM ticket WHERE ticket_id = '$TICKET' FOR UPDATE;" >&"${LOCKER[1]}"
	until read -r word <&"${LOCKER[0]}" && [ "$word" = held ]; do :; done
}
let_go() {
	echo "COMMIT;" >&"${LOCKER[1]}"
	eval "exec ${LOCKER[1]}>&-"
	wait "$LOCKER_PID" 2>/dev/null
}
# waiting NAME: since when a connection of that name waits for a lock.
waiting() {
	stack_psql -Atc "SELECT query_start FROM pg_stat_activity WHERE application_name LIKE '$1%' AND wait_event_type = 'Lock'" | grep .
}
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
numbered() {
	stack_psql -Atc "SELECT seq FROM event WHERE ticket_id = '$1' AND seq IS NOT NULL" | grep .
}

searches 8 || fail "searches are answered" # all workers of the pool have been at work
for round in 1 2 3; do
	hold
	searches 4 || fail "searches are answered"
	curl -sS --max-time 30 -o "$E2E_DIR/bulk" -X PATCH "$E2E_URL/api/bulk/tickets" -H "X-API-Key: $E2E_KEY" \
		-H "Content-Type: application/json" -d "{\"ticket_ids\":[\"$TICKET\"],\"changes\":{\"priority\":\"high\"}}" &
	bulk=$!
	wait_for 5 waiting serviceos-api/slow || fail "a bulk update waits for a row that is held"
	searches 12 || fail "searches are answered"
	kill -0 "$bulk" 2>/dev/null || fail "12 searches are answered before the bulk update (round $round)"
	let_go
	wait "$bulk"
done
ok "12 searches are answered while a bulk update waits, three times"

# A wait ends after a second: on a busy machine the event may come after it, and it is tried again.
job_done() {
	curl -fsS "$E2E_URL/api/bulk/jobs/$(jq -r .job_id "$E2E_DIR/job")" -H "X-API-Key: $E2E_KEY" |
		jq -e '.state == "completed" or .state == "failed"'
}
passed_by() {
	local new before
	hold
	curl -fsS --max-time 10 -o "$E2E_DIR/job" "$E2E_URL/api/bulk/jobs" -H "X-API-Key: $E2E_KEY" \
		-H "Content-Type: application/json" -d "{\"action\":\"update\",\"changes\":{\"priority\":\"$1\"},
			\"conditions\":{\"field\":\"title\",\"op\":\"eq\",\"value\":\"From the end-to-end tests\"}}" ||
		fail "a bulk job is made"
	wait_for 10 waiting serviceos-scheduler || fail "its step waits for a row that is held"
	before=$(waiting serviceos-scheduler)
	new=$(new_ticket) || exit 1
	wait_for 5 numbered "$new" || fail "the event of another ticket gets its number"
	[ -n "$before" ] && [ "$before" = "$(waiting serviceos-scheduler)" ]
	before=$?
	let_go
	wait_for 30 job_done || fail "the job goes on"
	return $before
}
passed_by low || passed_by normal || passed_by high || passed_by urgent || passed_by low ||
	fail "the event of another ticket gets its number while a step waits"
ok "events go on while a step of a job waits"
