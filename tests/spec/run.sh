#!/usr/bin/env bash
# Runs the official test suite of WebAssembly, https://github.com/WebAssembly/testsuite, in belljar, and prints how many
# assertions pass, and why others cannot apply. None of it is kept in this repository.
#
#   tests/spec/run.sh FOLDER              in the dispatch that is the default
#   tests/spec/run.sh FOLDER --portable   in the portable one
#   tests/spec/run.sh FOLDER --list       tells each assertion that cannot apply, too
#
# FOLDER is a checkout:
#
#   git clone https://github.com/WebAssembly/testsuite FOLDER
#   git -C FOLDER checkout 193e551ff22663995b1ac95dc62344133669e14b
#
# Of that commit as many assertions have to pass as README.md says. Another one does as well, and so does the folder
# test/core of https://github.com/WebAssembly/spec: then the exit status is 0 if nothing failed. Failures go to stderr.
# All that is built stays below the target folder.
set -euo pipefail

commit=193e551ff22663995b1ac95dc62344133669e14b least=58784
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2; }

folder='' name=default options=() features=()
for argument in "$@"; do
    case $argument in
        --portable) name=portable features=(--features portable) ;;
        --list) options+=(--list) ;;
        -*) usage ;;
        *) [ -z "$folder" ] && folder=$argument || usage ;;
    esac
done
[ -d "$folder" ] || usage
if [ "$(git -C "$folder" rev-parse HEAD 2>/dev/null)" = "$commit" ]; then options+=(--least "$least"); fi

# Each dispatch has a folder of its own, so that neither is built anew where both are run.
target=${CARGO_TARGET_DIR:-$here/target}/$name
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
cargo build --quiet --locked --release --manifest-path "$here/Cargo.toml" --target-dir "$target" "${features[@]}"
"$target/release/belljar-spec" "$folder" "${options[@]}"
