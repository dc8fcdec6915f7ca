//! Pool of stores that are reused for consecutive runs of one module.
//!
//! The engine zeroes all of a memory before a run, but most runs touch little of it. Where the system reports
//! touched pages, only these are zeroed, after the run. The module is rewritten to import its memory; globals,
//! tables and segments are created anew for each run in the same store. A store keeps what earlier instances left
//! in it, so that the number of runs it serves is limited.
//!
//! A run that is stopped or grows its memory uses up its store.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    mem,
    ops::{Deref, DerefMut},
};

use wasmi::{Engine, Instance, Linker, Memory, MemoryType, ResourceLimiter, Store, errors::MemoryError};

use crate::{
    config::{Config, bound::STORE_BYTES},
    data::inspect::{ExternType, Inspection, PAGE},
    engine::meter,
    host::{Host, pieces},
    sync::Mutex,
};

#[cfg_attr(not(all(feature = "pooling", target_os = "linux", target_pointer_width = "64")), path = "pool/disabled.rs")]
mod mapping;

use self::mapping::Mapping;

/// The name a module imports its memory by.
pub(crate) const IMPORT: (&str, &str) = ("belljar", "memory");

/// Fewest pages of a memory for which asking the system what was touched is faster than zeroing all of it.
const MIN_PAGES: u64 = 4;

/// Stores that a module keeps, unless [`Pool::prepare`] asked for more.
const DEFAULT_STORES: usize = 8;

/// Fewest runs of a store for which mapping a memory pays off.
const MIN_USES: u64 = 16;
const MAX_USES: u64 = 1024;

/// Bytes that an instance leaves in its store for each function, global, segment and export.
const PART_BYTES: u64 = 64;
const ELEMENT_BYTES: u64 = 16;
const INSTANCE_BYTES: u64 = 1024;

/// Pool of the stores of one module.
#[derive(Default)]
pub(crate) struct Pool {
    /// Type of the memory that the module imports, if it is rewritten to import one.
    memory: Option<MemoryType>,
    plan: Option<MemoryPlan>,
    state: Mutex<State>,
}

/// Sizes of the pooled memories of a module.
#[derive(Debug, Clone, Copy)]
struct MemoryPlan {
    ty: MemoryType,
    min_bytes: u64,
    /// Initial elements of all tables.
    elements: u64,
    /// Largest size that a growth can reach.
    max_bytes: u64,
    /// Runs that a store serves.
    uses: u64,
}

#[derive(Default)]
struct State {
    idle: Vec<IdleStore>,
    /// Stores that exist, idle or in use.
    made: usize,
    /// Stores that may exist, where more than [`DEFAULT_STORES`] were asked for.
    kept: usize,
    /// Whether the module has run before. The first run is not pooled: there may be no second.
    was_run: bool,
    /// Whether a run grew its memory; the next run is expected to do the same.
    grows: bool,
}

/// Store of one run, which returns to its pool when dropped. Boxed: it is large, and runs are moved.
pub(crate) struct PooledStore {
    store: Box<Store<Host>>,
    pooled: Option<(Arc<Pool>, StoreMemory)>,
    /// Type of the memory that the module imports, if it was rewritten to import one.
    imported: Option<MemoryType>,
    /// Whether the run ended by itself, so that no call is in flight and the store can be reused.
    pub(crate) reusable: bool,
}

/// Idle store and its memory. The store is dropped first: the memory lies in the mapping.
struct IdleStore {
    store: Box<Store<Host>>,
    memory: StoreMemory,
}

/// Memory of a pooled store, and the linker that provides it.
struct StoreMemory {
    linker: Linker<Host>,
    memory: Memory,
    mapping: Mapping,
    uses: u64,
}

impl MemoryPlan {
    fn new(inspection: &Inspection, config: &Config, ty: MemoryType) -> Option<MemoryPlan> {
        if !Mapping::is_supported() {
            return None;
        }
        let parts = inspection.functions
            + inspection.globals
            + inspection.data_segments
            + inspection.element_segments
            + (inspection.imports.len() + inspection.exports.len()) as u64;
        let elements: u64 = inspection.tables.iter().map(|table| table.min).sum();
        let uses = STORE_BYTES / (INSTANCE_BYTES + PART_BYTES * parts + ELEMENT_BYTES * elements);
        if uses < MIN_USES {
            return None;
        }
        let min_bytes = ty.minimum() * PAGE;
        let plan = MemoryPlan { ty, min_bytes, elements, max_bytes: min_bytes, uses: uses.min(MAX_USES) };
        // A smaller mapping would make a growth fail that succeeds without the pool.
        Some(MemoryPlan { max_bytes: plan.bytes_within(config.limits.memory_bytes), ..plan })
    }

    /// Returns the largest size that a growth can reach within a limit.
    fn bytes_within(&self, memory_bytes: u64) -> u64 {
        let declared = self.ty.maximum().map_or(u64::MAX, |pages| pages.saturating_mul(PAGE));
        (memory_bytes / PAGE * PAGE).min(declared).max(self.min_bytes)
    }
}

impl Pool {
    /// Returns the pool of a module whose memory may be imported.
    pub(crate) fn new(inspection: &Inspection, config: &Config) -> Pool {
        let memory = large_memory(inspection);
        let plan = memory.and_then(|ty| MemoryPlan::new(inspection, config, ty));
        // A memory that is not pooled is created here too if it is large, so that it is created in pieces.
        let memory = memory.filter(|ty| plan.is_some() || ty.minimum() > pieces::PAGES.into());
        Pool { memory, plan, state: Mutex::default() }
    }

    /// Returns whether the pool creates the memory of the module.
    pub(crate) fn makes_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Returns a store for a run: an idle one, or a fresh one.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        engine: &Engine,
        linker: &Linker<Host>,
        memory_bytes: u64,
        host: impl Fn() -> Host,
    ) -> PooledStore {
        // A memory that is smaller than the limit of the run would make a growth fail.
        let fits = self.plan.as_ref().is_some_and(|plan| plan.bytes_within(memory_bytes) <= plan.max_bytes);
        let idle = if fits { self.take(engine, linker, &host) } else { None };
        let (store, pooled) = match idle {
            Some(mut idle) => {
                idle.memory.uses += 1;
                // This fails only with metering off.
                let _ = meter::set_fuel(&mut *idle.store, 0);
                *idle.store.data_mut() = host();
                (idle.store, Some((Arc::clone(self), idle.memory)))
            }
            None => (store(engine, host()), None),
        };
        PooledStore { store, pooled, imported: self.memory, reusable: false }
    }

    /// Makes stores until `wanted` are idle, or one cannot be made. Returns the number of idle stores.
    pub(crate) fn prepare(
        &self,
        wanted: usize,
        engine: &Engine,
        linker: &Linker<Host>,
        host: impl Fn() -> Host,
    ) -> usize {
        let Some(plan) = &self.plan else { return 0 };
        let mut state = self.state.lock();
        state.kept = state.kept.max(wanted);
        state.grows = false;
        while state.idle.len() < wanted {
            state.made += 1;
            drop(state);
            let made = plan.make(engine, linker, &host);
            state = self.state.lock();
            match made {
                Some(made) => state.idle.push(made),
                None => {
                    state.made -= 1;
                    break;
                }
            }
        }
        state.idle.len()
    }

    fn take(&self, engine: &Engine, linker: &Linker<Host>, host: impl Fn() -> Host) -> Option<IdleStore> {
        let plan = self.plan.as_ref()?;
        let mut state = self.state.lock();
        if let Some(idle) = state.idle.pop() {
            return Some(idle);
        }
        let first = !mem::replace(&mut state.was_run, true);
        if first || state.grows || state.made >= state.kept.max(DEFAULT_STORES) {
            return None;
        }
        state.made += 1;
        drop(state);
        let made = plan.make(engine, linker, host);
        if made.is_none() {
            self.state.lock().made -= 1;
        }
        made
    }

    /// Takes back a store after a run, or drops it.
    fn release(&self, mut idle: IdleStore) {
        let Some(plan) = &self.plan else { return };
        // A table that has grown stays in the store.
        let fits = idle.store.data().growth.tables.peak <= plan.elements;
        idle.store.data_mut().clear();
        let bytes = idle.memory.memory.data_mut(&mut *idle.store);
        let grows = bytes.len() as u64 != plan.min_bytes;
        let is_kept = fits && !grows && idle.memory.uses < plan.uses && idle.memory.mapping.zero(bytes);
        let mut state = self.state.lock();
        state.grows |= grows;
        if is_kept {
            state.idle.push(idle);
        } else {
            state.made -= 1;
        }
    }

    /// Records that a store was dropped.
    fn discard(&self) {
        self.state.lock().made -= 1;
    }
}

impl MemoryPlan {
    fn make(&self, engine: &Engine, linker: &Linker<Host>, host: impl Fn() -> Host) -> Option<IdleStore> {
        let mut mapping = Mapping::new(usize::try_from(self.max_bytes).ok()?)?;
        // Declared after the mapping, so that it is dropped first. Not limited yet: this memory is charged to no run.
        let mut store = Box::new(Store::new(engine, host()));
        let memory = mapping.memory(&mut store, self.ty)?;
        // The engine has written zeros: give their pages back.
        mapping.zero(memory.data_mut(&mut *store));
        store.limiter(|host| host);
        let linker = with_memory(linker, memory).ok()?;
        Some(IdleStore { store, memory: StoreMemory { linker, memory, mapping, uses: 0 } })
    }
}

impl PooledStore {
    /// Instantiates a module in this store.
    pub(crate) fn instantiate(
        &mut self,
        linker: &Linker<Host>,
        module: &wasmi::Module,
    ) -> Result<Instance, wasmi::Error> {
        match (&self.pooled, self.imported) {
            (Some((pool, memory)), _) => {
                let bytes = pool.plan.map_or(0, |plan| plan.min_bytes);
                // The engine asks the limiter where it makes a memory; here it does not.
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                self.store.data_mut().memory_growing(0, bytes, None).map_err(MemoryError::from)?;
                memory.linker.instantiate_and_start(&mut *self.store, module)
            }
            (None, Some(ty)) => {
                let memory = self.large_memory(ty)?;
                with_memory(linker, memory)?.instantiate_and_start(&mut *self.store, module)
            }
            (None, None) => linker.instantiate_and_start(&mut *self.store, module),
        }
    }
}

impl PooledStore {
    /// Creates a memory in pieces: the engine clears all of it in one go.
    fn large_memory(&mut self, ty: MemoryType) -> Result<Memory, wasmi::Error> {
        let max = ty.maximum().map(|max| u32::try_from(max).unwrap_or(u32::MAX));
        let mut pages = ty.minimum();
        self.store.data_mut().growth.begin_initial(usize::try_from(pages.saturating_mul(PAGE)).unwrap_or(usize::MAX));
        let piece = pages.min(pieces::PAGES.into());
        let memory = Memory::new(&mut *self.store, MemoryType::new(piece as u32, max))?;
        pages -= piece;
        while pages > 0 {
            if let Err(reason) = self.store.data().check_interrupt() {
                let host = self.store.data_mut();
                host.growth.abandon();
                host.stop = Some(reason);
                // The reason is in the store.
                return Err(wasmi::Error::i32_exit(0));
            }
            let piece = pages.min(pieces::PAGES.into());
            memory.grow(&mut *self.store, piece)?;
            pages -= piece;
        }
        Ok(memory)
    }
}

impl Deref for PooledStore {
    type Target = Store<Host>;

    fn deref(&self) -> &Store<Host> {
        &self.store
    }
}

impl DerefMut for PooledStore {
    fn deref_mut(&mut self) -> &mut Store<Host> {
        &mut self.store
    }
}

impl Drop for PooledStore {
    fn drop(&mut self) {
        let Some((pool, memory)) = self.pooled.take() else { return };
        let engine = self.store.engine().clone();
        // A field cannot be moved out in `drop`.
        let store = mem::replace(&mut self.store, Box::new(Store::new(&engine, Host::empty())));
        let idle = IdleStore { store, memory };
        if self.reusable {
            pool.release(idle);
        } else {
            pool.discard();
        }
    }
}

/// Returns the type of the only memory of a module, if the module defines it and it is large.
fn large_memory(inspection: &Inspection) -> Option<MemoryType> {
    let [memory] = inspection.memories[..] else { return None };
    let imported = inspection.imports.iter().any(|import| matches!(import.ty, ExternType::Memory(_)));
    if imported || memory.min_pages < MIN_PAGES {
        return None;
    }
    let max = memory.max_pages.map(|max| u32::try_from(max).unwrap_or(u32::MAX));
    Some(MemoryType::new(u32::try_from(memory.min_pages).ok()?, max))
}

fn store(engine: &Engine, host: Host) -> Box<Store<Host>> {
    let mut store = Box::new(Store::new(engine, host));
    store.limiter(|host| host);
    store
}

fn with_memory(linker: &Linker<Host>, memory: Memory) -> Result<Linker<Host>, wasmi::errors::LinkerError> {
    let mut linker = linker.clone();
    linker.define(IMPORT.0, IMPORT.1, memory)?;
    Ok(linker)
}
