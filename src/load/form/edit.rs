//! Edits: the changes to the bytes of function bodies.

use alloc::vec::Vec;

use super::charge::Charge;

/// One change: removed bytes of the module, and their replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::load) struct Edit {
    /// The offset in the module.
    pub(in crate::load) at: u32,
    /// The number of bytes that are removed from there.
    pub(in crate::load) skip: u32,
    pub(in crate::load) insert: Insert,
}

/// The bytes that an edit inserts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::load) enum Insert {
    /// Operators that charge fuel and do nothing else.
    Charge(Charge),
    /// Bytes of [`Edits::bytes`]: the first and their number.
    Bytes { from: u32, len: u32 },
}

/// All changes to a module's function bodies, in the order of their offsets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::load) struct Edits {
    pub(in crate::load) list: Vec<Edit>,
    /// The bytes that edits insert, concatenated.
    pub(in crate::load) bytes: Vec<u8>,
    /// Whether functions of the host's table are called.
    pub(in crate::load) uses_host_table: bool,
}

impl Edits {
    /// Writes the bytes that an edit inserts.
    pub(in crate::load) fn write(&self, out: &mut Vec<u8>, edit: &Edit) {
        match edit.insert {
            Insert::Charge(charge) => charge.write(out),
            Insert::Bytes { from, len } => {
                out.extend_from_slice(
                    self.bytes.get(from as usize..).and_then(|b| b.get(..len as usize)).unwrap_or(&[]),
                );
            }
        }
    }
}

/// The order of edits at one offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The declarations of locals.
    Locals,
    /// Behind the operator that ends there.
    After,
    /// A charge for the code that begins there.
    Charge,
    /// First in the code that begins there.
    Begin,
    /// Right before the operator that begins there.
    Before,
    /// Instead of that operator.
    Replace,
}

/// The edits of one function, not sorted yet.
#[derive(Debug, Default)]
pub(super) struct FunctionEdits {
    list: Vec<(Rank, Edit)>,
}

impl FunctionEdits {
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a charge.
    pub(super) fn charge(&mut self, at: u32, charge: Charge) {
        self.list.push((Rank::Charge, Edit { at, skip: 0, insert: Insert::Charge(charge) }));
    }

    /// Adds bytes that replace `skip` bytes of the module.
    pub(super) fn put(&mut self, edits: &mut Edits, rank: Rank, at: u32, skip: u32, bytes: &[u8]) {
        let from = edits.bytes.len() as u32;
        edits.bytes.extend_from_slice(bytes);
        self.list.push((rank, Edit { at, skip, insert: Insert::Bytes { from, len: bytes.len() as u32 } }));
    }

    /// Sets the end of the operator that the last edit replaces.
    pub(super) fn replaced(&mut self, end: u32) {
        if let Some((_, edit)) = self.list.last_mut() {
            edit.skip = end.saturating_sub(edit.at);
        }
    }

    /// Moves the edits to those of the module, sorted.
    pub(super) fn finish(&mut self, edits: &mut Edits) {
        self.list.sort_by_key(|(rank, edit)| (edit.at, *rank));
        edits.list.extend(self.list.drain(..).map(|(_, edit)| edit));
    }
}
