# Installs the toolchains below $tools; for run.sh, which sets the paths.

install_pypi() {
  cmp -s "$here/requirements.txt" "$pypi/installed" && return
  rm -rf "$pypi"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --require-hashes --no-deps \
    --target "$pypi" -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$pypi/installed" # last: it says that all is there
}

install_npm() {
  cmp -s "$here/package-lock.json" "$tools/npm/installed" && return
  rm -rf "$tools/npm"
  mkdir -p "$tools/npm"
  cp "$here/package.json" "$here/package-lock.json" "$tools/npm"
  (cd "$tools/npm" && npm ci --ignore-scripts --no-audit --no-fund --silent)
  cp "$here/package-lock.json" "$tools/npm/installed"
}

package_version() { "$node" -p "require('$modules/$1/package.json').version"; }

# Debian's Rust, unpacked, and std as `rustup target add` would bring it, which Debian does not have: built from its
# source, with the C library of the package of clang, which is that of the WASI SDK.
install_rust() {
  local packages=(rustc-web libstd-rust-web-dev rust-web-src) package target
  [ ! -e "$tools/rust/installed" ] || return 0
  rm -rf "$tools/rust"
  mkdir -p "$tools/rust/packages" "$tools/rust/libc" "$tools/rust/std/src"
  packages+=("$(apt-cache depends libstd-rust-web-dev | sed -n 's/^ *Depends: //p')")
  (cd "$tools/rust/packages" && apt-get download "${packages[@]}")
  for package in "$tools"/rust/packages/*.deb; do dpkg -x "$package" "$tools/rust"; done

  cat >"$tools/rustc" <<END
#!/bin/sh
LD_LIBRARY_PATH=$rust/lib/$(uname -m)-linux-gnu exec $rust/bin/rustc --sysroot $rust "\$@"
END
  # The flavor is what it is called by.
  cat >"$tools/wasm-ld" <<END
#!/bin/sh
[ "\$1" != -flavor ] || shift 2
exec $zig wasm-ld "\$@"
END
  chmod +x "$tools/rustc" "$tools/wasm-ld"
  tar -xf "$modules/@yowasp/clang/gen/llvm-resources.tar" -C "$tools/rust/libc"
  target=$rust/lib/rustlib/wasm32-wasip1/lib/self-contained
  mkdir -p "$target"
  cp "$tools"/rust/libc/lib/wasm32-wasip1/{crt1-command.o,crt1-reactor.o,libc.a} "$target"

  printf '[package]\nname = "nothing"\nedition = "2024"\n[workspace]\n' >"$tools/rust/std/Cargo.toml"
  echo '#![no_std]' >"$tools/rust/std/src/lib.rs"
  for target in wasm32-wasip1 wasm32-unknown-unknown; do
    (cd "$tools/rust/std" && RUSTC=$tools/rustc RUSTC_BOOTSTRAP=1 RUSTC_WRAPPER='' CARGO_PROFILE_RELEASE_DEBUG=line-tables-only \
      cargo build --quiet --release --target $target -Zbuild-std=std,panic_abort --target-dir target)
    mkdir -p "$rust/lib/rustlib/$target/lib"
    cp "$tools/rust/std/target/$target/release/deps"/*.rlib "$rust/lib/rustlib/$target/lib"
    rm "$rust/lib/rustlib/$target/lib"/libnothing*
  done
  touch "$tools/rust/installed"
}

cargo_build() { # TARGET WHAT...
  local target=$1
  shift
  (cd "$here/rust" && RUSTC=$tools/rustc RUSTC_WRAPPER='' CARGO_TARGET_WASM32_WASIP1_LINKER=$tools/wasm-ld \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$tools/wasm-ld \
    cargo build --locked --target "$target" --target-dir "$tools/target" "$@")
}
