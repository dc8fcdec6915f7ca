//! What an instrument has recorded in a run.

use alloc::{boxed::Box, vec::Vec};

use wasmi::{Instance, Ref, Table};

use super::Machine;
use crate::{
    data::value::Value,
    engine::meter,
    load::instrument::{CALLING, FRAME},
    run::probe::{Records, tree::Tree},
};

/// A function that was being called when a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) function: u32,
    /// The offset in the module of the operator that ran: the call of the next function, if there is one.
    pub(crate) at: u32,
    /// The operands of the operator and the locals that the instrument has recorded, with their numbers.
    pub(crate) values: Vec<(u32, Value)>,
}

impl Machine {
    /// Puts the functions that the instrument of the module calls into the host's table; returns whether that is done,
    /// or there is no instrument.
    pub(super) fn set_probes(&mut self, instance: Instance, table: Option<Table>) -> bool {
        let Some(instrument) = self.module.instrument() else { return true };
        let kind = instrument.kind;
        let Some(records) = Records::new(&self.store, instance, instrument) else { return false };
        let functions = records.functions(&mut self.store, kind);
        self.records = Some(Box::new(records));
        functions.into_iter().all(|(slot, function)| {
            table.is_some_and(|table| table.set(&mut *self.store, slot, Ref::Func(function.into())).is_ok())
        })
    }

    /// Returns the functions that were being called when the run ended, the innermost first.
    pub(crate) fn called(&self) -> Vec<Called> {
        let Some(records) = &self.records else { return Vec::new() };
        let [pointer, position, tail] = [0, 1, 2].map(|number| records.global(&self.store, number));
        let frames = records.bytes(&self.store);
        let word = |at: u32| {
            let bytes = frames.get(at as usize..).and_then(|bytes| bytes.first_chunk::<4>());
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let mut called = Vec::new();
        // A tail call whose function has not begun has already given up its frame: the position is that of the call of
        // its function, as its frame has it.
        let is_tail = tail > 0 && word(pointer + 4) == position;
        let mut at = if is_tail { tail } else { position & !CALLING };
        let mut top = if is_tail { pointer + FRAME } else { pointer };
        while let Some(frame) = top.checked_sub(FRAME) {
            called.push(Called { function: word(frame), at, values: records.values(top) });
            let site = word(frame + 4);
            if site & CALLING == 0 {
                break;
            }
            at = site & !CALLING;
            top = frame;
        }
        called
    }

    /// Records that the guest has ended the run within a function, with status 0.
    pub(super) fn record_exit(&mut self) {
        if let Some(records) = &mut self.records {
            records.has_exited = true;
        }
    }

    /// Returns whether the guest ended the run within a function, with status 0.
    pub(crate) fn has_exited(&self) -> bool {
        self.records.as_ref().is_some_and(|records| records.has_exited)
    }

    /// Returns the tree of calls, and the added memory that has its numbers.
    pub(crate) fn tree(&mut self) -> Option<(Tree, &[u8])> {
        let used = meter::used(&mut *self.store);
        let tree = self.records.as_ref()?.tree(&mut self.store, used);
        Some((tree, self.records.as_ref()?.bytes(&self.store)))
    }

    /// Returns the counters, in their order.
    pub(crate) fn counts(&self) -> Vec<u64> {
        let (Some(records), Some(instrument)) = (&self.records, self.module.instrument()) else { return Vec::new() };
        let counters = records.bytes(&self.store).chunks_exact(8).skip(1);
        let count = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        counters.map(count).take(instrument.tables.counted as usize).collect()
    }
}
