//! Changes to the bytes of a module: what is taken out of function bodies, and what is put in.

use alloc::vec::Vec;

use super::charge;

/// One change: bytes of the module that are left out, and what takes their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::module) struct Edit {
    /// Offset in the module.
    pub(in crate::module) at: u32,
    /// Bytes that are left out from there.
    pub(in crate::module) skip: u32,
    pub(in crate::module) insert: Insert,
}

/// What an edit puts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::module) enum Insert {
    /// Operators that charge fuel and do nothing else.
    Charge(Charge),
    /// Bytes of [`Edits::bytes`]: their first and their number.
    Bytes { from: u32, len: u32 },
}

/// A charge: its fuel without what the engine adds, and whether it needs a scope of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::module) struct Charge {
    pub(in crate::module) fuel: u32,
    pub(in crate::module) scoped: bool,
}

/// All changes to a module's function bodies, in the order of their offsets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::module) struct Edits {
    pub(in crate::module) list: Vec<Edit>,
    /// What edits put in, one after the other.
    pub(in crate::module) bytes: Vec<u8>,
    /// Whether the host's table is called.
    pub(in crate::module) reserves: bool,
}

impl Edits {
    /// Writes what an edit puts in.
    pub(in crate::module) fn write(&self, out: &mut Vec<u8>, edit: &Edit) {
        match edit.insert {
            Insert::Charge(charge) => charge::write(out, charge),
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
    /// Declarations of locals.
    Locals,
    /// Behind the operator that ends there.
    After,
    /// A charge for the code that begins there.
    Charge,
    /// First in the code that begins there.
    Begin,
    /// Right before the operator that begins there.
    Before,
    /// In the place of that operator.
    Replace,
}

/// The edits of one function, before they are put in order.
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

    /// Adds bytes, in the place of `skip` bytes of the module.
    pub(super) fn put(&mut self, edits: &mut Edits, rank: Rank, at: u32, skip: u32, bytes: &[u8]) {
        let from = edits.bytes.len() as u32;
        edits.bytes.extend_from_slice(bytes);
        self.list.push((rank, Edit { at, skip, insert: Insert::Bytes { from, len: bytes.len() as u32 } }));
    }

    /// Tells where the operator ends that the last edit replaces.
    pub(super) fn replaced(&mut self, end: u32) {
        if let Some((_, edit)) = self.list.last_mut() {
            edit.skip = end.saturating_sub(edit.at);
        }
    }

    /// Moves the edits to those of the module, in order.
    pub(super) fn finish(&mut self, edits: &mut Edits) {
        self.list.sort_by_key(|(rank, edit)| (edit.at, *rank));
        edits.list.extend(self.list.drain(..).map(|(_, edit)| edit));
    }
}
