//! Build script: warns of builds whose dispatch will be refused when they make a sandbox.
//!
//! It knows the level of optimization of this crate, which is that of the engine unless the profile has a section for
//! it. Cargo shows warnings of the packages of the own workspace, and all of them with `-vv`.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/engine/dispatch/build.rs");
    let value = |name| env::var(name).unwrap_or_default();
    let is_fast = env::var_os("CARGO_FEATURE_PORTABLE_DISPATCH").is_none()
        && matches!(&*value("CARGO_CFG_TARGET_ARCH"), "x86_64" | "aarch64");
    if is_fast && matches!(&*value("OPT_LEVEL"), "s" | "z") {
        println!(
            "cargo::warning=optimized for size, the engine makes no sandbox: in Cargo.toml, write `opt-level = 3` under \
             `[profile.{0}.package.wasmi]` and `[profile.{0}.package.wasmi_core]` if it is not there, or enable the \
             feature `portable-dispatch`",
            value("PROFILE")
        );
    }
}
