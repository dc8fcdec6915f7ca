//! Charges: the regions of operators that run together, their fuel, and its encoding for the engine.
//!
//! A region is a set of operators of a function of which either all run or none, unless the run ends among
//! them. Its fuel is the sum of their prices, charged where it begins: at the start of the function, of an iteration
//! of a `loop` or of an arm of an `if`, behind a `br_if` or a growth, or behind the end of a block that contains a
//! branch to an outer label. Code behind the end of any other block belongs to the region before the block.

use crate::engine::cost::{ENTRY, NOP, REF_NULL};
use alloc::vec::Vec;

use super::{
    edges::{Edges, GroupId},
    edit::{Charge, FunctionEdits},
};

/// The regions of one function, and the edges between them.
#[derive(Debug, Default)]
pub(super) struct Regions {
    list: Vec<Region>,
    pub(super) edges: Edges,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    /// The offset of its first operator.
    at: u32,
    pub(super) fuel: u64,
    /// Whether the engine begins to count there itself.
    counted: bool,
    /// The edges to it, unless it always follows the region before.
    pub(super) group: Option<GroupId>,
    /// The number of times that it gains a moved charge.
    pub(super) gain: i64,
}

/// The number of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RegionId(u32);

impl RegionId {
    /// The first region of a function.
    pub(super) const FIRST: RegionId = RegionId(0);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Regions {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.edges.clear();
    }

    /// Begins a region where the engine begins to count itself and charges [`ENTRY`].
    pub(super) fn entry(&mut self, at: u32, group: Option<GroupId>) -> RegionId {
        self.push(Region { at, fuel: ENTRY, counted: true, group, gain: 0 })
    }

    /// Begins a region anywhere else.
    pub(super) fn begin(&mut self, at: u32, group: Option<GroupId>) -> RegionId {
        self.push(Region { at, fuel: 0, counted: false, group, gain: 0 })
    }

    fn push(&mut self, region: Region) -> RegionId {
        let id = RegionId(self.list.len() as u32);
        self.list.push(region);
        id
    }

    /// Adds the price of an operator.
    #[inline]
    pub(super) fn add(&mut self, id: RegionId, fuel: u64) {
        if let Some(region) = self.list.get_mut(id.0 as usize) {
            region.fuel += fuel;
        }
    }

    /// Adds the charges to the edits of the function; returns the number of their operators.
    pub(super) fn finish(&mut self, edits: &mut FunctionEdits) -> u64 {
        self.edges.move_charges(&mut self.list);
        let mut operators = 0;
        for region in self.list.drain(..).filter(|region| region.size() > 0) {
            operators += region.size();
            edits.charge(region.at, region.charge());
        }
        operators
    }
}

impl Region {
    /// Returns the fuel that can be charged elsewhere instead.
    pub(super) fn movable(&self) -> u64 {
        if self.counted { self.fuel.saturating_sub(ENTRY) } else { self.fuel }
    }

    /// Checks whether it needs a charge with a scope, since the engine does not count there itself.
    pub(super) fn is_charged(&self) -> bool {
        !self.counted && self.fuel > 0
    }

    fn charge(&self) -> Charge {
        // What the engine charges for any scope is part of the fuel.
        let fuel = u32::try_from(self.fuel.saturating_sub(ENTRY)).unwrap_or(u32::MAX);
        Charge { fuel, scoped: !self.counted }
    }

    /// Returns the number of operators of the charge.
    pub(super) fn size(&self) -> u64 {
        let (large, small) = units(self.charge().fuel);
        2 * large + small + if self.is_charged() { 2 } else { 0 }
    }
}

fn units(fuel: u32) -> (u64, u64) {
    let fuel = u64::from(fuel);
    (fuel / u64::from(REF_NULL), fuel % u64::from(REF_NULL) / u64::from(NOP))
}

/// Writes the operators of a charge: the engine translates them to nothing, and adds their price to the scope.
pub(in crate::load) fn write(out: &mut Vec<u8>, charge: Charge) {
    const LOOP: [u8; 2] = [0x03, 0x40];
    const NULL_FUNC_AND_DROP: [u8; 3] = [0xd0, 0x70, 0x1a];
    const NOP: u8 = 0x01;
    const END: u8 = 0x0b;
    let (large, small) = units(charge.fuel);
    if charge.scoped {
        out.extend_from_slice(&LOOP);
    }
    for _ in 0..large {
        out.extend_from_slice(&NULL_FUNC_AND_DROP);
    }
    out.resize(out.len() + small as usize, NOP);
    if charge.scoped {
        out.push(END);
    }
}
