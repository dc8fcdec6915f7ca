#!/usr/bin/env bash
# What belljar adds to a program, as a table in Markdown: code and data of the library and of all it is linked with,
# but for Rust's own, before a linker leaves out what is not called; and the program.
#
#   benches/size.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}/sizes
kib() { echo "$((($1 + 1023) / 1024)) KiB"; }

# Bytes of code and data in the library and all it is linked with, each whole.
library() {
  local files
  files=$(cargo build --quiet --locked --release --lib --target-dir "$target" --no-default-features --features "$1" \
    --message-format=json | grep -o '"[^"]*\.rlib"' | tr -d '"' | sort -u)
  # shellcheck disable=SC2086
  size --totals $files 2>/dev/null | awk 'END { print $1 + $2 }'
}

program() {
  cargo build --quiet --locked --release --target-dir "$target" --features "$1" --bin belljar >&2
  strip -o "$target/stripped" "$target/release/belljar"
  stat -c %s "$target/stripped"
}

core=$(library std,toml,wat)
echo "| libraries | code and data | beside the core |"
echo "|---|---|---|"
echo "| core (default features) | $(kib "$core") | |"
for feature in receipt pooling cache isolate wasi fs host-random http json selftest; do
  bytes=$(library "std,toml,wat,$feature")
  echo "| with \`$feature\` | $(kib "$bytes") | +$(kib $((bytes - core))) |"
done
echo
echo "| program, release, stripped | size |"
echo "|---|---|"
for features in cli full; do
  echo "| \`--features $features\` | $(kib "$(program "$features")") |"
done
