#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file of 25 MiB through nginx: kept whole, served in ranges, in constant memory.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

key=$(new_key "attachments" admin 100000 1000) || exit 1
ticket=$(new_ticket) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

head -c 26214400 /dev/urandom >"$work/large"
head -c 26214401 /dev/zero >"$work/larger"

upload() { # FILE NAME
	curl -sS -o "$work/reply" -w '%{http_code}' --max-time 60 -H "X-API-Key: $key" \
		-H "Content-Type: application/octet-stream" --data-binary "@$1" \
		"$E2E_URL/api/tickets/$ticket/attachments?filename=$2"
}

peak() { # the most memory that a worker has held, in KiB
	local pid most=0 this
	for pid in $(stack_workers); do
		this=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
		[ "${this:-0}" -le "$most" ] || most=$this
	done
	echo "$most"
}

keeping() { # all that the last reply says of it
	grep -i '^Cache-Control' "$work/head" | tr -d '\r'
}

before=$(peak)
status=$(upload "$work/large" large.bin)
[ "$status" = 201 ] || fail "a file of 25 MiB is taken, not answered $status: $(head -c 300 "$work/reply")"
ok "a file of 25 MiB is taken"
# libmagic maps its rules, about 10 MiB; the file itself would be 25.
[ $(($(peak) - before)) -lt 20480 ] || fail "a worker grew by $(($(peak) - before)) KiB with it"
ok "in a worker that does not grow by it"

id=$(jq -r .attachment_id "$work/reply")
sum=$(sha256sum <"$work/large" | cut -d' ' -f1)
[ "$(jq -r .sha256 "$work/reply")" = "$sum" ] || fail "the reply has the file's SHA-256"
url=$(jq -r .download_url "$work/reply")
url=$E2E_URL/api${url#*/api}
got=$(curl -sS --max-time 60 -D "$work/head" -H "X-API-Key: $key" "$E2E_URL/api/attachments/$id" | sha256sum | cut -d' ' -f1)
[ "$got" = "$sum" ] || fail "what comes back is what went in"
ok "what comes back is what went in"
for name in X-Request-Id X-RateLimit-Limit X-RateLimit-Remaining X-RateLimit-Reset; do
	[ "$(grep -ci "^$name: ." "$work/head")" = 1 ] || fail "with the headers that every reply has: $name in $(cat "$work/head")"
done
ok "with the headers that every reply has"
got=$(curl -sS --max-time 60 "$url" | sha256sum | cut -d' ' -f1)
[ "$got" = "$sum" ] || fail "the signed link gives it without a credential"
ok "the signed link gives it without a credential"
fresh=$(curl -sS --max-time 60 -H "X-API-Key: $key" "$E2E_URL/api/attachments/$id?link=true" | jq -r .download_url)
got=$(curl -sS --max-time 60 "$E2E_URL/api${fresh#*/api}" | sha256sum | cut -d' ' -f1)
[ "$got" = "$sum" ] || fail "so does one that is asked for later: $fresh"
ok "so does one that is asked for later"
curl -sS --max-time 60 -D "$work/head" -o "$work/range" -H "Range: bytes=1000-1999" "$url"
{ grep -q "^HTTP/1.1 206" "$work/head" && cmp -s "$work/range" <(tail -c +1001 "$work/large" | head -c 1000); } ||
	fail "a range of it is served: $(head -n 1 "$work/head")"
ok "a range of it is served"
{ grep -qi "^X-Content-Type-Options: nosniff" "$work/head" && grep -qi "^Content-Disposition: attachment" "$work/head"; } ||
	fail "with the headers that keep a browser from running it"
ok "with the headers that keep a browser from running it"
[ "$(keeping)" = "Cache-Control: private, max-age=3600" ] || fail "and one word about keeping it: $(keeping)"
ok "and one word about keeping it"
status=$(curl -sS --max-time 60 -D "$work/head" -o "$work/reply416" -w '%{http_code} %{content_type}' -H "Range: bytes=26214400-" "$url")
[ "$status $(jq -r '.status, .code' "$work/reply416" | xargs)" = "416 application/problem+json 416 range_not_satisfiable" ] ||
	fail "a range behind its end is refused as everything is: $status $(head -c 300 "$work/reply416")"
grep -qi '^Content-Range: bytes \*/26214400' "$work/head" || fail "with the size that it has: $(cat "$work/head")"
! grep -qi '^Content-Disposition' "$work/head" || fail "and not with the file's name: $(cat "$work/head")"
[ "$(keeping)" = "Cache-Control: no-store" ] || fail "and it is not kept: $(keeping)"
ok "a range behind its end is refused as everything is, with the size that it has"
[ "$(curl -sS -o /dev/null -w '%{http_code}' "$E2E_URL/_state/files/x")" = 404 ] ||
	fail "the files have no address of their own"
ok "the files have no address of their own"
[ "$(upload "$work/larger" larger.bin)" = 413 ] || fail "one byte more is refused"
ok "one byte more is refused"

before=$(peak)
status=$(curl -sS -o "$work/reply" -w '%{http_code}' --max-time 60 -H "X-API-Key: $key" \
	-F "file=@$work/large;filename=form.bin" "$E2E_URL/api/tickets/$ticket/attachments")
[ "$status" = 201 ] || fail "a form with the file is taken, not answered $status: $(head -c 300 "$work/reply")"
[ "$(jq -r '.filename + " " + .sha256' "$work/reply")" = "form.bin $sum" ] ||
	fail "the file of a form is what went in: $(head -c 300 "$work/reply")"
[ $(($(peak) - before)) -lt 20480 ] || fail "a worker grew by $(($(peak) - before)) KiB with a form"
ok "a form with the file of 25 MiB is taken too"
