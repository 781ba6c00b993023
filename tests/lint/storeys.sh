#!/bin/sh
# An include points down the storeys, never up: base < store < auth < http < resources, jobs.
set -eu
cd "$(dirname "$0")/../.."
failed=0
check() { # storey, then those it must not know
  storey=$1
  shift
  for above; do
    if grep -nE "^#include \"$above/" src/"$storey"/*.c src/"$storey"/*.h; then
      echo "src/$storey must not include $above/"
      failed=1
    fi
  done
}
check base store auth http resources jobs
check store auth http resources jobs
check auth http resources jobs store
check http resources jobs
check resources jobs
check jobs resources
exit $failed
