#!/usr/bin/env bash
# Runs the official tests of WASI preview 1, https://github.com/WebAssembly/wasi-testsuite, and prints a table of what
# passes: with files in memory, and with directories of the host; each is replayed from its transcript, without
# them. None of them is kept in this repository.
#
#   tests/wasi/run.sh            fetches them into target/wasi-testsuite
#   tests/wasi/run.sh FOLDER     takes a checkout of its branch prod/testsuite-base, or a bare mirror
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
from=${1:-https://github.com/WebAssembly/wasi-testsuite}
out=$here/../../target/wasi-testsuite
# The branch has the modules compiled; this commit of it is what the table in the documentation is about.
branch=prod/testsuite-base commit=9f80ca35

if [ -d "$from/tests" ]; then
    out=$(cd "$from" && pwd)
elif [ ! -d "$out/tests" ]; then
    rm -rf "$out"
    git clone --quiet --single-branch --branch "$branch" "$from" "$out"
    git -C "$out" checkout --quiet "$commit"
fi
cd "$here/../.."
WASI_TESTSUITE=$out/tests cargo test --quiet --features fs,receipt --test it the_official_suite_passes -- --nocapture --test-threads 1
