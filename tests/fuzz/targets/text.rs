//! The text form of modules: it is refused, or what it says runs to an end.

#![no_main]

use std::sync::LazyLock;

use belljar::Sandbox;
use belljar_fuzz::ends;
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(20_000));

fuzz_target!(|text: &str| match SANDBOX.assemble(text) {
    Ok(wasm) => ends::run(&SANDBOX, &wasm),
    Err(error) => ends::check(&Err(error)),
});
