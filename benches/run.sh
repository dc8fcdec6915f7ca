#!/usr/bin/env bash
# Measures everything, and writes the section "Measured" of src/docs/speed.md.
#
#   benches/run.sh [--quick]
#
# Builds take some minutes the first time, what follows less than ten. Needs valgrind. Let nothing else run
# meanwhile. --quick takes fewer samples, and counts the instructions of short cases only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
page=../src/docs/speed.md

options=()
case ${1:-} in
  "") ;;
  --quick) options=(--quick) ;;
  *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# version PACKAGE: of the one with this name in the rivals' lock file, the newest if there are several.
version() {
  awk -v name="\"$1\"" '$1 == "name" { found = $3 == name } found && $1 == "version" { gsub(/"/, "", $3); print $3 }' \
    rivals/Cargo.lock | sort -V | tail -n 1
}

rivals/run.sh "${options[@]}" --out "$out" >"$out/rivals.md"
./count.sh "${options[@]}" >"$out/counts.tsv"
{
  echo
  echo "On one core of: $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), Linux; $(rustc --version | cut -d' ' -f1,2);" \
    "wasmtime $(version wasmtime), Extism $(version extism), tinywasm $(version tinywasm), wasm3 $(version wasm3) (the crate)."
  echo
  echo "## belljar and the others"
  echo
  cat "$out/rivals.md"
  echo
  echo "## belljar and its engine by hand"
  echo
  cargo run --quiet --locked --release --bin table -- overhead "$out/times.tsv" "$out/portable.tsv" "$out/counts.tsv"
  echo
} >"$out/section.md"

awk -v section="$out/section.md" '
  /^# / { inside = 0 }
  !inside
  /^# Measured$/ { inside = 1; while ((getline line < section) > 0) print line }
' "$page" >"$out/page.md"
cp "$out/page.md" "$page"
cat "$out/section.md"
