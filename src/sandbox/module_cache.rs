//! In-memory cache of the modules that `execute` ran last, so that the same bytes are not loaded again.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::mem::size_of;

use crate::{
    config::{Config, bound},
    error::Error,
    load::{self, Module},
    observe::cache,
    sync::Mutex,
};

/// Cache of all threads.
static CACHE: Mutex<ModuleLru> = Mutex::new(ModuleLru { modules: VecDeque::new(), bytes: 0 });

struct ModuleLru {
    /// Least recently used first.
    modules: VecDeque<CacheEntry>,
    /// Sum of their sizes.
    bytes: u64,
}

struct CacheEntry {
    fingerprint: Fingerprint,
    loaded: Arc<CachedModule>,
}

struct CachedModule {
    wasm: Bytes,
    module: Module,
    /// Upper bound of the memory it takes.
    bytes: u64,
}

/// Bytes of a module, borrowed or shared by the caller.
#[derive(Clone, Copy)]
pub(super) enum Wasm<'a> {
    Borrowed(&'a [u8]),
    Shared(&'a Arc<[u8]>),
}

enum Bytes {
    Copied(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl<'a> Wasm<'a> {
    pub(super) fn get(self) -> &'a [u8] {
        match self {
            Wasm::Borrowed(bytes) => bytes,
            Wasm::Shared(bytes) => bytes,
        }
    }

    /// Copies or shares the bytes. Returns `None` if there is no memory for a copy.
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

impl CachedModule {
    /// Compares addresses: shared bytes are immutable while the cache holds them.
    fn shares(&self, wasm: Wasm<'_>) -> bool {
        core::ptr::eq(self.wasm.get(), wasm.get())
    }

    fn matches(&self, wasm: Wasm<'_>, config: &Config) -> bool {
        self.module.policy().config.loads_as(config) && (self.shares(wasm) || self.wasm.get() == wasm.get())
    }
}

/// Returns the cached module of exactly these bytes that can run under this configuration.
///
/// # Errors
///
/// A panic of a subscriber of `tracing`.
pub(super) fn find(wasm: Wasm<'_>, config: &Config) -> Result<Option<Module>, Error> {
    if !is_cacheable(config) {
        return Ok(None);
    }
    let (fingerprint, len) = (Fingerprint::of(wasm.get()), wasm.get().len() as u64);
    // Bytes are compared without the lock: that may take long.
    let (candidates, last) = CACHE.lock().candidates(&fingerprint);
    let Some(loaded) = candidates.iter().find(|loaded| loaded.matches(wasm, config)) else {
        cache::miss("memory", len, "absent").map_err(load::subscriber_panic)?;
        return Ok(None);
    };
    let module = loaded.module.clone();
    // Keep the bytes that the caller shares, so that the next call need not compare them.
    let shared = match wasm {
        Wasm::Shared(bytes) if !loaded.shares(wasm) => {
            let (wasm, module) = (Bytes::Shared(Arc::clone(bytes)), module.clone());
            Some(Arc::new(CachedModule { wasm, module, bytes: loaded.bytes }))
        }
        _ => None,
    };
    // Threads that execute the same module take the lock once.
    if shared.is_some() || last.is_none_or(|last| !Arc::ptr_eq(&last, loaded)) {
        CACHE.lock().touch(loaded, shared);
    }
    cache::hit("memory", len).map_err(load::subscriber_panic)?;
    Ok(Some(module))
}

/// Adds a module to the cache, and evicts the least recently used ones until the rest fits
/// `module_cache_bytes` of its configuration.
///
/// # Errors
///
/// A panic of a subscriber of `tracing`.
pub(super) fn keep(wasm: Wasm<'_>, module: &Module) -> Result<(), Error> {
    let config = &module.policy().config;
    let limit = config.module_cache_bytes;
    let own = (size_of::<CachedModule>() + 2 * size_of::<CacheEntry>() + size_of::<Config>()) as u64;
    let bytes = own + bound::kept_bytes(module.work(), wasm.get().len() as u64) + text_bytes(config);
    if !is_cacheable(config) || bytes > limit {
        return Ok(());
    }
    let fingerprint = Fingerprint::of(wasm.get());
    let Some(wasm) = wasm.to_bytes() else { return Ok(()) };
    let loaded = Arc::new(CachedModule { wasm, module: module.clone(), bytes });
    // Evicted modules are dropped after the lock is released.
    let (evicted, all) = {
        let mut recent = CACHE.lock();
        (recent.push(CacheEntry { fingerprint, loaded }, limit), recent.bytes)
    };
    cache::kept("memory", bytes, all).map_err(load::subscriber_panic)?;
    if !evicted.is_empty() {
        cache::evicted("memory", evicted.len() as u64).map_err(load::subscriber_panic)?;
    }
    Ok(())
}

/// Returns whether modules of a configuration are cached: directories and requests are opened for each call.
pub(super) fn is_cacheable(config: &Config) -> bool {
    config.module_cache_bytes > 0 && config.wasi.dirs.is_empty() && config.http.allow.is_empty()
}

/// Returns an upper bound of the bytes of a configuration's strings and files.
fn text_bytes(config: &Config) -> u64 {
    /// Bytes of a string header and its node in a list or a tree.
    const NODE: usize = 128;
    let wasi = &config.wasi;
    let files = wasi.files.iter().map(|(path, bytes)| path.len() + bytes.len());
    let env = wasi.env.iter().map(|(name, value)| name.len() + value.len());
    let words = wasi.args.iter().chain(&config.grants).chain([&wasi.program]).map(|text| text.len());
    files.chain(env).chain(words).map(|bytes| (bytes + NODE) as u64).sum()
}

impl ModuleLru {
    /// Returns the modules with a fingerprint, and the most recently used of all.
    fn candidates(&self, fingerprint: &Fingerprint) -> (Vec<Arc<CachedModule>>, Option<Arc<CachedModule>>) {
        let candidates = self.modules.iter().rev().filter(|kept| kept.fingerprint == *fingerprint);
        let last = self.modules.back().map(|kept| Arc::clone(&kept.loaded));
        (candidates.map(|kept| Arc::clone(&kept.loaded)).collect(), last)
    }

    /// Moves a module, or its replacement, to the back if it is still cached.
    fn touch(&mut self, loaded: &Arc<CachedModule>, other: Option<Arc<CachedModule>>) {
        let at = self.modules.iter().rposition(|kept| Arc::ptr_eq(&kept.loaded, loaded));
        if let Some(CacheEntry { fingerprint, loaded }) = at.and_then(|at| self.modules.remove(at)) {
            self.modules.push_back(CacheEntry { fingerprint, loaded: other.unwrap_or(loaded) });
        }
    }

    /// Adds a module, and returns those that were evicted.
    fn push(&mut self, kept: CacheEntry, limit: u64) -> Vec<CacheEntry> {
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

/// Cheap key that differs for most modules: the length, and 32 bytes spread over the module.
#[derive(PartialEq, Eq)]
pub(super) struct Fingerprint {
    len: usize,
    bytes: [u8; 32],
}

impl Fingerprint {
    pub(super) fn of(wasm: &[u8]) -> Fingerprint {
        // From the end: modules differ there more often than at their start.
        let step = wasm.len().div_ceil(32).max(1);
        let mut fingerprint = Fingerprint { len: wasm.len(), bytes: [0; 32] };
        for (sample, byte) in fingerprint.bytes.iter_mut().zip(wasm.iter().rev().step_by(step)) {
            *sample = *byte;
        }
        fingerprint
    }
}
