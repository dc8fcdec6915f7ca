//! What an instrument has recorded in a run.

use alloc::{boxed::Box, vec::Vec};

use wasmi::{Instance, Ref, Table};

use super::Machine;
use crate::{
    data::value::{Value, ValueType},
    engine::meter,
    load::instrument::{
        CALLING, FRAME, Global,
        steps::{VALUE, VALUES},
    },
    run::probe::{
        Records,
        search::{Now, Shared},
        tree::Tree,
    },
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
        let search = self.search.take().unwrap_or_default();
        let Some(records) = Records::new(&self.store, instance, instrument, search) else { return false };
        let functions = records.functions(&mut self.store, instance);
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
        let base = self.module.instrument().map_or(0, |instrument| instrument.kind.base());
        let mut called = Vec::new();
        // A tail call whose function has not begun has already given up its frame: the position is that of the call of
        // its function, as its frame has it.
        let is_tail = tail > 0 && word(pointer + 4) == position;
        let mut at = if is_tail { tail } else { position & !CALLING };
        let mut top = if is_tail { pointer + FRAME } else { pointer };
        while let Some(frame) = top.checked_sub(FRAME).filter(|frame| *frame >= base) {
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

    /// Begins the frames of a call by the host: those of the last one have returned.
    pub(super) fn begin_frames(&mut self) {
        if let Some((records, instrument)) = self.records.as_ref().zip(self.module.instrument()) {
            records.begin_frames(&mut self.store, instrument.kind);
        }
    }

    /// Sets what is looked for in a run that has not begun.
    pub(crate) fn search(&mut self, search: Shared) {
        self.search = Some(search);
    }

    /// Returns what the instrument knows about the steps of a run that has ended.
    pub(crate) fn now(&self) -> Option<Now<'_>> {
        self.records.as_ref().map(|records| records.now(&self.store))
    }

    /// Returns the number of the segment of steps that began last.
    pub(crate) fn segment(&self) -> u32 {
        self.records.as_ref().map_or(0, |records| records.global(&self.store, Global::Segment as usize))
    }

    /// Returns the values at the operator at which the run has ended by its plan.
    pub(crate) fn values_at_end(&self) -> Vec<(u32, Value)> {
        let (Some(records), Some(instrument)) = (&self.records, self.module.instrument()) else { return Vec::new() };
        let stored = records.bytes(&self.store).get(VALUES as usize..).unwrap_or_default().chunks_exact(VALUE as usize);
        let value = |((number, ty), bytes): (&(u32, ValueType), &[u8])| {
            let bits = u128::from_le_bytes(*bytes.first_chunk()?);
            Some((*number, value_of(*ty, bits)?))
        };
        instrument.tables.steps.values.iter().zip(stored).filter_map(value).collect()
    }

    /// Returns a memory of the guest by its index.
    pub(crate) fn memory_of(&self, index: u32) -> Option<&[u8]> {
        let name = self.module.instrument()?.shown.memories.get(index as usize)?;
        Some(self.instance?.get_memory(&*self.store, name)?.data(&*self.store))
    }

    /// Returns the values of the guest's globals, in their order; of references only whether they are null.
    pub(crate) fn globals(&self) -> Vec<Option<Value>> {
        let Some((instrument, instance)) = self.module.instrument().zip(self.instance) else { return Vec::new() };
        let value = |name: &String| Value::from_engine(&instance.get_global(&*self.store, name)?.get(&*self.store));
        instrument.shown.globals.iter().map(value).collect()
    }

    /// Returns for each element of a table of the guest whether it has a reference.
    pub(crate) fn table_of(&self, index: u32) -> Option<Vec<bool>> {
        let name = self.module.instrument()?.shown.tables.get(index as usize)?;
        let table = self.instance?.get_table(&*self.store, name)?;
        let is_set = |at| table.get(&*self.store, at).is_some_and(|element| !element.is_null());
        Some((0..table.size(&*self.store)).map(is_set).collect())
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

/// Returns the value of a type with these bits, the lowest as many as it has.
fn value_of(ty: ValueType, bits: u128) -> Option<Value> {
    Some(match ty {
        ValueType::I32 => Value::I32(bits as u32 as i32),
        ValueType::I64 => Value::I64(bits as u64 as i64),
        ValueType::F32 => Value::F32(f32::from_bits(bits as u32)),
        ValueType::F64 => Value::F64(f64::from_bits(bits as u64)),
        ValueType::V128 => Value::V128(bits),
        ValueType::FuncRef | ValueType::ExternRef => return None,
    })
}
