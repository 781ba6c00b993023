#!/bin/sh
# Every configuration key, command and option is in its man page.
set -eu
cd "$(dirname "$0")/../.."
failed=0
want() { # page, text
  grep -qF -- "$2" "man/$1" || {
    echo "man/$1 does not mention: $2"
    failed=1
  }
}
sed -n 's/^CONF(\([a-z0-9_]*\),.*/\1/p' src/base/conf.def | {
  while read -r key; do want serviceos.conf.5 ".It Ic $key"; done
  exit $failed
} || failed=1
sed -n 's/^\t{ "\([a-z -]*\)", *"[^"]*", [0-9].*/\1/p' workers/serviceosctl.c | while read -r command; do
  grep -qF -- "$command" man/serviceosctl.8 || {
    echo "man/serviceosctl.8 does not mention: $command"
    exit 1
  }
done || failed=1
for option in c n V; do want serviceos-api.8 "Fl $option"; done
for option in c V; do want serviceos-scheduler.8 "Fl $option"; want serviceos-stream.8 "Fl $option"; done
if command -v mandoc >/dev/null; then
  mandoc -Tlint -Wwarning man/*.[58] || failed=1
fi
exit $failed
