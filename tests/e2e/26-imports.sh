#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Data of another desk through nginx: a file larger than any other body, silent, and out again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

key=$(new_key "imports" import,read:tickets 100000 1000) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rows=20000
awk -v n=$rows 'BEGIN {
	print "Id,Subject,Description,Status,Requester Email,Created at"
	for (i = 1; i <= n; i++)
		printf "e2e-%d,Ticket %d,\"A text, long enough to fill the file with something to read\",solved,user%d@example.com,2023-01-02 03:04:05\n", i, i, i % 500
}' >"$work/tickets.csv"
size=$(stat -c %s "$work/tickets.csv")
[ "$size" -gt 1048576 ] || fail "the file is larger than an ordinary body may be"

api() { # METHOD PATH [CURL-ARGUMENT…]
	curl -sS --max-time 60 -X "$1" -H "X-API-Key: $key" "${@:3}" "$E2E_URL$2"
}

await() { # PATH: its JSON once it is over
	local json
	for _ in $(seq 1 300); do
		json=$(api GET "$1")
		case $(jq -r .state <<<"$json") in completed | failed | cancelled)
			echo "$json"
			return
			;;
		esac
		sleep 0.2
	done
	fail "it comes to an end: $json"
}

import() { # TYPE FILE: the import, once it is over
	local id
	id=$(api POST /api/imports -H "Content-Type: $1" -H "Idempotency-Key: $RANDOM$RANDOM" --data-binary "@$2" | jq -er .import_id) ||
		fail "an import begins"
	await "/api/imports/$id"
}

done=$(import text/csv "$work/tickets.csv") || exit 1
[ "$(jq -c '[.state, .created, .failed, .bytes_read]' <<<"$done")" = "[\"completed\",$rows,0,$size]" ] ||
	fail "all of $rows tickets are taken: $done"
seconds=$(jq '((.finished_at | sub("\\.[0-9]+Z"; "Z") | fromdate) - (.started_at | sub("\\.[0-9]+Z"; "Z") | fromdate))' <<<"$done")
ok "$rows tickets of a file of $size bytes are taken in $seconds s"
done=$(import text/csv "$work/tickets.csv") || exit 1
[ "$(jq -c '[.created, .skipped]' <<<"$done")" = "[0,$rows]" ] || fail "none is taken twice: $done"
ok "none is taken twice"

id=$(api POST /api/exports -H "Content-Type: application/json" \
	-d '{"kind":"tickets","conditions":{"field":"channel","op":"eq","value":"import"}}' | jq -er .export_id) ||
	fail "an export begins"
done=$(await "/api/exports/$id") || exit 1
url=$(jq -r .download_url <<<"$done")
curl -sS --max-time 60 -D "$work/head" -o "$work/out.ndjson" "$E2E_URL/api${url#*/api}"
[ "$(sha256sum <"$work/out.ndjson" | cut -d' ' -f1)" = "$(jq -r .sha256 <<<"$done")" ] ||
	fail "the export comes whole: $(cat "$work/head") $done"
[ "$(wc -l <"$work/out.ndjson")" = $rows ] || fail "it has every ticket once"
ok "the export comes whole, by its link"
done=$(import application/x-ndjson "$work/out.ndjson") || exit 1
[ "$(jq -c '[.created, .skipped, .failed]' <<<"$done")" = "[0,$rows,0]" ] ||
	fail "an import knows its tickets again: $done"
ok "an import knows its tickets again"
