//! One operator, its operands from anywhere: what it does depends on their values only.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use belljar::Sandbox;
use belljar_fuzz::{check::check, ends, operands};
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(100_000));

fuzz_target!(|data: &[u8]| {
    if let Ok(case) = operands::case(&mut Unstructured::new(data)) {
        let _ = check(&SANDBOX, &case);
    }
});
