//! Locals that the pass adds to a function.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    data::{
        binary::{leb, value_code},
        value::ValueType,
    },
    error::ModuleError,
    load::refusal::limit,
};

/// The purpose of a local. Locals of one purpose never hold two values at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// An operand that passes through a local right before its use; the number distinguishes several at one operator.
    Through(u8),
    /// A null reference: nothing is ever written to the local.
    Null,
    /// The operand at this height of the stack, across the boundaries of blocks.
    Height(u32),
    /// The parameter or result with this number, on its way to a label.
    Label(u32),
    /// The operand with this number of a bulk operator or a growth that is done piece by piece.
    Piece(u8),
}

/// The locals of one function.
#[derive(Debug, Default)]
pub(super) struct Locals {
    /// The number of its parameters and declared locals.
    declared: u32,
    /// The number of groups of declared locals.
    groups: u32,
    added: Vec<Added>,
    by_purpose: BTreeMap<(Purpose, u8), u32>,
    /// Whether locals are now added for pieces only.
    pub(super) is_for_pieces: bool,
    limit: u64,
}

#[derive(Debug)]
struct Added {
    ty: ValueType,
    /// Whether a call is charged for it: not if it is for pieces only.
    is_paid: bool,
}

impl Locals {
    pub(super) fn new(limit: u64) -> Self {
        Locals { limit, ..Locals::default() }
    }

    /// Starts another function.
    pub(super) fn begin(&mut self, declared: u32, groups: u32) {
        self.declared = declared;
        self.groups = groups;
        self.added.clear();
        self.by_purpose.clear();
        self.is_for_pieces = false;
    }

    /// Checks whether a local is a parameter or declared.
    #[inline]
    pub(super) fn is_declared(&self, local: u32) -> bool {
        local < self.declared
    }

    /// Returns the local for a purpose; adds it if it does not exist yet.
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
        limit("module.form_locals", self.limit, u64::from(index) + 1)?;
        self.added.push(Added { ty, is_paid });
        self.by_purpose.insert(key, index);
        Ok(self.declared + index)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty()
    }

    /// Returns the number of cells of the value stack of those added locals that a call is charged for.
    pub(super) fn cells(&self) -> u64 {
        let paid = self.added.iter().filter(|added| added.is_paid);
        paid.map(|added| if added.ty == ValueType::V128 { 2 } else { 1 }).sum()
    }

    /// Returns the number of groups of all locals, and the encoded groups of the added ones.
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
