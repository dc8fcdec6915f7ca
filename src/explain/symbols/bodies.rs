//! The places of function bodies in a module.

use std::ops::Range;

use super::Addresses;

/// Places of the function bodies of a module.
///
/// Addresses of DWARF are offsets in the contents of the code section, which begin with the number of functions.
/// No function is there, so that address 0 is never one: linkers leave it to functions that they removed.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// Offset of the contents of the code section in the module.
    start: usize,
    /// Where bodies end, in order. Each begins, with its size, where the one before it ends.
    ends: Vec<u32>,
}

/// Function body, by its place in the order of the code section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) index: u32,
    /// Its addresses, including those of its size.
    pub(super) addresses: Addresses,
}

impl Bodies {
    pub(super) fn begin(&mut self, section: Range<usize>) {
        *self = Bodies { start: section.start, ends: Vec::new() };
    }

    pub(super) fn push(&mut self, body: Range<usize>) {
        self.ends.push(body.end.saturating_sub(self.start).try_into().unwrap_or(u32::MAX));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the body that has an address.
    pub(super) fn at(&self, address: u32) -> Option<Body> {
        let index = self.ends.partition_point(|end| *end <= address);
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(1, |end| *end);
        (start <= address).then_some(Body { index: index as u32, addresses: start..end })
    }

    /// Returns the address of an offset in the module, and the body that has it.
    pub(super) fn address(&self, offset: u32) -> Option<(Body, u32)> {
        let address = (offset as usize).checked_sub(self.start)?.try_into().ok()?;
        Some((self.at(address)?, address))
    }
}
