//! Valid modules with a few bytes changed, added or taken out: close to what is valid, and mostly not.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use belljar::Sandbox;
use belljar_fuzz::{
    ends,
    guests::{self, Kind},
};
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(10_000));

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let _ = mutated(&mut u).map(|wasm| ends::run(&SANDBOX, &wasm));
});

fn mutated(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    // What is mutated is decided first: the module takes all that is left.
    let mutations = (0..u.int_in_range(1..=4)?).map(|_| u.arbitrary()).collect::<Result<Vec<(u8, u16, u8)>>>()?;
    let mut wasm = guests::generate(u, Kind::Guest, 2)?.to_bytes();
    for (kind, at, byte) in mutations {
        let at = usize::from(at) % wasm.len();
        match kind % 8 {
            0 => wasm.insert(at, byte),
            1 if wasm.len() > 1 => drop(wasm.remove(at)),
            2 => wasm[at] = wasm[at].wrapping_add(1),
            3 => wasm[at] = wasm[at].wrapping_sub(1),
            4 => wasm[at] ^= 1 << (byte % 8),
            5 => wasm.truncate(at + 1),
            _ => wasm[at] = byte,
        }
    }
    Ok(wasm)
}
