#!/usr/bin/env bash
# Fetches programs of WASI that others wrote and published, and runs them: a file here for each, tests/it/programs.rs
# for what is done with it. None of them is kept in this repository. Takes minutes, and is no part of the checks.
#
#   tests/programs/run.sh [NAME...]            those named, or all: a line for each, `N passed, N failed` at the end
#   tests/programs/run.sh --bless [NAME...]    writes SHA256SUMS and RESULTS.toml anew, where the answers are right
#
# Packages are kept in $BELLJAR_PROGRAMS, or belljar-programs in the user's cache. Each has a pinned version and is only
# unpacked: no script of it is run. Its archive must have the SHA-256 that SHA256SUMS lists.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export BELLJAR_PROGRAMS=${BELLJAR_PROGRAMS:-${XDG_CACHE_HOME:-$HOME/.cache}/belljar-programs}
sums=$here/SHA256SUMS

fail() { echo "run.sh: $*" >&2; exit 1; }

. "$here/registry.sh"

# fetch CLIENT PACKAGE: its archive, checked, and what is in it.
fetch() {
    local name=${2//\//+} work
    [ -d "$BELLJAR_PROGRAMS/$name" ] && return
    echo "run.sh: fetching $2"
    work=$(mktemp -d "$BELLJAR_PROGRAMS/fetching.XXXXXX")
    mkdir "$work/archive" "$work/package"
    archive "$1" "$2" "$work/archive"
    mv "$work"/archive/* "$work/$name"
    if [ -n "$bless" ]; then
        { awk -v name="$name" '$2 != name' "$sums"; (cd "$work" && sha256sum "$name"); } | LC_ALL=C sort -k 2 >"$work/sums"
        cp "$work/sums" "$sums"
    fi
    awk -v name="$name" '$2 == name' "$sums" | (cd "$work" && sha256sum --check --strict --quiet) || fail "$2 is not what SHA256SUMS lists"
    unpack "$1" "$work/$name" "$work/package"
    # What is packed once more is unpacked beside it.
    find "$work/package" -name '*.tar' -exec sh -c 'mkdir "${1%.tar}" && tar -xf "$1" -C "${1%.tar}"' - {} \;
    mv "$work/package" "$BELLJAR_PROGRAMS/$name"
    rm -r "$work"
}

bless=
if [ "${1-}" = --bless ]; then bless=1 && shift; fi
for tool in cargo npm python3 sha256sum tar; do command -v "$tool" >/dev/null || fail "needs $tool"; done
mkdir -p "$BELLJAR_PROGRAMS"
touch "$sums"
sed -n 's/^package = "\(.*\)"$/\1/p' "$here"/[a-z]*.toml | sort -u | while read -r client package; do
    fetch "$client" "$package"
done

cd "$here/../.."
BLESS=$bless PROGRAMS=$* cargo test --quiet --locked --release --no-default-features --features cli --test it \
    programs:: -- --ignored --nocapture
