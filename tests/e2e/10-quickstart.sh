#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The quick start exactly as the product's page prints it; only host,
# organization and key are replaced.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

# printed: run the commands on stdin, with the reply's headers kept beside.
printed() {
	sed -e "s|https://helpdesk.ainative.studio|$E2E_URL|g" -e "s|YOUR_ORG_ID|$E2E_ORG|g" \
		-e "s|sk_your_key_here|${key:-}|g" -e "s|^curl |curl -sS -D $E2E_DIR/headers |" | bash
}

status() { awk 'NR == 1 { print $2 }' "$E2E_DIR/headers"; }

answer=$(printed <<'SPEC'
curl https://helpdesk.ainative.studio/health
SPEC
)
[ "$(status)" = 200 ] || fail "/health answers 200, not $(status): $answer"
jq -e '.status == "ok" and (.timestamp | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$"))' \
	<<<"$answer" >/dev/null || fail "/health has status and timestamp: $answer"
ok "curl /health answers status ok and a timestamp"

answer=$(printed <<'SPEC'
curl -X POST https://helpdesk.ainative.studio/api/organizations/YOUR_ORG_ID/api-keys \
-H "Content-Type: application/json" \
-H "x-org-id: YOUR_ORG_ID" \
-H "x-actor-id: admin" \
-H "x-actor-type: user" \
-d '{"name":"My App","scopes":["read:tickets","write:tickets"]}'
SPEC
)
[ "$(status)" = 201 ] || fail "step 1 creates a key, not $(status): $answer"
key=$(jq -r .key <<<"$answer")
[[ $key == sk_* ]] || fail "step 1 shows the key: $answer"
ok "step 1 creates an API key with legacy headers and shows it"

answer=$(printed <<'SPEC'
curl -X POST https://helpdesk.ainative.studio/api/tickets \
-H "Content-Type: application/json" \
-H "x-org-id: YOUR_ORG_ID" \
-H "X-API-Key: sk_your_key_here" \
-d '{
"title": "Cannot login to dashboard",
"description": "User reports 500 error on login page",
"priority": "high",
"tags": ["login", "bug"]
}'
SPEC
)
[ "$(status)" = 201 ] || fail "step 2 creates a ticket, not $(status): $answer"
jq -e --arg org "$E2E_ORG" '.ticket_id != null and .org_id == $org and .status == "new" and
	.title == "Cannot login to dashboard" and .priority == "high" and
	(.tags | sort) == ["bug", "login"] and .created_at != null and .updated_at != null' \
	<<<"$answer" >/dev/null || fail "step 2 answers the ticket of the data model: $answer"
ticket=$(jq -r .ticket_id <<<"$answer")
ok "step 2 creates a ticket with that key"

answer=$(printed <<'SPEC'
curl https://helpdesk.ainative.studio/api/tickets \
-H "x-org-id: YOUR_ORG_ID" \
-H "X-API-Key: sk_your_key_here"
SPEC
)
[ "$(status)" = 200 ] || fail "step 3 lists tickets, not $(status): $answer"
jq -e --arg id "$ticket" 'any(.data[]; .ticket_id == $id)' <<<"$answer" >/dev/null ||
	fail "step 3 lists the ticket: $answer"
ok "step 3 lists it"

for header in X-RateLimit-Limit X-RateLimit-Remaining X-RateLimit-Reset X-Request-Id; do
	grep -qi "^$header: " "$E2E_DIR/headers" || fail "the reply has $header"
done
ok "the reply has the rate limit headers and a request id"

curl -s "$E2E_URL/api/organizations/$E2E_ORG/api-keys" -H "X-API-Key: $E2E_KEY" >"$E2E_DIR/keys"
jq -e '.data | length > 0' "$E2E_DIR/keys" >/dev/null || fail "the list of keys is readable"
! grep -qF "$key" "$E2E_DIR/keys" || fail "the key is shown only once"
ok "the key is shown only once"
