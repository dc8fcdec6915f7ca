#!/usr/bin/env bash
# Processor time of `belljar serve` for one request that is echoed, of two programs side by side.
#
#   benches/serve.sh BASE NEW [REQUESTS]
#
# Both are programs that have been built with `--release --features serve`. Each serves five times, in turn, so many
# requests (20,000 unless it is said) on 8 connections that are kept; what the clients take is left out. Prints the
# microseconds of each with tabs between, then both medians and their ratio. Linux, for its /proc.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
base=$(realpath "$1") new=$(realpath "$2") requests=${3:-20000}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$out"' EXIT
rustc --edition 2024 -O -o "$out/load" benches/src/bin/load.rs

# Ticks of the server in user and system mode.
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

# micros PROGRAM: of a request.
micros() {
  local at= before
  : >"$out/log"
  "$1" serve fixtures/serve/acts.wat --text --no-config --listen 127.0.0.1:0 2>"$out/log" &
  server=$!
  until [ -n "$at" ]; do
    kill -0 "$server"
    at=$(sed -n 's,^listening on http://,,p' "$out/log")
    sleep 0.05
  done
  "$out/load" "$at" 8 2000
  before=$(ticks)
  "$out/load" "$at" 8 "$requests"
  awk "BEGIN { printf \"%.1f\n\", ($(ticks) - $before) * 1e6 / $(getconf CLK_TCK) / $requests }"
  kill "$server"
  wait "$server" || true
  server=
}

median() { sort -n "$1" | sed -n 3p; }

for _ in 1 2 3 4 5; do
  micros "$base" >>"$out/base"
  micros "$new" >>"$out/new"
  printf '%s\t%s\n' "$(tail -n 1 "$out/base")" "$(tail -n 1 "$out/new")"
done
awk "BEGIN { printf \"median\t%s\t%s\tratio\t%.2f\n\", $(median "$out/base"), $(median "$out/new"), $(median "$out/base") / $(median "$out/new") }"
