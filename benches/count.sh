#!/usr/bin/env bash
# Instructions of one run of each case, belljar's and of the same engine driven by hand, and their ratio:
# what does not depend on how busy the machine is.
#
#   benches/count.sh [--portable] [--quick] [CASE...]
#
# --portable builds both with the engine's portable dispatch, --quick leaves out the longest cases, a CASE is part of a name.
# Needs valgrind. Prints group, case, belljar, by hand and ratio, with tabs between.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

features=()
quick=
names=()
for argument in "$@"; do
  case $argument in
    --portable) features=(--features portable) ;;
    --quick) quick=yes ;;
    -*) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    *) names+=("$argument") ;;
  esac
done
command -v valgrind >/dev/null || { echo "count.sh: valgrind is missing" >&2; exit 2; }

program=$(cargo build --quiet --locked --release "${features[@]}" --bin count --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')

# instructions ENGINE CASE RUNS: of the whole program.
instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 |
    sed -n 's/.*Collected *: *//p'
}

# one ENGINE CASE RUNS: of one run, start and preparation taken away.
one() {
  local few many
  few=$(instructions "$1" "$2" 2)
  many=$(instructions "$1" "$2" $((2 + $3)))
  echo $(((many - few) / $3))
}

wanted() {
  local name
  [ ${#names[@]} -gt 0 ] || return 0
  for name in "${names[@]}"; do
    case $1 in *"$name"*) return 0 ;; esac
  done
  return 1
}

"$program" --list | while IFS=$'\t' read -r number per group name; do
  wanted "$group $name" || continue
  case $group in
    warm* | calls*) runs=20 ;;
    input*) continue ;; # what it takes is memory's time, not instructions
    *) runs=2 ;;
  esac
  case $name in
    "0.96 MB" | "1.6 MB"* | "each of"*) [ -z "$quick" ] || continue; runs=1 ;;
  esac
  belljar=$(one belljar "$number" $runs)
  hand=$(one hand "$number" $runs)
  printf '%s\t%s\t%s\t%s\t%s\n' "$group" "$name" $((belljar / per)) $((hand / per)) \
    "$(awk "BEGIN { printf \"%.3f\", $belljar / $hand }")"
done
