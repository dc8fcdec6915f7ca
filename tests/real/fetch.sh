#!/usr/bin/env bash
# Fetches WebAssembly modules that others wrote, for tests/it/real.rs. None of them is kept in this repository.
#
#   tests/real/fetch.sh            into $BELLJAR_REAL, or target/real
#   tests/real/fetch.sh --bless    writes SHA256SUMS anew, after a change of versions
#
# Each package has a pinned version and is only unpacked: no script of it is run. What is taken out of it must have the
# SHA-256 that SHA256SUMS lists, or this fails and leaves the folder as it was.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${BELLJAR_REAL:-$here/../../target/real}

# The package, and what is in it: `path` is a module; `path=name` is a module under another name; `path:base64` is a
# script with one module or many in base64, each kept under the name the script gives it, else under the package's.
packages='
es-module-lexer@3.0.5   dist/lexer.js:base64
cjs-module-lexer@2.3.0  dist/lexer.mjs:base64
hash-wasm@4.13.0        dist/index.esm.js:base64
@dprint/json@0.24.0     plugin.wasm=dprint-json
@dprint/toml@0.8.0      plugin.wasm=dprint-toml
@dprint/markdown@0.28.1 plugin.wasm=dprint-markdown
source-map@0.8.0        lib/mappings.wasm=source-map
xxhash-wasm@1.1.0       workerd/xxhash.wasm=xxhash-wasm
snappy-wasm@0.3.0       es/snappy_bg.wasm=snappy-wasm
lz4-wasm@0.9.2          lz4_wasm_bg.wasm=lz4-wasm
brotli-wasm@3.0.1       pkg.web/brotli_wasm_bg.wasm=brotli-wasm
'

fail() { echo "fetch.sh: $*" >&2; exit 1; }
verified() { (cd "$1" && sha256sum --check --strict --quiet "$here/SHA256SUMS"); }

for tool in npm node tar sha256sum; do command -v "$tool" >/dev/null || fail "needs $tool"; done
if [ "${1-}" != --bless ] && [ -d "$out" ] && verified "$out" 2>/dev/null; then
    echo "fetch.sh: $out is complete"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/out"

while read -r package source; do
    [ -n "$package" ] || continue
    archive=$(cd "$work" && npm pack --ignore-scripts --silent "$package") || fail "npm cannot fetch $package"
    rm -rf "$work/package" && mkdir "$work/package"
    tar -xzf "$work/$archive" -C "$work/package" --strip-components=1 || fail "$package is no package archive"
    path=${source%%[=:]*} name=${package%@*}
    [ -f "$work/package/$path" ] || fail "$package has no $path"
    case $source in
        *:base64) node - "$work/package/$path" "$work/out" "$name" <<'NODE' || fail "$package: no module in $path" ;;
const [script, out, package] = process.argv.slice(2);
const fs = require("fs");
// The eight bytes that start every module, and an optional `name = "…"` right before.
const found = [...fs.readFileSync(script, "utf8").matchAll(
    /(?:name\S* = "(\w+)";\s*var \S+ = )?"(AGFzbQEAAA[\w+\/]+=*)"/g)];
for (const [, name, base64] of found)
    fs.writeFileSync(`${out}/${name ? `${package}-${name}` : package}.wasm`, Buffer.from(base64, "base64"));
process.exit(found.length ? 0 : 1);
NODE
        *) cp "$work/package/$path" "$work/out/${source#*=}.wasm" ;;
    esac
done <<<"$packages"

if [ "${1-}" = --bless ]; then (cd "$work/out" && sha256sum -- *.wasm >"$here/SHA256SUMS"); fi
verified "$work/out" || fail "the modules are not those that SHA256SUMS lists"
mkdir -p "$out"
cp "$work"/out/*.wasm "$out/"
echo "fetch.sh: $(wc -l <"$here/SHA256SUMS") modules in $out"
