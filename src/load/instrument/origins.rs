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
    is_copied: bool,
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
            self.parts.push(Part { from: length, at: from as u32, is_copied: true });
            length += (edit.at as usize).saturating_sub(from);
            self.parts.push(Part { from: length, at: edit.at, is_copied: false });
            length += inserted(edit, edits);
            from = from.max(edit.at as usize + edit.skip as usize);
        }
        self.parts.push(Part { from: length, at: from as u32, is_copied: true });
    }

    /// Returns the offset in the original module of the operator at an offset from the start of the rewritten body.
    pub(super) fn of(&self, offset: usize) -> u32 {
        let behind = self.parts.partition_point(|part| part.from <= offset);
        // Of empty parts at one place the last counts.
        match behind.checked_sub(1).and_then(|last| self.parts.get(last)) {
            Some(part) if part.is_copied => part.at + (offset - part.from) as u32,
            Some(part) => part.at,
            None => 0,
        }
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
