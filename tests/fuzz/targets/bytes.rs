//! Any bytes: they are refused, or they run to an end.

#![no_main]

use std::sync::LazyLock;

use belljar::Sandbox;
use belljar_fuzz::ends;
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(20_000));

fuzz_target!(|data: &[u8]| ends::run(&SANDBOX, data));
