//! Symbols of modules whose sections were damaged.

use super::{INLINED, Numbers, Symbols, TRAP, code, with_debug};
use crate::explain::symbols::{demangle::NAME_BYTES, dwarf::MAX_LOCATIONS, problem::Problem};

/// Mutations of each module. Where code is optimized, enough to find what is rare.
const ROUNDS: u64 = if cfg!(debug_assertions) { 500 } else { 10_000 };

/// Values at which readers change what they do.
const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xfe, 0xff, 0x0b, 0x1d];

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..numbers.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = numbers.below(bytes.len());
        match numbers.below(7) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = EDGES[numbers.below(EDGES.len())],
            2 => bytes[at] = numbers.below(256) as u8,
            3 => bytes.truncate(at),
            4 => drop(bytes.remove(at)),
            5 => {
                let end = (at + numbers.below(32)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = numbers.below(bytes.len());
                bytes.splice(to..to, part);
            }
            _ => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
        }
    }
}

#[test]
fn damaged_sections_are_read_as_far_as_they_go() {
    let mut damaged = 0;
    for module in [INLINED, TRAP] {
        let mut numbers = Numbers(1);
        for round in 0..ROUNDS {
            let mutated = with_debug(module, |section| mutate(section, &mut numbers));
            let symbols = Symbols::read(&mutated);
            let panics = symbols.problems().iter().any(|problem| matches!(problem, Problem::Panic { .. }));
            assert!(!panics, "round {round}: {:?}", symbols.problems());
            damaged += u64::from(!symbols.problems().is_empty());
            let code = code(&mutated);
            for offset in [0, code.start as u32 + 7].into_iter().chain(code.map(|offset| offset as u32).step_by(5)) {
                let locations = symbols.locate(offset);
                assert!(locations.len() <= MAX_LOCATIONS as usize, "round {round}");
                assert!(locations.iter().all(|one| one.line > 0), "round {round}");
            }
            for index in 0..8 {
                assert!(symbols.function(index).is_none_or(|name| name.len() <= NAME_BYTES), "round {round}");
                assert!(symbols.local(index, index).is_none_or(|name| name.len() <= NAME_BYTES), "round {round}");
            }
        }
    }
    assert!(damaged > ROUNDS / 2, "{damaged}");
}

/// A module that ends anywhere.
#[test]
fn modules_cut_short() {
    for end in 0..INLINED.len() {
        let symbols = Symbols::read(&INLINED[..end]);
        (0..0x100).for_each(|offset| assert!(symbols.locate(offset).len() <= 3));
    }
}
