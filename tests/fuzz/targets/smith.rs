//! Valid modules: they load, and every export runs to an end.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use belljar::{Error, Sandbox};
use belljar_fuzz::{
    ends,
    guests::{self, Kind},
};
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(10_000));

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let Ok(guest) = guests::generate(&mut u, Kind::Guest, 3) else { return };
    let module = SANDBOX.load(&guest.to_bytes()).unwrap_or_else(|error| panic!("{error}"));
    for (name, arguments) in guests::calls(&mut u, &module) {
        let end = SANDBOX.call_values(&module, &name, &arguments);
        ends::check(&end);
        // It is called as its type says.
        assert!(!matches!(end, Err(Error::Call(_))), "{end:?}");
    }
});
