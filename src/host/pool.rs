//! Pool of the memories and stores of one module, which later runs and instances use again.
//!
//! A module with one memory is rewritten to import it, so that it can lie on a mapping of the host: it grows in place,
//! up to the limit, and the system supplies its pages when they are touched. The engine writes zeros over a memory that
//! it creates, and over what a growth adds. Three things are kept, so that little has to be written or supplied:
//!
//! * *A store whose run has ended and did not grow its memory*. What the run touched is zeroed, and the next run has a
//!   new instance, with new globals, tables and segments, in the same store. A store keeps what earlier instances left
//!   in it, so that the number of runs it serves is limited.
//! * *The mapping of any other run*: memories do not shrink, and a run that was stopped may be in the middle of a call.
//!   The next run has a new store, and the engine writes its zeros to pages that are there already.
//! * *The pages of a mapping whose memory is to be read as zeros but is not used yet*, that of an instance or of a store
//!   that [`Pool::prepare`] makes. When the engine has written its zeros, they are moved to another mapping, for the
//!   next such memory.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    mem,
    ops::{Deref, DerefMut},
};

use wasmi::{Engine, Extern, Func, Instance, Memory, MemoryType, ResourceLimiter, Store, errors::MemoryError};

use crate::{
    config::{
        Config,
        bound::{SPARE_BYTES, STORE_BYTES},
    },
    data::inspect::{ExternType, Inspection, PAGE},
    engine::meter,
    host::{Host, growth, import::Import, pieces},
    sync::Mutex,
};

#[cfg_attr(not(all(feature = "pooling", target_os = "linux", target_pointer_width = "64")), path = "pool/disabled.rs")]
mod mapping;

use self::mapping::Mapping;

/// The name a module imports its memory by.
pub(crate) const IMPORT: (&str, &str) = ("belljar", "memory");

/// Stores and mappings that the runs of a module share, unless [`Pool::prepare`] asked for more.
const DEFAULT_STORES: usize = 16;

/// Fewest runs of a store for which keeping it pays off.
const MIN_USES: u64 = 16;
const MAX_USES: u64 = 1024;

/// Bytes that an instance leaves in its store for each function, global, segment and export.
const PART_BYTES: u64 = 64;
const ELEMENT_BYTES: u64 = 16;
const INSTANCE_BYTES: u64 = 1024;

/// Purpose of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// One run, which is short.
    Run,
    /// An instance, which stays: there may be many, and each takes the pages that it has touched.
    Instance,
}

/// Pool of the memories and stores of one module.
#[derive(Default)]
pub(crate) struct Pool {
    /// Type of the memory that the module imports, if it is rewritten to import one.
    memory: Option<MemoryType>,
    plan: Option<MemoryPlan>,
    state: Mutex<State>,
}

/// Sizes of the mapped memories of a module.
#[derive(Debug, Clone, Copy)]
struct MemoryPlan {
    ty: MemoryType,
    min_bytes: u64,
    /// Largest size that a growth can reach.
    max_bytes: u64,
    /// Limit of a run for which that is so.
    limit: u64,
    /// Initial elements of all tables.
    elements: u64,
    /// Runs that a store serves; 0 if it is not worth keeping.
    uses: u64,
}

#[derive(Default)]
struct State {
    idle: Vec<IdleStore>,
    /// Mappings that no memory lies on, the oldest first.
    spare: Vec<Pages>,
    /// Idle stores, and those and the mappings that runs use.
    made: usize,
    /// Stores that may exist, where more than [`DEFAULT_STORES`] were asked for.
    kept: usize,
    /// Whether the module has run before. The first run has no mapping: there may be no second.
    was_run: bool,
    /// Whether a run grew its memory; the next run is expected to do the same.
    grows: bool,
}

/// Store of a run or an instance. Store or mapping return to their pool when it is dropped.
pub(crate) struct PooledStore {
    // Boxed: it is large, and runs are moved. Dropped before the lease: its memory lies on that mapping.
    store: Box<Store<Host>>,
    /// Type of the memory that the module imports, if it was rewritten to import one.
    imported: Option<MemoryType>,
    /// The imports, once they are created.
    ready: Option<Ready>,
    lease: Option<Lease>,
    /// Whether the run ended by itself, so that no call is in flight and the store can be used again.
    pub(crate) reusable: bool,
}

/// Memory and host functions in a store. They are made once for all runs of the store: each function that is made takes a
/// lock of the engine, which all threads share.
struct Ready {
    memory: Memory,
    /// Imports of the module, in its order; empty before the first run.
    imports: Vec<Extern>,
    /// Functions of the host that the normal form calls, if it does.
    helpers: Option<Helpers>,
}

/// Functions of the host that the normal form calls through a table, with their slots in it.
type Helpers = [(u64, Func); 2];

/// Idle store, whose memory is zeros. The store is dropped first: the memory lies on the mapping.
struct IdleStore {
    store: Box<Store<Host>>,
    ready: Ready,
    mapping: Mapping,
    uses: u64,
}

/// Mapping for memories, one after another. The engine writes zeros over all of it that a memory has, so that it may
/// contain anything before.
struct Pages {
    mapping: Mapping,
    /// Bytes of it that may be resident.
    resident: u64,
}

/// What a pool has for a new store.
enum Taken {
    Store(IdleStore),
    Pages {
        pages: Pages,
        /// Whether the memory is expected to grow.
        grows: bool,
    },
}

/// Mapping in use, which returns to its pool when dropped.
struct Lease {
    pool: Arc<Pool>,
    plan: MemoryPlan,
    purpose: Purpose,
    /// The mapping, until its store is idle again.
    pages: Option<Pages>,
    /// Size of the memory on it.
    size: u64,
    /// Runs that the store has served, with this one.
    uses: u64,
    grows: bool,
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
        let min_bytes = ty.minimum() * PAGE;
        let declared = ty.maximum().map_or(u64::MAX, |pages| pages.saturating_mul(PAGE));
        let limit = config.limits.memory_bytes;
        // A smaller mapping would make a growth fail that succeeds without the pool.
        let max_bytes = (limit / PAGE * PAGE).min(declared).max(min_bytes);
        let uses = if uses < MIN_USES { 0 } else { uses.min(MAX_USES) };
        (max_bytes > 0).then_some(MemoryPlan { ty, min_bytes, max_bytes, limit, elements, uses })
    }

    fn map(&self) -> Option<Pages> {
        Some(Pages { mapping: Mapping::new(usize::try_from(self.max_bytes).ok()?)?, resident: 0 })
    }

    /// Makes an idle store; also returns the pages that its memory does not need.
    fn make(&self, spare: Option<Pages>, engine: &Engine, host: Host) -> Option<(IdleStore, Option<Pages>)> {
        let mut pages = spare.or_else(|| self.map())?;
        // Declared after the mapping, so that it is dropped first. Not limited yet: this memory is charged to no run.
        let mut store = Box::new(Store::new(engine, host));
        let memory = pages.mapping.memory(&mut store, self.ty).ok()?;
        let rest = pages.detach(self.min_bytes);
        store.limiter(|host| host);
        let ready = Ready { memory, imports: Vec::new(), helpers: None };
        Some((IdleStore { store, ready, mapping: pages.mapping, uses: 0 }, rest))
    }
}

impl Pages {
    /// Moves the pages of a memory of this size, which are zeros as yet, to another mapping.
    fn detach(&mut self, size: u64) -> Option<Pages> {
        let mapping = self.mapping.detach()?;
        let resident = mem::take(&mut self.resident).max(size);
        Some(Pages { mapping, resident })
    }
}

impl Pool {
    /// Returns the pool of a module whose memory may be imported.
    pub(crate) fn new(inspection: &Inspection, config: &Config) -> Pool {
        let memory = only_memory(inspection);
        let plan = memory.and_then(|ty| MemoryPlan::new(inspection, config, ty));
        // A large memory is imported in any case, so that it is created in pieces.
        let memory = memory.filter(|ty| plan.is_some() || ty.minimum() > pieces::PAGES.into());
        Pool { memory, plan, state: Mutex::default() }
    }

    /// Returns whether the pool creates the memory of the module.
    pub(crate) fn makes_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Returns a store: an idle one, or a fresh one.
    pub(crate) fn acquire(self: &Arc<Self>, engine: &Engine, host: Host, purpose: Purpose) -> PooledStore {
        let plan = self.plan.filter(|plan| host.growth.memory.limit() <= plan.limit);
        let lease = |plan: MemoryPlan, pages, uses, grows| {
            let (pool, pages) = (Arc::clone(self), Some(pages));
            Some(Lease { pool, plan, purpose, pages, size: plan.min_bytes, uses, grows })
        };
        let (store, ready, lease) = match plan.and_then(|plan| Some((plan, self.take(&plan, purpose)?))) {
            Some((plan, Taken::Store(IdleStore { mut store, ready, mapping, uses }))) => {
                // This fails only with metering off.
                let _ = meter::set_fuel(&mut *store, 0);
                *store.data_mut() = host;
                (store, Some(ready), lease(plan, Pages { mapping, resident: 0 }, uses + 1, false))
            }
            Some((plan, Taken::Pages { pages, grows })) => {
                (new_store(engine, host), None, lease(plan, pages, 1, grows))
            }
            None => (new_store(engine, host), None, None),
        };
        PooledStore { store, imported: self.memory, ready, lease, reusable: false }
    }

    fn take(&self, plan: &MemoryPlan, purpose: Purpose) -> Option<Taken> {
        let mut state = self.state.lock();
        if purpose == Purpose::Run {
            if let Some(idle) = state.idle.pop() {
                return Some(Taken::Store(idle));
            }
            let is_first = !mem::replace(&mut state.was_run, true);
            if is_first || state.made >= state.limit() {
                return None;
            }
            state.made += 1;
        }
        let (spare, grows) = (state.spare.pop(), state.grows);
        drop(state);
        let pages = spare.or_else(|| plan.map());
        if pages.is_none() && purpose == Purpose::Run {
            self.state.lock().made -= 1;
        }
        pages.map(|pages| Taken::Pages { pages, grows })
    }

    /// Makes stores until `wanted` are idle, or one cannot be made. Returns the number of idle stores.
    pub(crate) fn prepare(&self, wanted: usize, engine: &Engine, host: impl Fn() -> Host) -> usize {
        let Some(plan) = self.plan.filter(|plan| plan.uses > 0) else { return 0 };
        let mut state = self.state.lock();
        state.kept = state.kept.max(wanted);
        state.grows = false;
        while state.idle.len() < wanted {
            let spare = state.spare.pop();
            drop(state);
            let made = plan.make(spare, engine, host());
            state = self.state.lock();
            let Some((idle, rest)) = made else { break };
            state.made += 1;
            state.idle.push(idle);
            rest.map(|rest| state.keep(rest));
        }
        state.idle.len()
    }
}

impl State {
    fn limit(&self) -> usize {
        self.kept.max(DEFAULT_STORES)
    }

    /// Keeps a mapping; returns those for which there is no room, to be unmapped without the lock.
    fn keep(&mut self, pages: Pages) -> Vec<Pages> {
        self.spare.push(pages);
        let mut resident = 0;
        let newest = self.spare.iter().rev().take(self.limit()).take_while(|pages| {
            resident += pages.resident;
            resident <= SPARE_BYTES
        });
        let refused = self.spare.len() - newest.count();
        self.spare.drain(..refused).collect()
    }
}

impl PooledStore {
    /// Instantiates a module with these imports in this store.
    pub(crate) fn instantiate(&mut self, imports: &[Import], module: &wasmi::Module) -> Result<Instance, wasmi::Error> {
        let Some(ty) = self.imported else {
            let imports = Import::make(imports, &mut self.store, None, |_| None);
            return Instance::new(&mut *self.store, module, &imports);
        };
        let bytes = usize::try_from(ty.minimum().saturating_mul(PAGE)).unwrap_or(usize::MAX);
        self.store.data_mut().growth.begin_initial(bytes);
        let mut ready = match self.ready.take() {
            Some(ready) => {
                // The engine asks the limiter where it creates a memory; here it does not.
                self.store.data_mut().memory_growing(0, bytes, None).map_err(MemoryError::from)?;
                ready
            }
            None => Ready { memory: self.create(ty)?, imports: Vec::new(), helpers: None },
        };
        if ready.imports.is_empty() {
            ready.imports = Import::make(imports, &mut self.store, Some(ready.memory), |_| None);
        }
        let instance = Instance::new(&mut *self.store, module, &self.ready.insert(ready).imports);
        // Traced after the tables, as where the engine creates it.
        let traced = self.store.data_mut().observed("memory", 0, bytes).map_err(MemoryError::from);
        let instance = instance?;
        traced?;
        Ok(instance)
    }

    /// Returns the functions of the host that the normal form calls.
    pub(crate) fn helpers(&mut self) -> Helpers {
        if let Some(helpers) = self.ready.as_ref().and_then(|ready| ready.helpers) {
            return helpers;
        }
        let top_up = Func::wrap(&mut *self.store, growth::top_up);
        let next = Func::wrap(&mut *self.store, pieces::next);
        let helpers = [(pieces::TOP_UP.into(), top_up), (pieces::NEXT.into(), next)];
        if let Some(ready) = &mut self.ready {
            ready.helpers = Some(helpers);
        }
        helpers
    }

    /// Creates the memory, in pieces: the engine writes zeros over all of it in one go.
    fn create(&mut self, ty: MemoryType) -> Result<Memory, wasmi::Error> {
        let max = ty.maximum().map(|max| u32::try_from(max).unwrap_or(u32::MAX));
        let mut pages = ty.minimum();
        let piece = pages.min(pieces::PAGES.into());
        let first = MemoryType::new(piece as u32, max);
        let memory = match self.lease.as_mut().and_then(|lease| lease.pages.as_mut()) {
            Some(pages) => pages.mapping.memory(&mut self.store, first)?,
            None => Memory::new(&mut *self.store, first)?,
        };
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
        if let Some(lease) = &mut self.lease {
            lease.detach();
        }
        Ok(memory)
    }
}

impl Lease {
    /// Gives the pages of an instance's memory back: there is nothing in them yet.
    fn detach(&mut self) {
        if self.purpose == Purpose::Instance
            && let Some(rest) = self.pages.as_mut().and_then(|pages| pages.detach(self.plan.min_bytes))
        {
            let _refused = self.pool.state.lock().keep(rest);
        }
    }

    fn has_grown(&self) -> bool {
        self.size != self.plan.min_bytes
    }

    /// Returns whether the store can serve another run, after a run that ended with this state.
    fn keeps_store(&self, host: &Host) -> bool {
        let is_run = self.purpose == Purpose::Run && !self.grows && !self.has_grown();
        // A table that has grown stays in the store.
        is_run && host.growth.tables.peak <= self.plan.elements && self.uses < self.plan.uses
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Without pages the store is idle.
        let Some(mut pages) = self.pages.take() else { return };
        pages.resident = pages.resident.max(self.size);
        let _refused = {
            let mut state = self.pool.state.lock();
            if self.purpose == Purpose::Run {
                state.made -= 1;
                state.grows |= self.has_grown();
            }
            state.keep(pages)
        };
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
    /// Makes the store idle if it can serve another run. If not, it is dropped, and after it the lease.
    fn drop(&mut self) {
        let (Some(lease), Some(ready)) = (&mut self.lease, &self.ready) else { return };
        lease.size = ready.memory.data_size(&*self.store) as u64;
        if !self.reusable || !lease.keeps_store(self.store.data()) {
            return;
        }
        self.store.data_mut().clear();
        let bytes = ready.memory.data_mut(&mut *self.store);
        if !lease.pages.as_mut().is_some_and(|pages| pages.mapping.zero(bytes)) {
            return;
        }
        let Some((ready, pages)) = self.ready.take().zip(lease.pages.take()) else { return };
        let engine = self.store.engine().clone();
        // A field cannot be moved out in `drop`.
        let store = mem::replace(&mut self.store, Box::new(Store::new(&engine, Host::empty())));
        lease.pool.state.lock().idle.push(IdleStore { store, ready, mapping: pages.mapping, uses: lease.uses });
    }
}

/// Returns the type of the only memory of a module, if the module defines it.
fn only_memory(inspection: &Inspection) -> Option<MemoryType> {
    let [memory] = inspection.memories[..] else { return None };
    if inspection.imports.iter().any(|import| matches!(import.ty, ExternType::Memory(_))) {
        return None;
    }
    let max = memory.max_pages.map(|max| u32::try_from(max).unwrap_or(u32::MAX));
    Some(MemoryType::new(u32::try_from(memory.min_pages).ok()?, max))
}

fn new_store(engine: &Engine, host: Host) -> Box<Store<Host>> {
    let mut store = Box::new(Store::new(engine, host));
    store.limiter(|host| host);
    store
}
