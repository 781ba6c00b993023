#!/bin/sh
# Files above 400 lines and functions above 80 ask what is missing.
set -eu
cd "$(dirname "$0")/../.."
awk '
  FNR == 1 { if (NR > 1) file_end(); start = 0 }
  { lines = FNR; file = FILENAME }
  /^\{/ { start = FNR }
  /^\}/ && start { if (FNR - start > 80) { print FILENAME ":" start ": a function of " FNR - start " lines"; bad = 1 } start = 0 }
  function file_end() { if (lines > 400) { print file ": " lines " lines"; bad = 1 } }
  END { file_end(); exit bad }
' src/*/*.[ch] workers/*.c tests/*/*.[ch]
