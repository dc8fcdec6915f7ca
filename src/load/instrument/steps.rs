//! The steps of a run: the operators that it begins, in the order in which it begins them.

use alloc::{collections::BTreeSet, vec::Vec};

use crate::data::value::ValueType;

/// The bytes at the start of the added memory: the number of steps whose code has begun, the number of steps behind which
/// the run ends, the number that makes it end at the operator of [`Places::end`], and the values there.
pub(crate) const BEGUN: u32 = 0;
pub(crate) const LAST: u32 = 8;
pub(crate) const END: u32 = 16;
pub(crate) const VALUES: u32 = 32;
/// The size of a value.
pub(crate) const VALUE: u32 = 16;
/// The most operands, and the most locals of it.
pub(crate) const MOST_VALUES: usize = super::MOST_LOCALS;
/// The size of all.
pub(crate) const RESERVED: u32 = VALUES + 2 * MOST_VALUES as u32 * VALUE;

/// Places where a run asks the host whether it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The offsets in the original module of operators, before each of which it asks.
    pub(crate) operators: BTreeSet<u32>,
    /// The functions at whose beginning it asks.
    pub(crate) functions: BTreeSet<u32>,
    /// The offsets of calls of functions of the guest, behind which it asks.
    pub(crate) returns: BTreeSet<u32>,
    /// Whether it asks behind each operator that may have written to a memory.
    pub(crate) writes: bool,
    /// Whether it tells the host about all calls and their values.
    pub(crate) calls: bool,
    /// The operator at which the run ends, if the right number of steps has begun.
    pub(crate) end: Option<u32>,
}

/// What a run asks the host about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// An operator, by its offset in the original module.
    Operator = 0,
    /// The beginning of a function, by its index.
    Function = 1,
    /// The return from a call, by the offset of the call.
    Return = 2,
    /// The call of a function of the host, by its index.
    HostCall = 3,
    /// The return from it.
    HostReturn = 4,
}

/// A store, or an operator after which the host compares what is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Store {
    pub(crate) at: u32,
    /// The memory, what is added to the address, and the bytes that are stored; `None` if only the host knows what the
    /// operator writes.
    pub(crate) access: Option<Access>,
    /// Whether it is a call of a function of the guest, perhaps through a table, which has returned.
    pub(crate) is_call: bool,
}

/// What a store writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) memory: u32,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// The operators of a module, in segments of which each runs from its first to its last.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// The offsets of all operators in the original module, in order. The operators that only begin and end blocks are
    /// none of them.
    pub(crate) operators: Vec<u32>,
    /// Where each segment begins in `operators`.
    pub(crate) segments: Vec<u32>,
    /// What the numbers of writes stand for.
    pub(crate) stores: Vec<Store>,
    /// The numbers and types of the values at the operator at which the run ends.
    pub(crate) values: Vec<(u32, ValueType)>,
}

impl Steps {
    /// Returns the operators of a segment.
    pub(crate) fn segment(&self, number: u32) -> &[u32] {
        let Some(start) = self.segments.get(number as usize) else { return &[] };
        let end = self.segments.get(number as usize + 1).map_or(self.operators.len(), |end| *end as usize);
        self.operators.get(*start as usize..end).unwrap_or_default()
    }

    /// Returns how many operators of its segment follow an operator, with itself.
    pub(crate) fn left(&self, at: u32) -> Option<u64> {
        let index = self.operators.binary_search(&at).ok()?;
        let next = self.segments.partition_point(|start| *start as usize <= index);
        let end = self.segments.get(next).map_or(self.operators.len(), |end| *end as usize);
        Some((end - index) as u64)
    }
}
