//! The regions of one function, and the edges between them.

use alloc::vec::Vec;

use super::{
    edges::Edges,
    edit::FunctionEdits,
    region::{GroupId, Region, RegionId},
};
use crate::engine::cost::ENTRY;

/// The regions of one function, and the edges between them.
#[derive(Debug, Default)]
pub(super) struct Regions {
    list: Vec<Region>,
    pub(super) edges: Edges,
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

    /// Adds the charges to the edits of the function; returns their weight.
    pub(super) fn finish(&mut self, edits: &mut FunctionEdits) -> u64 {
        self.edges.move_charges(&mut self.list);
        let mut sum = 0;
        for region in self.list.drain(..) {
            let weight = region.weight();
            if weight > 0 {
                sum += weight;
                edits.charge(region.at, region.charge());
            }
        }
        sum
    }
}
