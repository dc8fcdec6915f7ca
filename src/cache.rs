//! Modules that have loaded, remembered in a folder: the next process need not load them whole.

use std::path::PathBuf;

use self::{
    entry::Entry,
    folder::{Folder, Found},
};
use crate::{Error, Module, Sandbox, module, observe, pin::Pin};

mod entry;
mod folder;
#[cfg(unix)]
mod key;
#[cfg(not(unix))]
#[path = "cache/no_key.rs"]
mod key;

/// A folder that remembers which modules have loaded, and what was learned of them.
///
/// The modules themselves are not in it. What is in it is authenticated with a key: whoever can write to the
/// folder but does not know the key can have a module loaded whole again, and nothing else. Any number of
/// threads and processes can share a folder.
///
/// See [`docs::cache`](crate::docs::cache) for an example, and for what it is worth.
#[derive(Debug)]
pub struct ModuleCache {
    folder: Folder,
    key: Secret,
}

/// Not to be printed.
struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Why a folder cannot be used with a key that is kept in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The folder or the key cannot be made or read.
    #[error("{}: {kind}", path.display())]
    Io {
        /// What could not be made or read.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// Somebody else could have the key, or put another in its place.
    #[error("{}: {why}", path.display())]
    Unsafe {
        /// The folder or the key.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl ModuleCache {
    /// What a folder holds at most unless told otherwise, in bytes.
    pub const DEFAULT_MAX_BYTES: u64 = 64 << 20;

    /// A cache in this folder, which is made when something is first kept.
    ///
    /// The key is 32 random bytes that are secret: whoever has it can make the engine translate anything. What
    /// was kept under another key is not found.
    pub fn open(folder: impl Into<PathBuf>, key: [u8; 32]) -> ModuleCache {
        ModuleCache { folder: Folder::new(folder.into(), ModuleCache::DEFAULT_MAX_BYTES), key: Secret(key) }
    }

    /// A cache in this folder with a key that is kept in it, in the file `key`. Both are made if they are not
    /// there, for nobody but this user.
    ///
    /// # Errors
    ///
    /// [`CacheError::Unsafe`] if either belongs to another user, others can read the key, or others can write
    /// to the folder; everywhere but on Unix, where this cannot be asked. [`CacheError::Io`] otherwise.
    pub fn open_private(folder: impl Into<PathBuf>) -> Result<ModuleCache, CacheError> {
        let folder = folder.into();
        let key = key::of(&folder)?;
        Ok(ModuleCache::open(folder, key))
    }

    /// Sets what the folder holds at most, in bytes: what was kept longest ago is removed first.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> ModuleCache {
        self.folder.max_bytes = bytes;
        self
    }
}

impl Sandbox {
    /// Loads a module as one that is [pinned](Sandbox::load_pinned), if the cache remembers that these bytes
    /// have loaded under the same rules; else whole, to be remembered.
    ///
    /// A folder that cannot be read or written is no error: the module is loaded whole then, and `tracing` is
    /// told.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load). Modules that are refused are not remembered.
    pub fn load_cached(&self, wasm: &[u8], cache: &ModuleCache) -> Result<Module, Error> {
        const CACHE: &str = "disk";
        module::check_size(wasm, self.config())?;
        let size = wasm.len() as u64;
        let entry = Entry::of(Pin::of(wasm, self.config()), &cache.key.0);
        let why = match cache.folder.read(&entry.name()) {
            Found::Bytes(bytes) => {
                if let Some(facts) = entry.open(&bytes)
                    && let Some(module) = Module::load_known(wasm, Some(facts), self.policy())?
                {
                    observe::cache::hit(CACHE, size).map_err(module::subscriber)?;
                    return Ok(module);
                }
                "unfit"
            }
            Found::Nothing => "absent",
            Found::Unreadable => "unreadable",
        };
        observe::cache::miss(CACHE, size, why).map_err(module::subscriber)?;
        let (module, facts) = Module::load_noting(wasm, self.policy())?;
        match cache.folder.write(&entry.name(), &entry.seal(&facts)) {
            Ok(written) => {
                observe::cache::kept(CACHE, written.bytes, written.all_bytes).map_err(module::subscriber)?;
                if written.removed > 0 {
                    observe::cache::evicted(CACHE, written.removed).map_err(module::subscriber)?;
                }
            }
            Err(error) => observe::cache::unusable(CACHE, error.kind()).map_err(module::subscriber)?,
        }
        Ok(module)
    }
}
