//! The places of a rewritten function body in the body that it was made from.

use alloc::vec::Vec;
use core::ops::Range;

use crate::load::form::edit::{Edit, Edits, Insert};

/// The origins of the bytes of one function body.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// The parts of the rewritten body, in order.
    parts: Vec<Part>,
}

/// A part of a rewritten body.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// The offset of its first byte, from the start of the rewritten body.
    from: usize,
    /// The offset of the original of that byte, or of the operator that the part belongs to.
    at: u32,
    kind: Kind,
}

/// What the bytes of a part are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Operators of the original.
    Copied,
    /// A charge for the operators behind it.
    Charge,
    /// What stands for an operator of the original.
    Replaced,
    /// Other operators that the normal form adds.
    Added,
}

impl Origins {
    /// Finds the origins of the next body, which is at `body` in the original; takes its edits from those that are left.
    pub(super) fn next(&mut self, body: &Range<usize>, edits: &Edits, left: &mut &[Edit]) {
        self.parts.clear();
        let (mut from, mut length) = (body.start, 0);
        while let Some((edit, others)) = left.split_first()
            && body.contains(&(edit.at as usize))
        {
            *left = others;
            self.parts.push(Part { from: length, at: from as u32, kind: Kind::Copied });
            length += (edit.at as usize).saturating_sub(from);
            self.parts.push(Part { from: length, at: edit.at, kind: kind(edit) });
            length += inserted(edit, edits);
            from = from.max(edit.at as usize + edit.skip as usize);
        }
        self.parts.push(Part { from: length, at: from as u32, kind: Kind::Copied });
    }

    /// Returns the offset in the original module of the operator at an offset from the start of the rewritten body.
    pub(super) fn of(&self, offset: usize) -> u32 {
        match self.part(offset) {
            Some(part) if part.kind == Kind::Copied => part.at + (offset - part.from) as u32,
            Some(part) => part.at,
            None => 0,
        }
    }

    /// Returns whether the control operator at an offset from the start of the rewritten body is one of the original,
    /// perhaps with another type.
    pub(super) fn is_original(&self, offset: usize) -> bool {
        self.part(offset).is_some_and(|part| match part.kind {
            Kind::Copied => true,
            // What stands for a bulk operator or a growth begins with no control operator.
            Kind::Replaced => part.from == offset,
            Kind::Charge | Kind::Added => false,
        })
    }

    /// Returns where what belongs to the operator at an offset begins: before it may be operators that the normal form adds.
    pub(super) fn start(&self, offset: usize) -> usize {
        let behind = self.parts.partition_point(|part| part.from <= offset);
        let mut parts = self.parts.get(..behind).unwrap_or_default().iter().rev();
        match (parts.next(), parts.next()) {
            (Some(own), Some(added)) if added.kind == Kind::Added && (own.from, own.at) == (offset, added.at) => {
                added.from
            }
            _ => offset,
        }
    }

    /// Returns whether a charge is at an offset from the start of the rewritten body.
    pub(super) fn is_charge(&self, offset: usize) -> bool {
        self.part(offset).is_some_and(|part| part.kind == Kind::Charge)
    }

    fn part(&self, offset: usize) -> Option<&Part> {
        let behind = self.parts.partition_point(|part| part.from <= offset);
        // Of empty parts at one place the last counts.
        self.parts.get(behind.checked_sub(1)?)
    }
}

fn kind(edit: &Edit) -> Kind {
    match edit.insert {
        Insert::Charge(_) => Kind::Charge,
        Insert::Bytes { .. } if edit.skip > 0 => Kind::Replaced,
        Insert::Bytes { .. } => Kind::Added,
    }
}

/// Returns the number of bytes that an edit inserts.
fn inserted(edit: &Edit, edits: &Edits) -> usize {
    match edit.insert {
        Insert::Bytes { len, .. } => len as usize,
        Insert::Charge(_) => {
            let mut bytes = Vec::new();
            edits.write(&mut bytes, edit);
            bytes.len()
        }
    }
}
