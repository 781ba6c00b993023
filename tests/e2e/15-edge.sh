#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What nginx refuses itself looks like every other error of the API.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

# refused STATUS CODE SENTENCE CURL-ARGUMENT…
refused() {
	local status=$1 code=$2 sentence=$3 seen
	shift 3
	seen=$(curl -sS -o "$E2E_DIR/body" -w '%{http_code} %{content_type}' --max-time 10 "$@")
	[ "$seen" = "$status application/problem+json" ] || fail "$sentence: $seen"
	jq -e --arg code "$code" --argjson status "$status" '.code == $code and .status == $status and
		.type != null and .title != null and .detail != null and .request_id != null' \
		"$E2E_DIR/body" >/dev/null || fail "$sentence: $(cat "$E2E_DIR/body")"
	ok "$sentence"
}

head -c 1048577 /dev/zero >"$E2E_DIR/big"
refused 413 body_too_large "a body over 1 MiB is refused with 413" \
	--data-binary "@$E2E_DIR/big" "$E2E_URL/api/tickets"
refused 400 bad_request "a header over 16 KiB is refused with 400" \
	-H "X-Long: $(head -c 20000 /dev/zero | tr '\0' a)" "$E2E_URL/health"
refused 400 bad_request "a request line that is none is refused with 400" \
	-X 'A B' "$E2E_URL/health"
refused 405 method_not_allowed "TRACE is refused with 405" -X TRACE "$E2E_URL/health"
refused 414 uri_too_long "an address over 16 KiB is refused with 414" \
	"$E2E_URL/health?$(head -c 20000 /dev/zero | tr '\0' a)"
refused 404 not_found "an unknown file of the docs page is 404" "$E2E_URL/api-docs/none"
refused 404 not_found "nginx's own error pages cannot be asked for" "$E2E_URL/.problem/413"
refused 404 not_found "a worker's own refusal has the same form" "$E2E_URL/api/none"

[[ $(curl -fsS --max-time 10 "$E2E_URL/metrics") == *serviceos_requests_total* ]] ||
	fail "/metrics answers on this machine"
ok "/metrics answers on this machine"

proc_signal api STOP || fail "the master can be stopped"
stopped=$(stack_workers)
# shellcheck disable=SC2086 # a list of pids
kill -STOP $stopped
seen=$(curl -s -o /dev/null -w '%{http_code}' --max-time 1 "$E2E_URL/api-docs")
# shellcheck disable=SC2086
kill -CONT $stopped
proc_signal api CONT
[ "$seen" = 200 ] || fail "the docs page answers while all workers are stuck: $seen"
ok "the docs page answers while all workers are stuck"
