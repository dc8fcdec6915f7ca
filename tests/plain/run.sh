#!/usr/bin/env bash
# Prints what the hostile inputs do to the engine alone, embedded in the plain way.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=${CARGO_TARGET_DIR:-target}
inputs=$(mktemp -d)
trap 'rm -rf "$inputs"' EXIT
CARGO_TARGET_DIR=$target/inputs cargo run --quiet --locked --release --manifest-path ../builds/Cargo.toml -- dump "$inputs"
CARGO_TARGET_DIR=$target/plain cargo run --quiet --locked --release -- "$inputs"
