#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The stream as spec.md shows it, with curl -N: each event is there while curl runs,
# keepalives come at their interval, and what is refused says so.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

out=$E2E_DIR/curl-stream
url="$E2E_URL/api/v1/events/stream?org_id=$E2E_ORG"

[ "$(stack_clean "$STACK_BUILD/serviceosctl" check-config --defaults | grep -E '^#? ?stream_keepalive')" = \
	"# stream_keepalive = 30" ] || fail "a keepalive comes every 30 s where nothing else is configured"
ok "a keepalive comes every 30 s where nothing else is configured"

echo "stream_keepalive = 2" >"$E2E_DIR/local.conf"
{ stack_conf && stack_app_start && stack_wait_ready; } || fail "$STACK_ERROR"
curl -sN "$E2E_URL/api/v1/events/stream?org_id=$E2E_ORG" -H "X-API-Key: $E2E_KEY" >"$out" &
curl=$!
trap 'kill $curl 2>/dev/null' EXIT

# came TEXT [TIMES]: it stands in what curl has written so far, and curl goes on.
came() { [ "$(grep -c "$1" "$out")" -ge "${2:-1}" ] && kill -0 $curl; }
wait_for 10 came '^retry:' || fail "curl opens a stream: $(cat "$out")"
ok "curl opens a stream"
ticket=$(new_ticket)
wait_for 5 came "^data:.*\"topic\":\"ticket.created\".*$ticket" || fail "the ticket's event comes while curl runs: $(cat "$out")"
ok "the ticket's event comes while curl runs"
came '^event: ticket.updated$' && fail "and no other one yet"
curl -fsS -o /dev/null -X PATCH "$E2E_URL/api/tickets/$ticket" -H "X-API-Key: $E2E_KEY" \
	-H "Content-Type: application/json" -d '{"priority":"urgent"}'
wait_for 5 came '^event: ticket.updated$' || fail "the next one comes by itself: $(cat "$out")"
ok "the next one comes by itself"
curl -fsS -o /dev/null -X POST "$E2E_URL/api/tickets/$ticket/comments" -H "X-API-Key: $E2E_KEY" \
	-H "Content-Type: application/json" -d '{"body":"Hello"}'
wait_for 5 came '^event: ticket.comment.added$' || fail "so does a comment's"
ok "so does a comment's"

wait_for 5 came '^event: keepalive$' || fail "a keepalive comes"
seen=$(grep -c '^event: keepalive$' "$out")
began=$EPOCHREALTIME
wait_for 8 came '^event: keepalive$' $((seen + 2)) || fail "and more of them: $(cat "$out")"
took=$(((${EPOCHREALTIME/[.,]/} - ${began/[.,]/}) / 1000))
((took > 1900)) || fail "two more keepalives in $took ms, at 2 s each"
ok "keepalives come at their interval: two more within $took ms, at 2 s each"
grep -A1 '^event: keepalive$' "$out" | grep -qE '^data: \{"timestamp":"[0-9T:.-]+Z"\}$' ||
	fail "a keepalive says when: $(tail -n 5 "$out")"
kill $curl
rm -f "$E2E_DIR/local.conf"
{ stack_conf && stack_app_start && stack_wait_ready; } || fail "$STACK_ERROR"

# refused STATUS CODE SENTENCE CURL-ARGUMENT…
refused() {
	local status=$1 code=$2 sentence=$3 seen
	shift 3
	seen=$(curl -sN -o "$out" -w '%{http_code} %{content_type}' --max-time 5 "$@")
	seen="$seen $(jq -r .code "$out")"
	[ "$seen" = "$status application/problem+json $code" ] ||
		fail "$sentence: $seen $(cat "$out")"
	ok "$sentence"
}
refused 401 unauthenticated "without a credential: 401" "$url"
refused 401 unauthenticated "with a key that is none: 401" "$url" -H "X-API-Key: sk_none"
refused 401 unauthenticated "with a token that is none: 401" "$url" -H "Authorization: Bearer a.b.c"
refused 403 organization_mismatch "for another organization: 403" \
	"$E2E_URL/api/v1/events/stream?org_id=org_other" -H "X-API-Key: $E2E_KEY"
narrow=$(new_key "cannot read tickets" read:customers) || exit 1
refused 403 insufficient_scope "with a key that may not read tickets: 403" "$url" -H "X-API-Key: $narrow"
refused 404 not_found "below the stream there is nothing: 404" "$E2E_URL/api/v1/events/stream/x" -H "X-API-Key: $E2E_KEY"
refused 405 method_not_allowed "it is read, not written: 405" -X DELETE "$url" -H "X-API-Key: $E2E_KEY"
poor=$(new_key "two requests an hour" read:tickets 2) || exit 1
not_near_the_end 5 3600
for _ in 1 2; do curl -fs -o /dev/null "$E2E_URL/api/tickets?limit=1" -H "X-API-Key: $poor"; done
refused 429 rate_limited "a key that has used up its requests: 429" "$url" -H "X-API-Key: $poor"
