#!/usr/bin/env bash
# Runs the tests of recycled memories with AddressSanitizer: what touches memory that was freed, or is beyond what was
# allocated, ends them. The standard library is the one that was installed, without checks.
#
#   tests/sanitizer/run.sh [FILTER...]    the tests whose name has a FILTER in it; `pooling::` without any
#
# The option is one of nightly compilers, which RUSTC_BOOTSTRAP allows a stable one too. Linux on x86_64 or aarch64. All
# that is built stays below the target folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

host=$(rustc -vV | sed -n 's/^host: //p')
root=$(realpath -m "${CARGO_TARGET_DIR:-target}")
[ $# -gt 0 ] || set -- pooling::
# What a test leaves behind on purpose is no error.
export RUSTC_BOOTSTRAP=1 CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$root/sanitizer ASAN_OPTIONS=detect_leaks=0
export RUSTFLAGS="-Zsanitizer=address -Copt-level=1"
# The sanitizer reserves more address space than the test without any leaves.
exec cargo test --locked --target "$host" --features pooling --test it -- "$@" --skip without_address_space
