#!/usr/bin/env bash
# Builds all engines and measures them, and prints one table.
#
#   benches/rivals/run.sh [--quick] [--out DIR] [CASE]
#
# The first build takes some minutes. Everything comes from the Cargo registry; wasm3's bindings also
# need libclang, one before version 16. An engine that cannot be built is left out, which is said.
# --quick takes fewer samples. --out keeps what was measured: times.tsv, and portable.tsv of the portable dispatch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

out=$(mktemp -d)
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) options+=(--quick) ;;
    --out) out=${2:?--out needs a DIR}; mkdir -p "$out"; shift ;;
    -*) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    *) options+=("$1") ;;
  esac
  shift
done

if [ -z "${LIBCLANG_PATH:-}" ]; then
  for folder in /usr/lib/llvm-15/lib /usr/lib/llvm-14/lib /usr/lib/llvm-13/lib; do
    [ ! -e "$folder"/libclang.so.1 ] || { export LIBCLANG_PATH=$folder; break; }
  done
fi

# build FEATURES...: prints where the program is.
build() {
  cargo build --locked --release "$@" --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
}

# All at once, or, if that fails, those that can be.
rivals=all
if ! build --features all >/dev/null 2>"$out/all.log"; then
  rivals=
  for rival in wasmtime extism tinywasm wasm3; do
    if build --features "$rivals$rival" >/dev/null 2>"$out/$rival.log"; then
      rivals+=$rival,
    else
      echo "$rival cannot be built, and is left out:" >&2
      grep -m 3 '^error' "$out/$rival.log" >&2 || tail -n 3 "$out/$rival.log" >&2
    fi
  done
fi

# Each of the two builds is where the other was.
"$(build --features "$rivals")" "${options[@]}" >"$out/times.tsv"
"$(build --features portable)" "${options[@]}" >"$out/portable.tsv"

cargo run --quiet --locked --release --manifest-path ../Cargo.toml --bin table -- \
  rivals "$out/times.tsv" "$out/portable.tsv"
