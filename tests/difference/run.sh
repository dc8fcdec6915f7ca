#!/usr/bin/env bash
# Runs generated modules in belljar and in Wasmtime, and compares what comes of them:
#
#   tests/difference/run.sh           as CI does it: the generators' own tests, then 5,000 modules of each
#   tests/difference/run.sh long [N]  N modules of each generator (500,000), a tenth of them in the portable dispatch
#   tests/difference/run.sh faults    without belljar's normal form: fails if nothing is found in 20,000 modules
#
# The first two compare digests of both dispatches, fuel included, over the same seeds. The exit status is 0 if all
# is as it has to be. What is built stays below the target folder. SEED=N begins with another seed than 0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

generators=(smith stack)
mode=${1:-short} from=${SEED:-0}
target=${CARGO_TARGET_DIR:-tests/difference/target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
# Memories come and go all the time: they need not come from the system each time.
export MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=1000000000 MALLOC_TOP_PAD_=16000000
failed=0

# build NAME FOLDER OPTION...: the program, under a name of its own. Both dispatches share all that is Wasmtime's.
build() {
  local name=$1 folder=$2
  shift 2
  cargo build --locked --release --manifest-path tests/difference/Cargo.toml --target-dir "$folder" "$@" \
    >>"$target/difference.log" 2>&1 || { tail -n 40 "$target/difference.log" && exit 1; }
  mkdir -p "$target/difference"
  cp "$folder/release/belljar-difference" "$target/difference/$name"
}

# run NAME GENERATOR COUNT OPTION...: prints the summary; differences go to stderr.
run() {
  local name=$1 generator=$2 count=$3
  shift 3
  "$target/difference/$name" --generator "$generator" --seeds "$from..$((from + count))" "$@" ||
    { echo "$generator, $name: status $?" && failed=1; }
}

# same GENERATOR COUNT: the same digest of belljar in both dispatches.
same() {
  local generator=$1 count=$2 name digests=()
  for name in fast portable; do
    digests+=("$(run $name "$generator" "$count" --alone | sed -n 's/.*; digest //p')")
  done
  if [ "${digests[0]}" = "${digests[1]}" ] && [ -n "${digests[0]}" ]; then
    echo "$generator: $count modules have the digest ${digests[0]} in both dispatches"
  else
    echo "$generator: the dispatches differ over $count modules: ${digests[*]}" && failed=1
  fi
}

# faults GENERATOR: the seed of the first difference tells after how many modules it came.
faults() {
  local generator=$1 status=0 log=$target/difference/faults.log seed
  "$target/difference/faults" --generator "$generator" --seeds "$from..$((from + 20000))" --stop-at-first \
    >"$log" 2>&1 || status=$?
  seed=$(sed -n 's/^seed \([0-9]*\): .*/\1/p' "$log" | sort -n | head -n 1)
  if [ -n "$seed" ]; then
    echo "$generator: the first difference came after $((seed - from + 1)) modules"
  elif [ $status -gt 2 ]; then
    echo "$generator: the program died of it (status $status)"
  else
    tail -n 3 "$log" && echo "$generator: no difference in 20000 modules, though there is no normal form" && failed=1
  fi
}

: >"$target/difference.log"
start=$SECONDS
case $mode in
  short | long)
    build fast "$target"
    build portable "$target" --features portable
    ;;
  faults) RUSTFLAGS="${RUSTFLAGS:-} --cfg belljar_without_normal_form" build faults "$target/faults" ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
echo "built in $((SECONDS - start)) s"

for generator in "${generators[@]}"; do
  case $mode in
    short)
      run fast "$generator" 5000
      same "$generator" 1000
      ;;
    long)
      count=${2:-500000}
      run fast "$generator" "$count"
      run portable "$generator" $((count / 10))
      same "$generator" $((count / 10))
      ;;
    faults) faults "$generator" ;;
  esac
done
if [ "$mode" = short ]; then
  cargo test --locked --release --manifest-path tests/difference/Cargo.toml --target-dir "$target" || failed=1
fi
exit $failed
