//! Charges: the fuel of a region, and its encoding for the engine.

use alloc::vec::Vec;

use crate::engine::cost::{NOP, REF_NULL};

/// A charge: its fuel without what the engine adds, and whether it needs a separate scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::load) struct Charge {
    pub(in crate::load) fuel: u32,
    pub(in crate::load) scoped: bool,
}

impl Charge {
    /// Returns its weight, without that of a scope.
    ///
    /// The weight decides whether charges move, and so the fuel of runs that end between two places of a charge. It
    /// does not depend on how the charge is encoded.
    pub(super) fn weight(self) -> u64 {
        let fuel = u64::from(self.fuel);
        fuel / 8 * 2 + fuel % 8
    }

    /// Writes the operators of a charge: the engine translates them to nothing, and adds their price to the scope.
    pub(in crate::load) fn write(self, out: &mut Vec<u8>) {
        const LOOP: [u8; 2] = [0x03, 0x40];
        const NULL_FUNC_AND_DROP: [u8; 3] = [0xd0, 0x70, 0x1a];
        const NOP: u8 = 0x01;
        const END: u8 = 0x0b;
        let (large, small) = units(self.fuel);
        if self.scoped {
            out.extend_from_slice(&LOOP);
        }
        for _ in 0..large {
            out.extend_from_slice(&NULL_FUNC_AND_DROP);
        }
        out.resize(out.len() + small as usize, NOP);
        if self.scoped {
            out.push(END);
        }
    }
}

fn units(fuel: u32) -> (u64, u64) {
    let fuel = u64::from(fuel);
    (fuel / u64::from(REF_NULL), fuel % u64::from(REF_NULL) / u64::from(NOP))
}
