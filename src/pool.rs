//! Stores that serve one run after another, in memories that are zeros again.
//!
//! The engine writes zeros over all of a memory before a run, and most runs touch little of it. Where the
//! system tells what was touched, only that is zeroed, after the run. The module is rewritten to import its
//! memory; everything else of it - globals, tables, segments - is made anew for each run, in the same
//! store, and what a store keeps of the instances before it bounds how many runs it serves.
//!
//! A run that is stopped, or grows its memory, takes its store with it.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    mem,
    ops::{Deref, DerefMut},
};

use spin::Mutex;
use wasmi::{Engine, Instance, Linker, Memory, MemoryType, ResourceLimiter, Store, errors::MemoryError};

use crate::{
    config::{Config, bound::STORE_BYTES},
    host::{Host, pieces},
    inspect::{ExternType, Inspection, PAGE},
    meter,
};

#[cfg_attr(not(all(feature = "pooling", target_os = "linux", target_pointer_width = "64")), path = "pool/absent.rs")]
mod mapping;

use self::mapping::Mapping;

/// The name a module imports its memory by.
pub(crate) const IMPORT: (&str, &str) = ("belljar", "memory");

/// From so many pages on it is faster to ask what was touched than to write zeros over all.
const MIN_PAGES: u64 = 4;

/// Stores that a module keeps for runs at the same time, if nobody asks for more.
const KEPT: usize = 8;

/// The fewest runs for which it is worth while to make a memory of the system's.
const MIN_USES: u64 = 16;
const MAX_USES: u64 = 1024;

/// What an instance leaves for each function, global, segment and export.
const PART_BYTES: u64 = 64;
const ELEMENT_BYTES: u64 = 16;
const INSTANCE_BYTES: u64 = 1024;

/// The stores of one module.
#[derive(Default)]
pub(crate) struct Pool {
    /// The memory that the module imports, if it is rewritten to.
    memory: Option<MemoryType>,
    recipe: Option<Recipe>,
    state: Mutex<State>,
}

/// How memories are made.
#[derive(Debug, Clone, Copy)]
struct Recipe {
    ty: MemoryType,
    min_bytes: u64,
    /// Of all tables, at the start.
    elements: u64,
    /// What it can grow to.
    max_bytes: u64,
    /// How many runs a store serves.
    uses: u64,
}

#[derive(Default)]
struct State {
    idle: Vec<Slot>,
    /// How many there are, idle or not.
    made: usize,
    /// How many there may be, if somebody asked for more than [`KEPT`].
    kept: usize,
    /// Whether the module has been run: one that is run once only needs none of this.
    was_run: bool,
    /// Whether a run grew its memory, as the next one would.
    grows: bool,
}

/// The store of one run. It is boxed, since it is large, and a run handed from hand to hand.
pub(crate) struct Place {
    store: Box<Store<Host>>,
    ground: Option<(Arc<Pool>, Ground)>,
    /// The memory that the module imports, if it was rewritten to.
    memory: Option<MemoryType>,
    /// Whether the run came to an end of its own, so that nothing is in flight.
    pub(crate) is_at_rest: bool,
}

/// A store that is kept, and what it is made on, which is dropped after it.
struct Slot {
    store: Box<Store<Host>>,
    ground: Ground,
}

/// What a store is made on.
struct Ground {
    linker: Linker<Host>,
    memory: Memory,
    mapping: Mapping,
    uses: u64,
}

impl Recipe {
    fn new(inspection: &Inspection, config: &Config, ty: MemoryType) -> Option<Recipe> {
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
        let declared = ty.maximum().map_or(u64::MAX, |pages| pages.saturating_mul(PAGE));
        Some(Recipe {
            ty,
            min_bytes,
            elements,
            // All that the limit allows to grow to, or else a growth would fail here and nowhere else.
            max_bytes: (config.limits.memory_bytes / PAGE * PAGE).min(declared).max(min_bytes),
            uses: uses.min(MAX_USES),
        })
    }
}

impl Pool {
    /// For a module whose memory may be imported.
    pub(crate) fn new(inspection: &Inspection, config: &Config) -> Pool {
        let memory = large_memory(inspection);
        let recipe = memory.and_then(|ty| Recipe::new(inspection, config, ty));
        // What is not recycled is made here to be made piece by piece.
        let memory = memory.filter(|ty| recipe.is_some() || ty.minimum() > pieces::PAGES.into());
        Pool { memory, recipe, state: Mutex::default() }
    }

    /// Whether it makes the module's memory: it is worth while.
    pub(crate) fn makes_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// A store for a run: one that is kept, or a fresh one.
    pub(crate) fn place(self: &Arc<Self>, engine: &Engine, linker: &Linker<Host>, host: impl Fn() -> Host) -> Place {
        let (store, ground) = match self.take(engine, linker, &host) {
            Some(mut slot) => {
                slot.ground.uses += 1;
                // Metering is always on, so that this does not fail.
                let _ = meter::fill(&mut *slot.store, 0);
                *slot.store.data_mut() = host();
                (slot.store, Some((Arc::clone(self), slot.ground)))
            }
            None => (store(engine, host()), None),
        };
        Place { store, ground, memory: self.memory, is_at_rest: false }
    }

    /// Makes stores until so many are ready; tells how many are.
    pub(crate) fn prepare(
        &self,
        wanted: usize,
        engine: &Engine,
        linker: &Linker<Host>,
        host: impl Fn() -> Host,
    ) -> usize {
        let Some(recipe) = &self.recipe else { return 0 };
        let mut state = self.state.lock();
        state.kept = state.kept.max(wanted);
        state.grows = false;
        while state.idle.len() < wanted {
            state.made += 1;
            drop(state);
            let made = recipe.make(engine, linker, &host);
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

    fn take(&self, engine: &Engine, linker: &Linker<Host>, host: impl Fn() -> Host) -> Option<Slot> {
        let recipe = self.recipe.as_ref()?;
        let mut state = self.state.lock();
        if let Some(idle) = state.idle.pop() {
            return Some(idle);
        }
        let first = !mem::replace(&mut state.was_run, true);
        if first || state.grows || state.made >= state.kept.max(KEPT) {
            return None;
        }
        state.made += 1;
        drop(state);
        let made = recipe.make(engine, linker, host);
        if made.is_none() {
            self.state.lock().made -= 1;
        }
        made
    }

    /// Takes back a store after a run.
    fn give_back(&self, mut slot: Slot) {
        let Some(recipe) = &self.recipe else { return };
        // What a table has grown to would stay in the store.
        let fits = slot.store.data().growth.tables.peak <= recipe.elements;
        slot.store.data_mut().clear();
        let bytes = slot.ground.memory.data_mut(&mut *slot.store);
        let grows = bytes.len() as u64 != recipe.min_bytes;
        let is_kept = fits && !grows && slot.ground.uses < recipe.uses && slot.ground.mapping.zero(bytes);
        let mut state = self.state.lock();
        state.grows |= grows;
        if is_kept {
            state.idle.push(slot);
        } else {
            state.made -= 1;
        }
    }

    /// Counts a store that does not come back.
    fn lose(&self) {
        self.state.lock().made -= 1;
    }
}

impl Recipe {
    fn make(&self, engine: &Engine, linker: &Linker<Host>, host: impl Fn() -> Host) -> Option<Slot> {
        let mut mapping = Mapping::new(usize::try_from(self.max_bytes).ok()?)?;
        // Dropped before the mapping, whatever fails; not limited yet, since what it makes is no run's.
        let mut store = Box::new(Store::new(engine, host()));
        let memory = mapping.memory(&mut store, self.ty)?;
        // The engine has written zeros, which the system need not keep.
        mapping.zero(memory.data_mut(&mut *store));
        store.limiter(|host| host);
        let linker = with_memory(linker, memory).ok()?;
        Some(Slot { store, ground: Ground { linker, memory, mapping, uses: 0 } })
    }
}

impl Place {
    /// Makes the instance of a module.
    pub(crate) fn instantiate(
        &mut self,
        linker: &Linker<Host>,
        module: &wasmi::Module,
    ) -> Result<Instance, wasmi::Error> {
        match (&self.ground, self.memory) {
            (Some((pool, ground)), _) => {
                let bytes = pool.recipe.map_or(0, |recipe| recipe.min_bytes);
                // As the engine asks where it makes a memory.
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                self.store.data_mut().memory_growing(0, bytes, None).map_err(MemoryError::from)?;
                ground.linker.instantiate_and_start(&mut *self.store, module)
            }
            (None, Some(ty)) => {
                let memory = self.large_memory(ty)?;
                with_memory(linker, memory)?.instantiate_and_start(&mut *self.store, module)
            }
            (None, None) => linker.instantiate_and_start(&mut *self.store, module),
        }
    }
}

impl Place {
    /// Makes a memory piece by piece, since the engine writes zeros over all of it.
    fn large_memory(&mut self, ty: MemoryType) -> Result<Memory, wasmi::Error> {
        let max = ty.maximum().map(|max| u32::try_from(max).unwrap_or(u32::MAX));
        let mut pages = ty.minimum();
        self.store.data_mut().growth.begin_initial(usize::try_from(pages.saturating_mul(PAGE)).unwrap_or(usize::MAX));
        let piece = pages.min(pieces::PAGES.into());
        let memory = Memory::new(&mut *self.store, MemoryType::new(piece as u32, max))?;
        pages -= piece;
        while pages > 0 {
            if let Err(reason) = self.store.data().ask() {
                let host = self.store.data_mut();
                host.growth.give_up();
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

impl Deref for Place {
    type Target = Store<Host>;

    fn deref(&self) -> &Store<Host> {
        &self.store
    }
}

impl DerefMut for Place {
    fn deref_mut(&mut self) -> &mut Store<Host> {
        &mut self.store
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((pool, ground)) = self.ground.take() else { return };
        let engine = self.store.engine().clone();
        // Nothing can be moved out of what is being dropped.
        let store = mem::replace(&mut self.store, Box::new(Store::new(&engine, Host::empty())));
        let slot = Slot { store, ground };
        if self.is_at_rest {
            pool.give_back(slot);
        } else {
            pool.lose();
        }
    }
}

/// The memory of a module that has one of its own and no other, which is large.
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
