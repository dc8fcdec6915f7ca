#!/usr/bin/env bash
# Engines that spread work over machines run `belljar map` as their worker: Spark, by `RDD.pipe` on a cluster of
# two workers, and Dask, in two processes. What they answer is compared with what it answers alone.
#
#   tests/map/run.sh [NAME...]   spark, dask_bag (default: both)
#
# Needs Python 3.11 or newer; installs the rest, in fixed versions whose hashes are checked, below
# $BELLJAR_TOOLS, by default ~/.cache/belljar-tools (0.5 GB); a Java runtime through apt, if there is none.
# $BELLJAR is the program to be tested, by default it is built. The last line is `N passed, N failed`; the exit
# status is 0 if nothing failed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${BELLJAR_TOOLS:-$HOME/.cache/belljar-tools}/map
venv=$tools/venv

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
  as_root apt-get update || true # a list that cannot be fetched need not be one that is needed
  as_root apt-get install -y --no-install-recommends "$@"
}

install_python() {
  cmp -s "$here/requirements.txt" "$venv/requirements.txt" && return
  rm -rf "$venv"
  if ! python3 -m venv "$venv"; then
    apt_install python3-venv
    python3 -m venv --clear "$venv"
  fi
  local pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps)
  # Spark is built by the setuptools that are named here, and not by others.
  "${pip[@]}" -r <(awk '/^[a-z]/ { inside = /^setuptools==/ } inside' "$here/requirements.txt")
  "${pip[@]}" --no-build-isolation -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv" # last: it says that all is there
}

mkdir -p "$tools"
install_python
[ -n "${JAVA_HOME:-}" ] || command -v java >/dev/null || apt_install openjdk-17-jre-headless

if [ -z "${BELLJAR:-}" ]; then
  cargo build --quiet --locked --manifest-path "$here/../../Cargo.toml" --features cli
  BELLJAR=${CARGO_TARGET_DIR:-$here/../../target}/debug/belljar
fi
BELLJAR=$(realpath "$BELLJAR")
export BELLJAR PYTHONDONTWRITEBYTECODE=1
# Where it counts, and where the engines find what they import.
export PYTHONPATH=$here:$here/../mcp
# The engines find each other here, whatever this machine calls itself.
export SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$venv/bin/python PYSPARK_DRIVER_PYTHON=$venv/bin/python

[ $# -gt 0 ] || set -- spark dask_bag
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for name in "$@"; do
  # A script that does not come to its end has failed, too.
  "$venv/bin/python" -W ignore "$here/$name.py" 2>&1 | tee "$log" || true
  totals=$(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
  read -r good bad <<<"${totals:-0 1}"
  passed=$((passed + good))
  failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
