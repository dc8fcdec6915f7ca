//! Locals that the pass adds to a function.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    error::ModuleError,
    module::{
        encode::{leb, value_code},
        scan::limit,
    },
    value::ValueType,
};

/// What a local is for. Locals of one purpose never hold two values at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// An operand that goes through a local right before it is used; the number tells two at one place apart.
    Through(u8),
    /// A reference that is null, since nothing is ever written there.
    Null,
    /// The operand at this height of the stack, while blocks begin or end.
    Height(u32),
    /// The parameter or result with this number, on its way to a label.
    Label(u32),
    /// The operand with this number of a bulk operator or a growth, while that is done piece by piece.
    Piece(u8),
}

/// The locals of one function.
#[derive(Debug, Default)]
pub(super) struct Locals {
    /// Those it has: parameters, and what it declares.
    declared: u32,
    /// Groups of what it declares.
    groups: u32,
    added: Vec<Added>,
    by_purpose: BTreeMap<(Purpose, u8), u32>,
    /// Whether locals that are asked for are there for pieces alone.
    pub(super) is_for_pieces: bool,
    limit: u64,
}

#[derive(Debug)]
struct Added {
    ty: ValueType,
    /// Whether calls pay for it: not if it is there for pieces alone.
    is_paid: bool,
}

impl Locals {
    pub(super) fn new(limit: u64) -> Self {
        Locals { limit, ..Locals::default() }
    }

    /// Starts over with another function.
    pub(super) fn begin(&mut self, declared: u32, groups: u32) {
        self.declared = declared;
        self.groups = groups;
        self.added.clear();
        self.by_purpose.clear();
        self.is_for_pieces = false;
    }

    /// Returns the local for a purpose, which is added where it is not there yet.
    pub(super) fn get(&mut self, purpose: Purpose, ty: ValueType) -> Result<u32, ModuleError> {
        let key = (purpose, value_code(ty));
        let is_paid = !self.is_for_pieces && !matches!(purpose, Purpose::Piece(_));
        if let Some(index) = self.by_purpose.get(&key) {
            if let Some(added) = self.added.get_mut(*index as usize) {
                added.is_paid |= is_paid;
            }
            return Ok(self.declared + index);
        }
        let index = self.added.len() as u32;
        limit("module.form_locals", self.limit, u64::from(index) + 1, "locals added to a function")?;
        self.added.push(Added { ty, is_paid });
        self.by_purpose.insert(key, index);
        Ok(self.declared + index)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty()
    }

    /// Returns the cells of the value stack that the added locals take which calls pay for.
    pub(super) fn cells(&self) -> u64 {
        let paid = self.added.iter().filter(|added| added.is_paid);
        paid.map(|added| if added.ty == ValueType::V128 { 2 } else { 1 }).sum()
    }

    /// Returns the number of groups of all locals, and the groups that are added, as bytes.
    pub(super) fn declarations(&self) -> (u32, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut groups = self.groups;
        for run in self.added.chunk_by(|a, b| a.ty == b.ty) {
            bytes.extend(leb(run.len() as u32));
            bytes.extend(run.first().map(|added| value_code(added.ty)));
            groups += 1;
        }
        (groups, bytes)
    }
}
