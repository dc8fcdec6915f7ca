//! The functions of the host that instruments call, and what is read when the run has ended.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use wasmi::{Caller, Func, Global, Instance, Memory, Val};

use self::{
    search::{Now, Shared},
    tree::Tree,
};
use crate::{
    data::{inspect::PAGE, value::Value},
    engine::meter,
    error::{HostStop, StopReason},
    host::{Host, pieces, pool::PooledStore},
    load::instrument::{BEGIN_VALUES, Instrument, Kind, Probe},
    sync::Mutex,
};

pub(crate) mod search;
pub(crate) mod trace;
pub(crate) mod tree;

/// What an instrument has recorded in a run, and where.
pub(crate) struct Records {
    memory: Memory,
    globals: Vec<Global>,
    tree: Arc<Mutex<Tree>>,
    values: Arc<Mutex<Values>>,
    search: Shared,
    instrument: Arc<Instrument>,
    /// Whether the guest ended the run within a function, with status 0.
    pub(crate) has_exited: bool,
}

/// The values of operands and locals, by the end of the frame of their function: those of the last operator of the
/// function that was recorded.
type Values = BTreeMap<u32, Vec<(u32, Value)>>;

impl Records {
    /// Returns the records of an instance of a module with an instrument.
    pub(crate) fn new(
        store: &PooledStore,
        instance: Instance,
        instrument: &Arc<Instrument>,
        search: Shared,
    ) -> Option<Records> {
        let memory = instance.get_memory(&**store, &instrument.memory)?;
        let globals = instrument.globals.iter().map(|name| instance.get_global(&**store, name));
        let globals = globals.collect::<Option<_>>()?;
        let tree = Arc::new(Mutex::new(Tree::new(Arc::clone(instrument))));
        let instrument = Arc::clone(instrument);
        Some(Records { memory, globals, tree, values: Arc::default(), search, instrument, has_exited: false })
    }

    /// Returns the functions that the instrument calls, with their slots in the host's table.
    pub(crate) fn functions(&self, store: &mut PooledStore, instance: Instance) -> Vec<(u64, Func)> {
        match self.instrument.kind {
            Kind::Tree => self.tree_functions(store),
            Kind::Values => self.value_functions(store),
            Kind::Steps => [self.value_functions(store), self.step_functions(store, instance)].concat(),
            Kind::Stack | Kind::Counts => Vec::new(),
        }
    }

    fn tree_functions(&self, store: &mut PooledStore) -> Vec<(u64, Func)> {
        let memory = self.memory;
        let tree = || Arc::clone(&self.tree);
        let of = tree();
        let enter = move |mut caller: Caller<'_, Host>, function: u32, node: u32| -> u32 {
            let mut tree = of.lock();
            if let Some(bytes) = tree.lacks(memory.data_size(&caller) as u64, function) {
                grow(&mut caller, memory, bytes);
            }
            tree.enter(memory.data_mut(&mut caller), function, node)
        };
        let of = tree();
        let before = move |caller: Caller<'_, Host>, node: u32, import: u32| {
            of.lock().before(node, import, meter::used(caller));
        };
        let of = tree();
        let after = move |mut caller: Caller<'_, Host>| {
            let used = meter::used(&mut caller);
            of.lock().after(memory.data_mut(&mut caller), used);
        };
        let functions = [
            (Probe::Enter, Func::wrap(&mut **store, enter)),
            (Probe::Before, Func::wrap(&mut **store, before)),
            (Probe::After, Func::wrap(&mut **store, after)),
        ];
        functions.map(|(probe, function)| (pieces::SLOTS + probe as u64, function)).into()
    }

    fn value_functions(&self, store: &mut PooledStore) -> Vec<(u64, Func)> {
        let Some(pointer) = self.globals.first().copied() else { return Vec::new() };
        let values = || Arc::clone(&self.values);
        macro_rules! record {
            ($ty:ty, $value:expr) => {{
                let values = values();
                Func::wrap(&mut **store, move |caller: Caller<'_, Host>, number: u32, value: $ty| {
                    let frame = pointer.get(&caller).i32().unwrap_or_default() as u32;
                    let mut values = values.lock();
                    let values = values.entry(frame).or_default();
                    match number {
                        BEGIN_VALUES => values.clear(),
                        number => values.push((number, $value(value))),
                    }
                })
            }};
        }
        let functions = [
            (Probe::I32, record!(i32, Value::I32)),
            (Probe::I64, record!(i64, Value::I64)),
            (Probe::F32, record!(f32, Value::F32)),
            (Probe::F64, record!(f64, Value::F64)),
            (Probe::V128, record!(wasmi::V128, |value: wasmi::V128| Value::V128(value.as_u128()))),
        ];
        functions.map(|(probe, function)| (pieces::SLOTS + probe as u64, function)).into()
    }

    fn step_functions(&self, store: &mut PooledStore, instance: Instance) -> Vec<(u64, Func)> {
        let [pointer, position, ..] = self.globals[..] else { return Vec::new() };
        let (records, values) = (self.memory, Arc::clone(&self.values));
        let names = self.instrument.shown.memories.iter();
        let memories: Vec<_> = names.filter_map(|name| instance.get_memory(&**store, name)).collect();
        self.search.lock().set_ends(records.data_mut(&mut **store));
        let bytes = |number: u32| memories.get(number as usize).map_or(&[][..], |memory| memory.data(&**store));
        self.search.lock().begin(bytes);
        let (search, instrument) = (Arc::clone(&self.search), Arc::clone(&self.instrument));
        let stop = move |mut caller: Caller<'_, Host>, place: u32, what: u32| {
            let now = now(&caller, records, [pointer, position], &instrument);
            let mut search = search.lock();
            if search.trace.is_some() {
                let values = values.lock();
                let values = values.get(&now.pointer).map_or(&[][..], |values| values);
                search.call(now, place, what, values, caller.data());
                return Ok(());
            }
            if search.reach(now, place, what) { end(&mut caller) } else { Ok(()) }
        };
        let (search, instrument) = (Arc::clone(&self.search), Arc::clone(&self.instrument));
        let wrote = move |mut caller: Caller<'_, Host>, address: u32, store: u32| {
            let bytes = |number: u32| memories.get(number as usize).map_or(&[][..], |memory| memory.data(&caller));
            let now = now(&caller, records, [pointer, position], &instrument);
            let is_end = search.lock().wrote(now, address, store, bytes);
            if is_end { end(&mut caller) } else { Ok(()) }
        };
        let functions =
            [(Probe::Stop, Func::wrap(&mut **store, stop)), (Probe::Wrote, Func::wrap(&mut **store, wrote))];
        functions.map(|(probe, function)| (pieces::SLOTS + probe as u64, function)).into()
    }

    /// Sets the end of the frames to that of none.
    pub(crate) fn begin_frames(&self, store: &mut PooledStore, kind: Kind) {
        if let Some(pointer) = self.globals.first().filter(|_| kind.has_stack()) {
            // It is a mutable global of that type.
            let _ = pointer.set(&mut **store, Val::I32(kind.base() as i32));
        }
    }

    /// Returns what the instrument knows about the steps of a run that has ended.
    pub(crate) fn now<'s>(&'s self, store: &'s PooledStore) -> Now<'s> {
        let [pointer, position] = [0, 1].map(|number| self.global(store, number));
        Now { records: self.bytes(store), pointer, position, instrument: &self.instrument }
    }

    /// Returns the values that were recorded for the frame with this end.
    pub(crate) fn values(&self, frame: u32) -> Vec<(u32, Value)> {
        self.values.lock().get(&frame).cloned().unwrap_or_default()
    }

    /// Returns the added memory.
    pub(crate) fn bytes<'s>(&self, store: &'s PooledStore) -> &'s [u8] {
        self.memory.data(&**store)
    }

    /// Returns the value of an added global.
    pub(crate) fn global(&self, store: &PooledStore, number: usize) -> u32 {
        let value = self.globals.get(number).map(|global| global.get(&**store));
        value.and_then(|value| value.i32()).unwrap_or_default() as u32
    }

    /// Ends the record of a run that has used this fuel; returns the tree.
    pub(crate) fn tree(&self, store: &mut PooledStore, used: u64) -> Tree {
        let mut tree = self.tree.lock();
        tree.after(self.memory.data_mut(&mut **store), used);
        tree.clone()
    }
}

fn now<'c>(caller: &'c Caller<'_, Host>, records: Memory, globals: [Global; 2], instrument: &'c Instrument) -> Now<'c> {
    let [pointer, position] = globals.map(|global| global.get(caller).i32().unwrap_or_default() as u32);
    Now { records: records.data(caller), pointer, position, instrument }
}

/// Ends a run at a step that was looked for.
fn end(caller: &mut Caller<'_, Host>) -> Result<(), wasmi::Error> {
    caller.data_mut().stop = Some(StopReason::Host(HostStop::Cancelled));
    // The reason is in the store; this only makes the engine return.
    Err(wasmi::Error::i32_exit(0))
}

/// Grows the added memory, which counts neither for the guest's limits nor as one of its growths.
fn grow(caller: &mut Caller<'_, Host>, memory: Memory, bytes: u64) {
    let growth = &mut caller.data_mut().growth;
    growth.memory.host += bytes;
    growth.begin_initial(usize::MAX);
    // Without the memory the next access of the instrument traps, and the rerun is found not to be the run.
    let _ = memory.grow(&mut *caller, bytes / PAGE);
    caller.data_mut().growth.abandon();
}
