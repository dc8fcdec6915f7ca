//! Counters of blocks of code and of the entries of `br_table`.
//!
//! A counter is behind the charge for its block, so that a run that has no fuel for a block does not count it. What the
//! normal form adds has no counter: charges stand for the code behind them, and the blocks of what stands for a bulk
//! operator are none of the guest.

use wasmparser::Operator;

use super::{super::Counter, Body};
use crate::load::instrument::code::{Address, Code};

/// The number of locals that the count of a `br_table` needs, besides those that every function gets.
pub(super) const LOCALS: usize = 2;

const I32_SHL: u8 = 0x74;
const I32_LT_U: u8 = 0x49;
const SELECT: u8 = 0x1b;

impl Body<'_> {
    /// Handles an operator at `at` that may begin a block behind it, before its effect on labels.
    pub(super) fn count(&mut self, operator: &Operator<'_>, at: usize, end: usize) {
        use Operator::{BrIf, BrTable, Else, End, If, Loop, MemoryGrow, TableGrow};
        if self.awaits.is_some() && self.origins.is_original(at) {
            // The code behind a growth costs nothing, so it has no charge.
            self.awaits = None;
        }
        match operator {
            Loop { .. } | If { .. } | Else if self.origins.is_original(at) => self.awaits = Some(self.origins.of(at)),
            // What stands for a growth contains a loop, too.
            Loop { .. } if !self.origins.is_charge(at) => self.awaits = None,
            End if self.is_joined() && self.origins.is_original(at) => self.begin_block(at, end),
            BrIf { .. } if self.origins.is_original(at) => self.begin_block(at, end),
            BrTable { targets } if self.origins.is_original(at) => self.count_entries(targets.len(), at),
            // What stands for a growth contains two: the block begins behind it.
            MemoryGrow { .. } | TableGrow { .. } => self.awaits = Some(self.origins.of(at)),
            _ => {}
        }
    }

    /// Returns whether control reaches the end of the innermost block from elsewhere than the operator before it. The
    /// end of a function begins no block.
    fn is_joined(&self) -> bool {
        self.labels.len() > 1 && self.labels.last().is_some_and(|label| label.is_if || label.is_joined)
    }

    /// Begins a block behind an operator.
    fn begin_block(&mut self, at: usize, end: usize) {
        let opener = self.origins.of(at);
        if self.origins.is_charge(end) {
            self.awaits = Some(opener);
            return;
        }
        let mut code = self.code();
        self.add_counter(&mut code, opener);
        self.insert(end, &code.bytes);
    }

    /// Appends the count of a block.
    pub(super) fn add_counter(&mut self, code: &mut Code, opener: u32) {
        let offset = self.counters(opener, 1);
        code.add(Address::Start, offset, 1, self.through());
    }

    /// Counts the entry that a `br_table` with this number of entries takes, which is one more with the default.
    fn count_entries(&mut self, entries: u32, at: usize) {
        let opener = self.origins.of(at);
        let first = self.counters(opener, entries + 1);
        let (index, through) = (self.own(), self.through());
        let (is_entry, address) = (through + 1, through + 2);
        let mut code = self.code();
        code.set(index).get(index).constant(entries as i32).byte(I32_LT_U).set(is_entry);
        code.get(index).constant(entries as i32).get(is_entry).byte(SELECT);
        code.constant(COUNTER.trailing_zeros() as i32).byte(I32_SHL).set(address);
        code.add(Address::Local(address), first, 1, through).get(index);
        self.insert(at, &code.bytes);
    }

    /// Adds counters; returns the offset of the first in the added memory. There are fewer than bytes of the module, and
    /// if they need more memory than there may be, the module is refused.
    fn counters(&mut self, opener: u32, count: u32) -> u32 {
        let number = self.tables.counted;
        self.tables.counters.push(Counter { function: self.function, opener, number });
        self.tables.counted = number.saturating_add(count);
        COUNTER.saturating_mul(number.saturating_add(1))
    }
}

/// The size of a counter in bytes. The first follows as many reserved bytes.
const COUNTER: u32 = 8;
