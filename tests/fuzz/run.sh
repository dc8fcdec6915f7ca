#!/usr/bin/env bash
# Runs the fuzz targets:
#
#   tests/fuzz/run.sh [--short | --long | --executions N] [--asan] [TARGET...]
#
# --short (unless told otherwise) gives each target a few seconds, with debug assertions, in a build that is
# hardly optimized; it leaves `second` out, which takes longer to build than all others to build and run.
# --long is --executions 10000000. --executions N shares N executions out among the targets, the last tenth of
# them with debug assertions. --asan builds with AddressSanitizer, for which it needs a nightly toolchain.
#
# Installs what it needs and does not find: a C++ compiler, and for --asan the toolchain. What the targets
# learn stays below the target folder, for the next run; so do finds. The exit status is 0 if there was
# none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

all=(bytes smith mutated operands text toml tools abi sliced rerun wasi second)
mode=short asan='' executions=0 targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --short) mode=short ;;
    --long) mode=count executions=10000000 ;;
    --executions) mode=count executions=$2 && shift ;;
    --asan) asan=asan ;;
    -*) echo "unknown option $1" && exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done
if [ ${#targets[@]} -eq 0 ]; then
  targets=("${all[@]}")
  [ $mode = short ] && unset 'targets[-1]'
fi

# Executions of a thousand that a target gets: what is quick gets more.
share() {
  case $1 in
    bytes) echo 420 ;;
    tools) echo 10 ;;
    text) echo 240 ;;
    toml) echo 220 ;;
    abi) echo 30 ;;
    smith | mutated | operands | wasi) echo 15 ;;
    sliced) echo 10 ;;
    rerun | second) echo 5 ;;
    *) echo "no target $1: there are ${all[*]}" >&2 && exit 2 ;;
  esac
}

# The builds in which a target is run. Wasmtime is built once only.
kinds() {
  if [ "$1" = second ]; then
    echo optimized
  elif [ $mode = short ]; then
    echo quick
  else
    echo optimized checked
  fi
}

# runs KIND TARGET: how often, of its share among those that run.
runs() {
  local total=0 other count
  for other in "${targets[@]}"; do total=$((total + $(share "$other"))); done
  count=$((executions * $(share "$2") / total))
  case $1 in
    optimized) echo $((count - count / 10)) ;;
    checked) echo $((count / 10)) ;;
  esac
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_tools() {
  if ! command -v c++; then
    as_root apt-get update || true # a list that cannot be fetched need not be one that is needed
    as_root apt-get install -y --no-install-recommends g++
  fi
  [ -z "$asan" ] || rustup toolchain list | grep nightly || rustup toolchain install nightly --profile minimal
}

target_dir=${CARGO_TARGET_DIR:-tests/fuzz/target}
mkdir -p "$target_dir"
target_dir=$(cd "$target_dir" && pwd)
work=$target_dir/fuzz
corpus=$work/corpus
mkdir -p "$corpus"
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

# build KIND TARGET...: `optimized`, `checked`, which is optimized too but for debug assertions, or `quick`, which
# is checked and hardly optimized. The flags are those of cargo-fuzz, which need not be there.
host=$(rustc -vV | sed -n 's/^host: //p')
build() {
  local flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cllvm-args=-simplifycfg-branch-fold-threshold=0)
  local options=(--locked --release --target "$host" --manifest-path tests/fuzz/Cargo.toml) toolchain=()
  [ -z "$asan" ] || { toolchain=(+nightly) && flags+=(-Zsanitizer=address); }
  [[ $host != *-linux-* ]] || flags+=(-Cllvm-args=-sanitizer-coverage-stack-depth)
  [ "$1" = optimized ] || flags+=(-Cdebug-assertions)
  [ "$1" != quick ] || options+=(--config profile.release.opt-level=1)
  local kind=$1 target
  shift
  for target in "$@"; do
    options+=(--bin "$target")
    [ "$target" != second ] || options+=(--features second)
  done
  # With a target named, these are no flags for build scripts.
  RUSTFLAGS="${flags[*]} -Ccodegen-units=1" cargo "${toolchain[@]}" build "${options[@]}" \
    --target-dir "$target_dir/fuzz-$kind$asan" >>"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" && exit 1; }
}

# What a target starts from: fixtures of its kind.
seed() {
  mkdir -p "$corpus/$1" "$work/found/$1"
  case $1 in
    bytes) find fixtures/guests -name '*.wasm' -size -20k -exec cp {} "$corpus/bytes" \; ;;
    text) find fixtures -name '*.wat' -size -20k -exec cp {} "$corpus/text" \; ;;
    tools) cp fixtures/tools/*.toml "$corpus/tools" ;;
    toml) find fixtures -name '*.toml' -not -name Cargo.toml -size -20k -exec cp {} "$corpus/toml" \; ;;
  esac
  # The words of texts are what texts are made of.
  case $1 in
    text | toml)
      cat "$corpus/$1"/*."${1/text/wat}" | grep -oE '[a-z_][a-z0-9_.]{2,24}' | sort -u | sed 's/.*/"&"/' >"$work/$1.words"
      ;;
  esac
}

# limit OPTION...: a run's bounds for a target, in words of the fuzzer.
finds=0
run() {
  local kind=$1 target=$2 log=$work/$2.log status=0 start=$SECONDS
  shift 2
  local found=$work/found/$target options=(-timeout=10 -rss_limit_mb=2048 -max_len=4096 -len_control=0)
  [ ! -f "$work/$target.words" ] || options+=(-dict="$work/$target.words")
  options+=(-artifact_prefix="$found/" -print_final_stats=1 -verbosity=1 "$@")
  (
    # A stack as small as belljar promises to need. AddressSanitizer's frames, and Wasmtime, need more.
    if [ -z "$asan" ] && [ "$target" != second ]; then ulimit -s 256; fi
    # Memories come and go all the time: they need not come from the system each time.
    export MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=1000000000 MALLOC_TOP_PAD_=16000000
    exec "$target_dir/fuzz-$kind$asan/$host/release/$target" "$corpus/$target" "${options[@]}"
  ) >"$log" 2>&1 || status=$?
  local count seconds=$((SECONDS - start))
  count=$(awk '/stat::number_of_executed_units/ { print $2 }' "$log")
  printf '%-9s %-9s %9d executions %5d s %7d/s  %s\n' "$target" "$kind" "${count:=0}" "$seconds" \
    $((count / (seconds > 0 ? seconds : 1))) "$([ $status -eq 0 ] && echo 'no find' || echo FOUND)"
  if [ $status -ne 0 ]; then
    finds=$((finds + 1))
    grep -aE 'panicked at|ERROR: |Test unit written' -A 4 "$log" | cut -c 1-400 | head -n 30
  fi
}

install_tools >/dev/null
: >"$work/build.log"
for target in "${targets[@]}"; do
  share "$target" >/dev/null
  seed "$target"
done
start=$SECONDS
for kind in optimized checked quick; do
  built=()
  for target in "${targets[@]}"; do
    [[ " $(kinds "$target") " != *" $kind "* ]] || built+=("$target")
  done
  [ ${#built[@]} -eq 0 ] || build "$kind" "${built[@]}"
done
echo "built in $((SECONDS - start)) s"
for target in "${targets[@]}"; do
  for kind in $(kinds "$target"); do
    if [ $mode = short ]; then
      run "$kind" "$target" -max_total_time=8
    else
      run "$kind" "$target" -runs="$(runs "$kind" "$target")"
    fi
  done
done
[ $finds -eq 0 ]
