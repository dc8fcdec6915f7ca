//! The modules that `execute` has run last, loaded: the next run of the same bytes loads nothing.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::mem::size_of;

use spin::Mutex;

use crate::{
    config::{Config, bound},
    error::Error,
    module::{self, Module},
    observe::cache,
};

/// Those of all threads.
static RECENT: Mutex<Recent> = Mutex::new(Recent { modules: VecDeque::new(), bytes: 0 });

struct Recent {
    /// The one used last is at the back.
    modules: VecDeque<Kept>,
    /// The sum of what they take.
    bytes: u64,
}

struct Kept {
    sketch: Sketch,
    loaded: Arc<Loaded>,
}

struct Loaded {
    wasm: Bytes,
    module: Module,
    /// What all of it takes, at most.
    bytes: u64,
}

/// The bytes of a module, as the caller has them.
#[derive(Clone, Copy)]
pub(crate) enum Wasm<'a> {
    Borrowed(&'a [u8]),
    Shared(&'a Arc<[u8]>),
}

enum Bytes {
    Copied(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl<'a> Wasm<'a> {
    pub(crate) fn get(self) -> &'a [u8] {
        match self {
            Wasm::Borrowed(bytes) => bytes,
            Wasm::Shared(bytes) => bytes,
        }
    }

    /// To be kept, if there is memory for a copy.
    fn to_bytes(self) -> Option<Bytes> {
        let bytes = match self {
            Wasm::Borrowed(bytes) => bytes,
            Wasm::Shared(bytes) => return Some(Bytes::Shared(Arc::clone(bytes))),
        };
        let mut copy = Vec::new();
        copy.try_reserve_exact(bytes.len()).ok()?;
        copy.extend_from_slice(bytes);
        Some(Bytes::Copied(copy))
    }
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Bytes::Copied(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
        }
    }
}

impl Loaded {
    /// What is in the same place is the same: it is kept, so that nobody can change it.
    fn shares(&self, wasm: Wasm<'_>) -> bool {
        core::ptr::eq(self.wasm.get(), wasm.get())
    }

    fn is(&self, wasm: Wasm<'_>, config: &Config) -> bool {
        self.module.policy().config == *config && (self.shares(wasm) || self.wasm.get() == wasm.get())
    }
}

/// The module of exactly these bytes under exactly this configuration, if it is kept.
///
/// # Errors
///
/// A panic of a subscriber of `tracing`.
pub(crate) fn find(wasm: Wasm<'_>, config: &Config) -> Result<Option<Module>, Error> {
    if !keeps(config) {
        return Ok(None);
    }
    let (sketch, len) = (Sketch::of(wasm.get()), wasm.get().len() as u64);
    // The lock is for taking them out; whether one is the right one may take long to say.
    let alike = RECENT.lock().alike(&sketch);
    let Some(loaded) = alike.iter().find(|loaded| loaded.is(wasm, config)) else {
        cache::miss("memory", len, "absent").map_err(module::subscriber)?;
        return Ok(None);
    };
    let module = loaded.module.clone();
    // Where the caller shares its bytes, the next call need not compare them.
    let shared = match wasm {
        Wasm::Shared(bytes) if !loaded.shares(wasm) => {
            let (wasm, module) = (Bytes::Shared(Arc::clone(bytes)), module.clone());
            Some(Arc::new(Loaded { wasm, module, bytes: loaded.bytes }))
        }
        _ => None,
    };
    RECENT.lock().used(loaded, shared);
    cache::hit("memory", len).map_err(module::subscriber)?;
    Ok(Some(module))
}

/// Keeps a module for the next run, and drops those that were used longest ago until all that are kept are
/// within `module_cache_bytes` of its configuration.
///
/// # Errors
///
/// A panic of a subscriber of `tracing`.
pub(crate) fn keep(wasm: Wasm<'_>, module: &Module) -> Result<(), Error> {
    let config = &module.policy().config;
    let limit = config.module_cache_bytes;
    let own = (size_of::<Loaded>() + 2 * size_of::<Kept>() + size_of::<Config>()) as u64;
    let bytes = own + bound::kept_bytes(module.work(), wasm.get().len() as u64) + texts(config);
    if !keeps(config) || bytes > limit {
        return Ok(());
    }
    let sketch = Sketch::of(wasm.get());
    let Some(wasm) = wasm.to_bytes() else { return Ok(()) };
    let loaded = Arc::new(Loaded { wasm, module: module.clone(), bytes });
    // They are dropped when the lock is not held any more.
    let (evicted, all) = {
        let mut recent = RECENT.lock();
        (recent.push(Kept { sketch, loaded }, limit), recent.bytes)
    };
    cache::kept("memory", bytes, all).map_err(module::subscriber)?;
    if !evicted.is_empty() {
        cache::evicted("memory", evicted.len() as u64).map_err(module::subscriber)?;
    }
    Ok(())
}

/// What is open to the world outside is opened for each call.
fn keeps(config: &Config) -> bool {
    config.module_cache_bytes > 0 && config.wasi.dirs.is_empty() && config.http.allow.is_empty()
}

/// What a configuration takes beside its numbers.
fn texts(config: &Config) -> u64 {
    /// A text and its place in a list or a tree.
    const PLACE: usize = 128;
    let wasi = &config.wasi;
    let files = wasi.files.iter().map(|(path, bytes)| path.len() + bytes.len());
    let env = wasi.env.iter().map(|(name, value)| name.len() + value.len());
    let words = wasi.args.iter().chain(&config.grants).chain([&wasi.program]).map(|text| text.len());
    files.chain(env).chain(words).map(|bytes| (bytes + PLACE) as u64).sum()
}

impl Recent {
    fn alike(&self, sketch: &Sketch) -> Vec<Arc<Loaded>> {
        let alike = self.modules.iter().rev().filter(|kept| kept.sketch == *sketch);
        alike.map(|kept| Arc::clone(&kept.loaded)).collect()
    }

    /// Moves one to the back, or what takes its place, if it is still there.
    fn used(&mut self, loaded: &Arc<Loaded>, other: Option<Arc<Loaded>>) {
        let at = self.modules.iter().rposition(|kept| Arc::ptr_eq(&kept.loaded, loaded));
        if let Some(Kept { sketch, loaded }) = at.and_then(|at| self.modules.remove(at)) {
            self.modules.push_back(Kept { sketch, loaded: other.unwrap_or(loaded) });
        }
    }

    /// Adds one, and gives back those that it takes the place of.
    fn push(&mut self, kept: Kept, limit: u64) -> Vec<Kept> {
        let mut evicted = Vec::new();
        self.bytes += kept.loaded.bytes;
        self.modules.push_back(kept);
        while self.bytes > limit
            && let Some(oldest) = self.modules.pop_front()
        {
            self.bytes -= oldest.loaded.bytes;
            evicted.push(oldest);
        }
        evicted
    }
}

/// What tells most modules apart at a glance: the length, and bytes from all over.
#[derive(PartialEq, Eq)]
struct Sketch {
    len: usize,
    bytes: [u8; 32],
}

impl Sketch {
    fn of(wasm: &[u8]) -> Sketch {
        // From the end, where modules differ rather than where they begin.
        let step = wasm.len().div_ceil(32).max(1);
        let mut sketch = Sketch { len: wasm.len(), bytes: [0; 32] };
        for (place, byte) in sketch.bytes.iter_mut().zip(wasm.iter().rev().step_by(step)) {
            *place = *byte;
        }
        sketch
    }
}
