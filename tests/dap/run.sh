#!/usr/bin/env bash
# A client that others wrote debugs a guest with `belljar debug --dap`: the test client of Visual Studio Code.
#
#   tests/dap/run.sh
#
# Needs Node.js 18 or newer with npm, and installs it if there is none; installs the client, in a fixed version whose hash is checked, below
# $BELLJAR_TOOLS, by default ~/.cache/belljar-tools. $BELLJAR is the program to be tested, by default it is
# built. The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
npm=${BELLJAR_TOOLS:-$HOME/.cache/belljar-tools}/dap

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_node() {
  command -v node >/dev/null && command -v npm >/dev/null && return
  as_root apt-get update || true # a list that cannot be fetched need not be one that is needed
  as_root apt-get install -y --no-install-recommends nodejs npm
}

install_client() {
  cmp -s "$here/package-lock.json" "$npm/installed" && return
  rm -rf "$npm"
  mkdir -p "$npm"
  cp "$here/package.json" "$here/package-lock.json" "$npm"
  (cd "$npm" && npm ci --ignore-scripts --no-audit --no-fund)
  cp "$here/package-lock.json" "$npm/installed" # last: it says that all is there
}

install_node
install_client

if [ -z "${BELLJAR:-}" ]; then
  cargo build --quiet --locked --manifest-path "$here/../../Cargo.toml" --features cli
  BELLJAR=${CARGO_TARGET_DIR:-$here/../../target}/debug/belljar
fi
BELLJAR=$(realpath "$BELLJAR")
DAP_CLIENT=$npm/node_modules/@vscode/debugadapter-testsupport
export BELLJAR DAP_CLIENT

exec node "$here/client.js"
