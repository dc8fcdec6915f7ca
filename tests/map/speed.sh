#!/usr/bin/env bash
# How much faster two threads are than one: the best of several runs of each, in turns, so that whatever else the
# machine does meets both.
#
#   tests/map/speed.sh [LINES [ROUNDS]]   default: 20000 lines, 5 rounds
#
# $BELLJAR is the program to be measured, by default a release build. The last line is the factor; the exit status
# is 0 if it is 1.9 or more.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lines=${1:-20000}
rounds=${2:-5}
guests=$here/../../fixtures/guests

if [ -z "${BELLJAR:-}" ]; then
  cargo build --quiet --locked --release --manifest-path "$here/../../Cargo.toml" --features cli
  BELLJAR=${CARGO_TARGET_DIR:-$here/../../target}/release/belljar
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
seq "$lines" | awk '{ printf "{\"expr\":\"%d * %d + %d\"}\n", $1, $1, $1 % 7 }' >"$folder/in"

# Prints the wall time in ms.
run() {
  "$BELLJAR" map "$guests/calc.wasm" --no-config --threads "$1" --input "$folder/in" -o "$folder/out$1" --force --metrics \
    2>&1 >/dev/null | awk '$1 == "wall" { print $3 }'
}

for ((round = 1; round <= rounds; round++)); do
  one=$(run 1)
  two=$(run 2)
  cmp "$folder/out1" "$folder/out2"
  echo "round $round: $one ms with 1 thread, $two ms with 2" >&2
  echo "$one $two"
done | awk -v lines="$lines" '
  NR == 1 || $1 < one { one = $1 }
  NR == 1 || $2 < two { two = $2 }
  END {
    printf "%d lines: %.0f ms with 1 thread, %.0f ms with 2: %.2f times as fast\n", lines, one, two, one / two
    exit one / two < 1.9
  }'
