//! Edges between regions, and charges that move along them to where fewer are needed.
//!
//! Edges that leave from one place, or that lead to one region, are of one group. What is charged in every region
//! that edges of a group lead to can as well be charged at every place that they leave from: all runs that come to
//! their end pay the same, and none pays later than before. So the least of these charges moves there, and one
//! region less is charged.

use alloc::vec::Vec;

use super::charge::{Region, RegionId};

/// The edges of one function, in groups.
#[derive(Debug, Default)]
pub(super) struct Edges {
    groups: Vec<Group>,
    /// Places where regions are left.
    left: Vec<End>,
    /// For each region the next that edges of its group lead to.
    next: Vec<Option<u32>>,
}

/// The number of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GroupId(u32);

#[derive(Debug, Clone, Copy)]
struct Group {
    /// The group that it has become part of, or itself.
    parent: GroupId,
    /// Set if an edge leads to where no charge can be.
    is_fixed: bool,
    /// The first region that edges lead to: of a list.
    into: Option<u32>,
    /// The last place that edges leave from: of a list.
    from: Option<u32>,
}

/// A place where a region is left by edges of a group.
#[derive(Debug, Clone, Copy)]
struct End {
    region: RegionId,
    group: GroupId,
    next: Option<u32>,
}

/// The number of operators by which charges may grow so that one of them can go.
const GROWTH: i64 = 12;

impl Edges {
    /// The edges that lead out of the function.
    pub(super) const EXIT: GroupId = GroupId(0);

    pub(super) fn clear(&mut self) {
        self.left.clear();
        self.groups.clear();
        let exit = self.group();
        self.fix(exit);
    }

    /// Makes a group.
    pub(super) fn group(&mut self) -> GroupId {
        let id = GroupId(self.groups.len() as u32);
        self.groups.push(Group { parent: id, is_fixed: false, into: None, from: None });
        id
    }

    /// Notes that a region is left by edges of a group.
    pub(super) fn leave(&mut self, region: RegionId, group: GroupId) {
        self.left.push(End { region, group, next: None });
    }

    /// Makes one group of two, and returns it.
    pub(super) fn join(&mut self, one: GroupId, other: GroupId) -> GroupId {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.groups[other.0 as usize].parent = one;
            self.groups[one.0 as usize].is_fixed |= self.groups[other.0 as usize].is_fixed;
        }
        one
    }

    /// Notes that an edge of a group leads to where no charge can be: amid a region.
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
            // Half of the way is shorter the next time.
            let above = self.groups[parent.0 as usize].parent;
            self.groups[group.0 as usize].parent = above;
            group = above;
        }
    }

    /// Moves charges to where regions are left, in the groups from the last to the first: what has moved to a region
    /// can move on.
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

    /// Moves the least charge of the regions that edges of a group lead to, if that makes the charges fewer or smaller.
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

    /// Counts how often each region gains what moves.
    fn count(&self, group: Group, regions: &mut [Region]) {
        self.into(group).for_each(|region| regions[region].gain -= 1);
        self.from(group).for_each(|region| regions[region].gain += 1);
    }

    /// Moves a charge; returns what grows by that.
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

    /// Returns the regions that edges lead to.
    fn into(&self, group: Group) -> impl Iterator<Item = usize> {
        let next = |region: &u32| self.next.get(*region as usize).copied().flatten();
        core::iter::successors(group.into, next).map(|region| region as usize)
    }

    /// Returns the regions that edges leave from, some more than once.
    fn from(&self, group: Group) -> impl Iterator<Item = usize> {
        let next = |end: &u32| self.left.get(*end as usize).and_then(|end| end.next);
        core::iter::successors(group.from, next)
            .filter_map(|end| self.left.get(end as usize))
            .map(|end| end.region.index())
    }
}

/// The number of charges that the engine would not count by itself, and of all operators that charges are made of.
#[derive(Debug, Default)]
struct Growth {
    charges: i64,
    operators: i64,
}

impl Growth {
    fn add(&mut self, region: &Region, times: i64) {
        self.charges += times * i64::from(region.is_charged());
        self.operators += times * region.size() as i64;
    }

    /// Returns whether a charge is gone for few operators, or operators for nothing.
    fn is_better(&self) -> bool {
        match self.charges {
            ..0 => self.operators <= GROWTH,
            0 => self.operators <= 0,
            1.. => false,
        }
    }
}
