#!/bin/sh
# An include points down the storeys, never up: base < store < auth < http < resources, jobs, stream.
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
check base store auth http resources jobs stream
check store auth http resources jobs stream
check auth http resources jobs stream store
check http resources jobs stream
check resources jobs stream
check jobs resources stream
check stream resources jobs
exit $failed
