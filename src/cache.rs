//! Known modules: pins, and a disk cache of module information, so that another process need not load a module in full.

use std::path::PathBuf;

use self::{
    entry::Entry,
    folder::{Folder, Found},
};
pub use crate::cache::pin::{Pin, PinError};
use crate::{Error, Module, Sandbox, load, observe};

mod entry;
mod folder;
#[cfg(unix)]
mod key;
#[cfg(not(unix))]
#[path = "cache/disabled.rs"]
mod key;
pub(crate) mod pin;

/// Folder that records which modules have loaded, and the information found on loading.
///
/// It does not hold the modules. Its files are authenticated with a key: write access to the folder without the
/// key can only cause modules to be loaded in full again. Any number of threads and processes can share a folder.
///
/// See [`docs::cache`](crate::docs::cache) for an example, and for what it saves.
#[derive(Debug)]
pub struct ModuleCache {
    folder: Folder,
    key: Secret,
}

/// Key, hidden from `Debug`.
struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Failure of [`ModuleCache::open_private`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The folder or the key cannot be created or read.
    #[error("{}: {kind}", path.display())]
    Io {
        /// Path of the folder or the key.
        path: PathBuf,
        /// Kind of the error.
        kind: std::io::ErrorKind,
    },
    /// Another user could read or replace the key.
    #[error("{}: {why}", path.display())]
    Unsafe {
        /// Path of the folder or the key.
        path: PathBuf,
        /// Description of the problem.
        why: &'static str,
    },
}

impl ModuleCache {
    /// Default limit of a folder, in bytes.
    pub const DEFAULT_MAX_BYTES: u64 = 64 << 20;

    /// Returns a cache in a folder, which is created on the first write.
    ///
    /// The key is 32 secret random bytes: with it, an attacker can make the engine translate code that was not
    /// validated. Entries written with another key are ignored.
    pub fn open(folder: impl Into<PathBuf>, key: [u8; 32]) -> ModuleCache {
        ModuleCache { folder: Folder::new(folder.into(), ModuleCache::DEFAULT_MAX_BYTES), key: Secret(key) }
    }

    /// Opens a cache in a folder whose key is in its file `key`. Creates both if they are missing, accessible to
    /// this user only.
    ///
    /// # Errors
    ///
    /// [`CacheError::Unsafe`] if either belongs to another user, others can read the key, or others can write to
    /// the folder; always on systems other than Unix, where this cannot be checked. [`CacheError::Io`] otherwise.
    pub fn open_private(folder: impl Into<PathBuf>) -> Result<ModuleCache, CacheError> {
        let folder = folder.into();
        let key = key::of(&folder)?;
        Ok(ModuleCache::open(folder, key))
    }

    /// Sets the limit of the folder in bytes. Beyond it, the oldest entries are removed first.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> ModuleCache {
        self.folder.max_bytes = bytes;
        self
    }
}

impl Sandbox {
    /// Loads a module like a [pinned](Sandbox::load_pinned) one if the cache has an entry for these bytes under
    /// the same rules; otherwise loads it in full and adds an entry.
    ///
    /// A folder that cannot be read or written is not an error: the module is loaded in full, and a `tracing`
    /// event reports it.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load). Refused modules are not cached.
    pub fn load_cached(&self, wasm: &[u8], cache: &ModuleCache) -> Result<Module, Error> {
        const CACHE: &str = "disk";
        load::check_size(wasm, self.config())?;
        let size = wasm.len() as u64;
        let entry = Entry::of(Pin::of(wasm, self.config()), &cache.key.0);
        let why = match cache.folder.read(&entry.name()) {
            Found::Bytes(bytes) => {
                if let Some(info) = entry.open(&bytes)
                    && let Some(module) = Module::load_verified(wasm, Some(info), self.policy())?
                {
                    observe::cache::hit(CACHE, size).map_err(load::subscriber_panic)?;
                    return Ok(module);
                }
                "unfit"
            }
            Found::Nothing => "absent",
            Found::Unreadable => "unreadable",
        };
        observe::cache::miss(CACHE, size, why).map_err(load::subscriber_panic)?;
        let (module, info) = Module::load_with_info(wasm, self.policy())?;
        match cache.folder.write(&entry.name(), &entry.seal(&info)) {
            Ok(written) => {
                observe::cache::kept(CACHE, written.bytes, written.all_bytes).map_err(load::subscriber_panic)?;
                if written.removed > 0 {
                    observe::cache::evicted(CACHE, written.removed).map_err(load::subscriber_panic)?;
                }
            }
            Err(error) => observe::cache::unusable(CACHE, error.kind()).map_err(load::subscriber_panic)?,
        }
        Ok(module)
    }
}
