#!/usr/bin/env bash
# Runs one bundle of modules on many targets, and shows the digests of what came of it side by side. The exit
# status is 0 if they are the same.
#
#   tests/targets/run.sh             all
#   tests/targets/run.sh TARGET...   some: x86_64 x86_64-portable x86_64-debug aarch64 i686 s390x riscv64gc wasm32 check
#
# A target whose name ends in `-portable` has the engine's portable dispatch, one in `-debug` is not optimized. `check`
# compiles the library for targets that cannot be run here.
# From a bare Debian with Rust: installs qemu, linkers and Node through apt, standard libraries through rustup.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export CARGO_INCREMENTAL=0
target=${CARGO_TARGET_DIR:-target}
out=$target/outcomes
bundle=$out/bundle
chosen=("$@")
[ ${#chosen[@]} -gt 0 ] ||
  chosen=(x86_64 x86_64-portable x86_64-debug aarch64 i686 s390x riscv64gc wasm32 check)
failed=0

# ------------------------------------------------------------------------------------------- helpers

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# The name of the target for Rust.
triple() {
  case $1 in
    wasm32) echo wasm32-unknown-unknown ;;
    *) echo "${1%%-*}-unknown-linux-gnu" ;;
  esac
}

# Debian's names of what links for a target and runs its programs.
packages() {
  case ${1%%-*} in
    x86_64) command -v cc >/dev/null || echo gcc libc6-dev ;;
    aarch64) echo qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
    i686) echo qemu-user gcc-i686-linux-gnu libc6-dev-i386-cross ;;
    s390x) echo qemu-user gcc-s390x-linux-gnu libc6-dev-s390x-cross ;;
    riscv64gc) echo qemu-user gcc-riscv64-linux-gnu libc6-dev-riscv64-cross ;;
    wasm32) command -v node >/dev/null || echo nodejs ;;
  esac
}

install() {
  local missing=() package name
  local -a names=(x86_64 "${chosen[@]}")
  for name in "${names[@]}"; do
    [ "$name" != check ] || continue
    for package in $(packages "$name"); do
      dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    rustup --quiet target add "$(triple "$name")" || return 1
  done
  [ ${#missing[@]} -eq 0 ] && return
  as_root apt-get update || true # a list that cannot be fetched need not be one that is needed
  as_root apt-get install -y --no-install-recommends "${missing[@]}"
}

# What links for a target.
linker() {
  local variable
  variable=CARGO_TARGET_$(triple "$1" | tr a-z- A-Z_)_LINKER
  case $1 in
    x86_64* | wasm32) ;;
    riscv64gc) export "$variable"=riscv64-linux-gnu-gcc ;;
    *) export "$variable=${1%%-*}-linux-gnu-gcc" ;;
  esac
}

# What runs programs of a target.
emulator() {
  case $1 in
    x86_64*) ;;
    i686) echo qemu-i386 -L /usr/i686-linux-gnu ;;
    riscv64gc) echo qemu-riscv64 -L /usr/riscv64-linux-gnu ;;
    *) echo "qemu-${1%%-*}" -L "/usr/${1%%-*}-linux-gnu" ;;
  esac
}

# Prints the program for a target, with what it takes to run it.
build() {
  local name=$1 triple folder=$target out=release flags=(--release)
  triple=$(triple "$name")
  case $name in
    *-portable)
      folder=$target/portable
      flags+=(--features portable-dispatch --target-dir "$folder")
      ;;
    *-debug) flags=() out=debug ;;
  esac
  linker "$name"
  if [ "$name" = wasm32 ]; then
    cargo rustc --locked "${flags[@]}" --target "$triple" --no-default-features \
      --lib --crate-type cdylib >&2 || return 1
    echo node run.mjs "$target/$triple/release/belljar_targets.wasm"
    return
  fi
  # What the bundle is made with is built for this machine already.
  if [[ $name != x86_64* ]]; then
    flags+=(--target "$triple")
    folder=$folder/$triple
  fi
  cargo build --locked "${flags[@]}" -p belljar-targets >&2 || return 1
  echo "$(emulator "$name") $folder/$out/belljar-targets"
}

# run NAME: builds for a target and runs the bundle there.
run() {
  local name=$1 start=$SECONDS command built
  if ! command=$(build "$name" 2>"$out/$name.log"); then
    echo "FAILED $name: does not build"
    tail -n 5 "$out/$name.log"
    return 1
  fi
  built=$((SECONDS - start)) start=$SECONDS
  # shellcheck disable=SC2086,SC2116 # these are words
  if ! $(echo $command) "$bundle" lines >"$out/$name.txt" 2>"$out/$name.log"; then
    echo "FAILED $name: $(grep -v '^$' "$out/$name.log" | tail -n 3)"
    return 1
  fi
  echo "$name: built in $built s, run in $((SECONDS - start)) s"
}

# The digest of a group on a target.
digest() {
  awk -v group="$2" '$1 == group && $3 == "modules" { print $6 }' "$out/$1.txt"
}

# Compares all targets with the first: a line for each group that is not the same on all.
compare() {
  local first=$1 name group differ=0
  echo
  sed -n '/ modules /p' "$out/$first.txt"
  echo
  for name in "$@"; do
    for group in no-vectors all; do
      printf '%-14s %-10s %s\n' "$name" "$group" "$(digest "$name" "$group")"
    done
  done
  for name in "${@:2}"; do
    for group in $(awk '$3 == "modules" { print $1 }' "$out/$name.txt"); do
      [ "$(digest "$name" "$group")" != "$(digest "$first" "$group")" ] || continue
      echo "DIFFERS $name, $group:"
      diff <(grep -a "^$group/" "$out/$first.txt") <(grep -a "^$group/" "$out/$name.txt") | head -n 10
      differ=1
    done
    # Only big-endian machines may leave groups out.
    [ "$name" = s390x ] || [ -n "$(digest "$name" all)" ] || { echo "FAILED $name: groups are missing"; differ=1; }
  done
  return "$differ"
}

# ------------------------------------------------------------------------------------------- checks

# checked TARGET FEATURES: the library compiles for a target.
checked() {
  local start=$SECONDS
  if rustup target add "$1" >/dev/null 2>&1 &&
    cargo check --quiet --locked --manifest-path ../../Cargo.toml --no-default-features --features "$2" --target "$1"; then
    echo "$1, $2: compiles ($((SECONDS - start)) s)"
  else
    echo "FAILED $1, $2: does not compile"
    failed=1
  fi
}

check() {
  checked aarch64-apple-ios std,receipt
  checked aarch64-apple-ios receipt
  checked thumbv7em-none-eabihf receipt
  checked riscv32imac-unknown-none-elf receipt
}

# ----------------------------------------------------------------------------------------------- run

install >/dev/null || exit 1
mkdir -p "$out"
cargo run --quiet --locked --release -p belljar-targets-bundle -- "$bundle" || exit 1
echo "bundle: $(wc -c <"$bundle") bytes, sha256 $(sha256sum <"$bundle" | cut -d' ' -f1)"

ran=()
for name in "${chosen[@]}"; do
  if [ "$name" = check ]; then
    check
  elif run "$name"; then
    ran+=("$name")
  else
    failed=1
  fi
done
[ ${#ran[@]} -eq 0 ] || compare "${ran[@]}" || failed=1
exit "$failed"
