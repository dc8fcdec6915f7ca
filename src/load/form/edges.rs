//! Edges between regions, and charges that move along them to reduce their number.
//!
//! Edges with one source, or with one target region, belong to one group. Fuel that is charged in every target region
//! of a group can be charged at every source instead: all runs that end normally pay the same, and none pays later
//! than before. So the smallest of these charges moves to the sources, and one region less is charged.

#![expect(clippy::indexing_slicing, reason = "a number of a group or a region is the index that it was added at")]

use alloc::vec::Vec;

use super::region::{GroupId, Region, RegionId};

/// The edges of one function, in groups.
#[derive(Debug, Default)]
pub(super) struct Edges {
    groups: Vec<Group>,
    /// The sources of edges.
    left: Vec<End>,
    /// For each region the next target of its group.
    next: Vec<Option<u32>>,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    /// The group that it was joined to, or itself.
    parent: GroupId,
    /// Set if an edge leads to a place where no charge can be.
    is_fixed: bool,
    /// The first of the list of target regions.
    into: Option<u32>,
    /// The last of the list of sources.
    from: Option<u32>,
}

/// The source of edges of a group: the end of a region.
#[derive(Debug, Clone, Copy)]
struct End {
    region: RegionId,
    group: GroupId,
    next: Option<u32>,
}

/// The weight by which charges may grow if that removes one charge.
const GROWTH: i64 = 12;

impl Edges {
    /// The edges out of the function.
    pub(super) const EXIT: GroupId = GroupId(0);

    pub(super) fn clear(&mut self) {
        self.left.clear();
        self.groups.clear();
        let exit = self.group();
        self.fix(exit);
    }

    /// Adds a group.
    pub(super) fn group(&mut self) -> GroupId {
        let id = GroupId(self.groups.len() as u32);
        self.groups.push(Group { parent: id, is_fixed: false, into: None, from: None });
        id
    }

    /// Adds a region as the source of edges of a group.
    pub(super) fn leave(&mut self, region: RegionId, group: GroupId) {
        self.left.push(End { region, group, next: None });
    }

    /// Joins two groups; returns the joint group.
    pub(super) fn join(&mut self, one: GroupId, other: GroupId) -> GroupId {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.groups[other.0 as usize].parent = one;
            self.groups[one.0 as usize].is_fixed |= self.groups[other.0 as usize].is_fixed;
        }
        one
    }

    /// Marks a group with an edge into the middle of a region, where no charge can be.
    pub(super) fn fix(&mut self, group: GroupId) {
        let root = self.root(group);
        self.groups[root.0 as usize].is_fixed = true;
    }

    fn root(&mut self, mut group: GroupId) -> GroupId {
        loop {
            let parent = self.groups[group.0 as usize].parent;
            if parent == group {
                return group;
            }
            // Path halving shortens the next search.
            let above = self.groups[parent.0 as usize].parent;
            self.groups[group.0 as usize].parent = above;
            group = above;
        }
    }

    /// Moves charges to the sources of edges, from the last group to the first, so that a moved charge can move on.
    pub(super) fn move_charges(&mut self, regions: &mut [Region]) {
        for at in 0..self.left.len() {
            let root = self.root(self.left[at].group);
            let group = &mut self.groups[root.0 as usize];
            self.left[at].next = group.from.replace(at as u32);
        }
        self.next.clear();
        self.next.resize(regions.len(), None);
        for number in (0..regions.len()).rev() {
            let Some(group) = regions[number].group else { continue };
            let root = self.root(group);
            let group = &mut self.groups[root.0 as usize];
            self.next[number] = group.into.replace(number as u32);
        }
        for number in (0..regions.len()).rev() {
            let Some(group) = regions[number].group else { continue };
            let root = self.root(group);
            let group = self.groups[root.0 as usize];
            if !group.is_fixed && group.into == Some(number as u32) {
                self.move_charge(group, regions);
            }
        }
    }

    /// Moves the smallest charge of the target regions of a group, if that makes the charges fewer or smaller.
    fn move_charge(&self, group: Group, regions: &mut [Region]) {
        self.count(group, regions);
        let into = self.into(group).map(|region| regions[region]).filter(|region| region.gain < 0);
        let least = into.map(|region| region.movable()).min().unwrap_or(0) as i64;
        let growth = self.shift(group, regions, least);
        if !growth.is_better() {
            self.count(group, regions);
            self.shift(group, regions, -least);
        }
    }

    /// Counts how often each region gains the moved charge.
    fn count(&self, group: Group, regions: &mut [Region]) {
        self.into(group).for_each(|region| regions[region].gain -= 1);
        self.from(group).for_each(|region| regions[region].gain += 1);
    }

    /// Moves a charge; returns the growth of the charges.
    fn shift(&self, group: Group, regions: &mut [Region], fuel: i64) -> Growth {
        let mut growth = Growth::default();
        for region in self.into(group).chain(self.from(group)) {
            let region = &mut regions[region];
            let gain = core::mem::take(&mut region.gain);
            if gain != 0 && fuel != 0 {
                growth.add(region, -1);
                region.fuel = region.fuel.saturating_add_signed(fuel.saturating_mul(gain));
                growth.add(region, 1);
            }
        }
        growth
    }

    /// Returns the target regions of a group.
    fn into(&self, group: Group) -> impl Iterator<Item = usize> {
        let next = |region: &u32| self.next.get(*region as usize).copied().flatten();
        core::iter::successors(group.into, next).map(|region| region as usize)
    }

    /// Returns the source regions of a group, some more than once.
    fn from(&self, group: Group) -> impl Iterator<Item = usize> {
        let next = |end: &u32| self.left.get(*end as usize).and_then(|end| end.next);
        core::iter::successors(group.from, next)
            .filter_map(|end| self.left.get(end as usize))
            .map(|end| end.region.index())
    }
}

/// The changes in the number of charges that need a scope, and in the weight of all charges.
#[derive(Debug, Default)]
struct Growth {
    charges: i64,
    weight: i64,
}

impl Growth {
    fn add(&mut self, region: &Region, times: i64) {
        self.charges += times * i64::from(region.is_charged());
        self.weight += times * region.weight() as i64;
    }

    /// Checks whether the change removes a charge for little weight, or removes weight without a new charge.
    fn is_better(&self) -> bool {
        match self.charges {
            ..0 => self.weight <= GROWTH,
            0 => self.weight <= 0,
            1.. => false,
        }
    }
}
