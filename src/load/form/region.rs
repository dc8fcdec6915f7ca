//! Regions: the operators that run together, and their fuel.
//!
//! A region is a set of operators of a function of which either all run or none, unless the run ends among
//! them. Its fuel is the sum of their prices, charged where it begins: at the start of the function, of an iteration
//! of a `loop` or of an arm of an `if`, behind a `br_if` or a growth, or behind the end of a block that contains a
//! branch to an outer label. Code behind the end of any other block belongs to the region before the block.

use super::charge::Charge;
use crate::engine::cost::ENTRY;

/// A region: where it begins, its fuel, and its place among the edges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    /// The offset of its first operator.
    pub(super) at: u32,
    pub(super) fuel: u64,
    /// Whether the engine begins to count there itself.
    pub(super) counted: bool,
    /// The edges to it, unless it always follows the region before.
    pub(super) group: Option<GroupId>,
    /// The number of times that it gains a moved charge.
    pub(super) gain: i64,
}

/// The number of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RegionId(pub(super) u32);

impl RegionId {
    /// The first region of a function.
    pub(super) const FIRST: RegionId = RegionId(0);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The number of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GroupId(pub(super) u32);

impl Region {
    /// Returns the fuel that can be charged elsewhere instead.
    pub(super) fn movable(&self) -> u64 {
        if self.counted { self.fuel.saturating_sub(ENTRY) } else { self.fuel }
    }

    /// Checks whether it needs a charge with a scope, since the engine does not count there itself.
    pub(super) fn is_charged(&self) -> bool {
        !self.counted && self.fuel > 0
    }

    /// Returns the charge where the region begins.
    pub(super) fn charge(&self) -> Charge {
        // What the engine charges for any scope is part of the fuel.
        let fuel = u32::try_from(self.fuel.saturating_sub(ENTRY)).unwrap_or(u32::MAX);
        Charge { fuel, scoped: !self.counted }
    }

    /// Returns the weight of the charge and its scope; 0 if there is nothing to charge.
    pub(super) fn weight(&self) -> u64 {
        self.charge().weight() + if self.is_charged() { 2 } else { 0 }
    }
}
