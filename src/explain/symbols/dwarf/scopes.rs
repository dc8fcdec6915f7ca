//! Functions, and functions inlined into them, by addresses.

use gimli::Range;

use super::{
    MAX_LOCATIONS, Place,
    budget::{Budget, Stop},
};
use crate::explain::symbols::{
    Addresses,
    bodies::{Bodies, Body},
};

/// Function, or function inlined into another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// Name, by its number among the texts.
    pub(super) name: u32,
    /// Place of the call that it is inlined for.
    pub(super) call: Option<Place>,
}

/// Functions, and functions inlined into them, by addresses.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
    /// In the order of bodies, levels and addresses.
    ranges: Vec<Extent>,
    /// For each body the function that has it. Two have the same body if the linker merged them: the first counts.
    owners: Vec<Option<Owner>>,
}

/// A function, by its number.
pub(super) type Owner = u32;

/// A range of addresses of a scope in a body.
#[derive(Debug)]
struct Extent {
    body: u32,
    /// 0 for functions, 1 for those inlined into them, and so on.
    level: u32,
    addresses: Addresses,
    scope: u32,
}

impl Scopes {
    /// Creates the scopes of a module with a number of bodies.
    pub(super) fn new(bodies: usize) -> Scopes {
        Scopes { owners: vec![None; bodies], ..Scopes::default() }
    }

    /// Adds a scope, whose ranges follow.
    pub(super) fn push(&mut self, scope: Scope, budget: &mut Budget) -> Result<(), Stop> {
        budget.keep(size_of::<Scope>())?;
        self.scopes.push(scope);
        Ok(())
    }

    /// Adds a range to the last scope. What is in no body is of a function that the linker removed. Returns whether the
    /// range is in a body of its function.
    pub(super) fn extend(
        &mut self,
        level: u32,
        owner: Owner,
        range: &Range,
        bodies: &Bodies,
        budget: &mut Budget,
    ) -> Result<bool, Stop> {
        let (Ok(begin), end) = (u32::try_from(range.begin), u32::try_from(range.end).unwrap_or(u32::MAX)) else {
            return Ok(false);
        };
        let Some(body) = bodies.at(begin).filter(|_| begin < end) else { return Ok(false) };
        let Some(place) = self.owners.get_mut(body.index as usize) else { return Ok(false) };
        let is_own = match *place {
            None => level == 0,
            Some(other) => other == owner,
        };
        if is_own {
            *place = Some(owner);
            budget.keep(size_of::<Extent>())?;
            let addresses = begin..end.min(body.addresses.end);
            let scope = self.scopes.len().saturating_sub(1) as u32;
            self.ranges.push(Extent { body: body.index, level, addresses, scope });
        }
        Ok(is_own)
    }

    /// Sorts the ranges.
    pub(super) fn finish(mut self) -> Scopes {
        self.owners = Vec::new();
        self.ranges.sort_by_key(|range| (range.body, range.level, range.addresses.start));
        self
    }

    /// Returns the scopes of an address in a body: its function, then those inlined into each other.
    pub(super) fn at(&self, body: &Body, address: u32) -> Vec<Scope> {
        let at_level = |level: u32| {
            let place = |range: &Extent| (range.body, range.level, range.addresses.start);
            let after = self.ranges.partition_point(|range| place(range) <= (body.index, level, address));
            let range = self.ranges.get(after.checked_sub(1)?)?;
            let is_in = (range.body, range.level) == (body.index, level) && range.addresses.contains(&address);
            self.scopes.get(range.scope as usize).filter(|_| is_in).copied()
        };
        (0..MAX_LOCATIONS).map_while(at_level).collect()
    }
}
