#!/usr/bin/env bash
# Builds kernels.wasm, which is committed: nobody who measures needs the target. Rust 1.95 made it.
#
#   rustup target add wasm32-unknown-unknown && benches/guests/build.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Nothing beyond the first version of WebAssembly, which is what every engine has.
rustc --edition 2024 --crate-type cdylib --target wasm32-unknown-unknown \
  -C opt-level=3 -C lto -C panic=abort -C strip=symbols -C target-cpu=mvp \
  -C link-arg=-zstack-size=131072 --remap-path-prefix="$(rustc --print sysroot)=/rust" \
  kernels.rs -o kernels.wasm
chmod 644 kernels.wasm
