//! The numeric keys outside the sections.

use super::{Config, Key, MIB};

pub(super) const KEYS: [Key; 2] = [DEADLINE, MODULE_CACHE];

/// The key `deadline_ms`.
pub(super) const DEADLINE: Key = Key {
    path: "deadline_ms",
    unit: "milliseconds",
    min: 1,
    max: 31_536_000_000,
    plugin: 0,
    large: 0,
    enforced: "between slices of at most 100,000 fuel and pieces of 256 KiB; off unless set",
};

/// The key `module_cache_bytes`.
const MODULE_CACHE: Key = Key {
    path: "module_cache_bytes",
    unit: "bytes",
    min: 0,
    max: 1 << 40,
    plugin: MODULE_CACHE_BYTES,
    large: MODULE_CACHE_BYTES,
    enforced: "execute, when it keeps a module for the next call",
};

/// One default for both profiles.
pub(super) const MODULE_CACHE_BYTES: u64 = 128 * MIB;

pub(super) fn is_default_module_cache(bytes: &u64) -> bool {
    *bytes == MODULE_CACHE_BYTES
}

impl Config {
    /// The values, in the order of the keys (`None`: off).
    pub(super) fn alone(&self) -> [Option<u64>; 2] {
        [self.deadline_ms, Some(self.module_cache_bytes)]
    }

    pub(super) fn set_alone(&mut self, path: &str, value: u64) {
        match path {
            "module_cache_bytes" => self.module_cache_bytes = value,
            _ => self.deadline_ms = Some(value),
        }
    }

    /// Sets the deadline, in milliseconds of wall time.
    #[must_use]
    pub fn with_deadline_ms(mut self, ms: u64) -> Self {
        self.deadline_ms = Some(ms);
        self
    }

    /// Sets what the modules that [`execute`](crate::execute) keeps may take, in bytes; 0 keeps none.
    #[must_use]
    pub fn with_module_cache_bytes(mut self, bytes: u64) -> Self {
        self.module_cache_bytes = bytes;
        self
    }
}
