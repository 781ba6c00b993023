# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What every end-to-end script starts with. tests/e2e/run exports:
#   E2E_DIR    the stack's directory        E2E_URL   its base URL
#   E2E_ORG    an organization              E2E_KEY   its admin key, with ample limits
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -n "${E2E_DIR:-}" ] || {
	echo "not ok run me through tests/e2e/run" >&2
	exit 1
}
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
# shellcheck source=../../tools/stack.sh
source "$here/../../tools/stack.sh"
stack_use "$E2E_DIR" && stack_pg_programs || exit 1

ok() { echo "ok $*"; }
fail() {
	echo "not ok $*"
	exit 1
}

# new_key NAME SCOPES [GENERAL [BULK]]: a key of the test organization, with its limits.
new_key() {
	local key
	key=$(stack_ctl key create "$E2E_ORG" "$@" </dev/null) || fail "serviceosctl creates a key"
	echo "$key"
}

# new_ticket: the id of a fresh ticket.
new_ticket() {
	curl -fsS --max-time 10 -X POST "$E2E_URL/api/tickets" -H "X-API-Key: $E2E_KEY" \
		-H "Content-Type: application/json" -d '{"title":"From the end-to-end tests"}' |
		jq -er .ticket_id || fail "a ticket is created"
}

# not_near_the_end SECONDS WINDOW: wait into the next window rather than straddle two.
not_near_the_end() {
	local left=$(($2 - $(date +%s) % $2))
	[ "$left" -gt "$1" ] || sleep $((left + 1))
}
