#!/usr/bin/env bash
# A frame whose name ends in a number after a space disappears from a flame graph made of folded stacks.
#
# A line of a folded stack is the frames, a space and a number. Names of functions may have spaces. inferno 0.12.8 reads
# a line with two numbers at its end as a pair for a differential flame graph, also if it is asked for a plain one: of
# `main;function 12 100` it takes 100 as the count and drops `12` from the name. So all functions that are named
# `function N` (what tools write that have no names) become one frame `function`, without a warning. flamegraph.pl
# does the same.
#
# Observed with inferno 0.12.8 (crates.io) on three lines with three functions: the graph has one frame `function` of 300
# samples. With `_` in place of the last space it has three. Requires cargo. Prints both; the exit status is 0 if the fault
# still exists.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo install --quiet --locked --version '=0.12.8' --root "$work" inferno
graph() { "$work/bin/inferno-flamegraph" --deterministic 2>/dev/null | grep -o '<title>function[^<]*' | sort; }

stacks=$'main;function 12 100\nmain;function 13 100\nmain;function 14 100\n'
spaces=$(printf '%s' "$stacks" | graph)
joined=$(printf '%s' "${stacks//function /function_}" | graph)
echo "named with a space:"
echo "$spaces"
echo "named with an underscore:"
echo "$joined"
[ "$(wc -l <<<"$spaces")" -eq 1 ] && grep -q 300 <<<"$spaces" && [ "$(wc -l <<<"$joined")" -eq 3 ]
