#!/usr/bin/env bash
# Builds belljar in the ways that programs are built, and runs the self-test in each: a line for
# every build. The exit status is 0 if all checks held in all of them, and the builds whose fast
# dispatch is not safe have refused to run any.
#
#   tests/builds/run.sh          all
#   tests/builds/run.sh NAME...  some
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export CARGO_INCREMENTAL=0
root=${CARGO_TARGET_DIR:-target}/builds
failed=0
chosen=("$@")

# build NAME STACK_KIB PROFILE [SETTING=VALUE...]: settings of the profile. All checks hold.
build() {
  try "$1" 0 "${@:2}"
}

# refused NAME STACK_KIB PROFILE [SETTING=VALUE...]: it makes no sandbox, and says why.
refused() {
  try "$1" 3 "${@:2}"
}

# try NAME STATUS STACK_KIB PROFILE [SETTING=VALUE...]
try() {
  local name=$1 expected=$2 stack=$3 profile=$4 folder=$root/$1 end status=0
  shift 4
  [ ${#chosen[@]} -eq 0 ] || [[ " ${chosen[*]} " == *" $name "* ]] || return 0
  local flag=() out=debug
  [[ $name != portable-* ]] || flag=(--features portable-dispatch)
  [ "$profile" = dev ] || { flag+=(--release); out=release; }
  local settings=() setting
  for setting in "$@"; do settings+=(--config "profile.$profile.$setting"); done
  mkdir -p "$folder"
  if ! CARGO_TARGET_DIR="$folder" cargo build --locked "${flag[@]}" "${settings[@]}" >"$folder/build.log" 2>&1; then
    echo "FAILED $name: does not build"
    tail -n 5 "$folder/build.log"
    failed=1
    return
  fi
  end=$("$folder/$out/belljar-builds" "$stack" 2>"$folder/run.log") || status=$?
  if [ "$status" -eq "$expected" ]; then
    echo "ok     $name: $(tail -n 1 <<<"$end")"
  else
    echo "FAILED $name: status $status, at $(grep -v '^$' "$folder/run.log" | tail -n 1)"
    echo "$end"
    failed=1
  fi
}

build portable-3 256 release
build portable-2 256 release opt-level=2
build portable-1 256 release opt-level=1
build portable-s 256 release 'opt-level="s"'
build portable-z 256 release 'opt-level="z"'
build portable-checks 256 release debug-assertions=true overflow-checks=true
build portable-abort 256 release 'panic="abort"'
build portable-lto 256 release 'lto="fat"' codegen-units=1
build portable-dev-engine-3 1024 dev package.wasmi.opt-level=3
build portable-dev 2048 dev

# The default: held where it is built well, and refused where it is not. On other targets than these it is the portable
# dispatch, too.
case $(uname -m) in x86_64 | aarch64)
  build 3 256 release
  build 2 256 release opt-level=2
  build 1 256 release opt-level=1
  build abort 256 release 'panic="abort"'
  build lto 256 release 'lto="fat"' codegen-units=1
  build s-engine-3 256 release 'opt-level="s"' package.wasmi.opt-level=3 package.wasmi_core.opt-level=3
  build z-engine-3 256 release 'opt-level="z"' package.wasmi.opt-level=3 package.wasmi_core.opt-level=3
  build dev 2048 dev
  refused s 256 release 'opt-level="s"'
  refused z 256 release 'opt-level="z"'
  # Handlers have parts of the package `wasmi_core`.
  refused s-wasmi-3 256 release 'opt-level="s"' package.wasmi.opt-level=3
  refused dev-engine-3 1024 dev package.wasmi.opt-level=3
  ;;
esac
exit "$failed"
