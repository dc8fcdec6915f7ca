//! Upper bound of allocated memory: a formula over the keys.

use serde::Serialize;

use super::Config;

/// The most bytes that are allocated at a time under a configuration; see [`Config::memory_bound`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryBound {
    /// Converting a module's text form into the binary form. It is freed before the module is loaded.
    pub text: u64,
    /// Loading a module, and keeping it.
    pub load: u64,
    /// A run from its start until its outcome is dropped.
    pub run: u64,
    /// A store that a module keeps between two runs ([`Sandbox::prepare`](crate::Sandbox::prepare)): the rest of
    /// earlier instances, and of its memory. 0 without the feature `pooling`.
    pub idle: u64,
    /// Pages that a module keeps for the memories of later runs and instances. 0 without the feature `pooling`.
    pub spare: u64,
    /// Modules that [`execute`](crate::execute) keeps.
    pub cache: u64,
}

/// Factor of a list that grows by doubling: meanwhile the old and a new one of twice the size exist.
const GROWING: u64 = 3;

const CALL_BYTES: u64 = 32;
const LOG_LINE_BYTES: u64 = 32;
/// A file or directory with its name, and its path in the outcome.
const FILE_BYTES: u64 = 4 << 10;
const OPEN_FILE_BYTES: u64 = 256;
/// State of a directory of the host: files seen, and listings.
const DIRECTORY_BYTES: u64 = 32 << 20;
/// State of the client: a connection, its keys, and the certificates it trusts.
const CLIENT_BYTES: u64 = 2 << 20;
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Rest of earlier instances in a store, in lists that have doubled, and of its memory.
const IDLE_BYTES: u64 = GROWING * STORE_BYTES + (256 << 10);

/// Size of the instances in a store at which it is replaced.
pub(crate) const STORE_BYTES: u64 = 1 << 20;

/// Most pages that a module keeps without a store, in bytes.
pub(crate) const SPARE_BYTES: u64 = 16 << 20;

/// Units of load work that take as much memory as one unit of `form_work`.
pub(crate) const FORM: u64 = 2;

/// Returns the most bytes that loading a module takes, by its work and its size.
pub(crate) const fn load_bytes(work: u64, size_bytes: u64) -> u64 {
    (64 << 10) + 64 * work + 5 * size_bytes
}

/// Returns the most bytes that a loaded module without stacks takes, with its own bytes, by the same.
pub(crate) const fn kept_bytes(work: u64, size_bytes: u64) -> u64 {
    (24 << 10) + 43 * work + 6 * size_bytes
}

impl Config {
    /// Returns the most memory that is allocated, in bytes.
    ///
    /// Each module that is kept takes at most `load` and `spare`, and for each of at most 16 runs that were in flight at
    /// a time, or of as many as were prepared, `idle`; each run in flight, with what it leaves in its
    /// outcome, at most `run`. What [`execute`](crate::execute) keeps for its next call is at most `cache`, once
    /// in a process: the largest that is in use. Not in it are the bytes of the module or its text, which are the
    /// caller's, the input, and what host functions of the embedding program allocate. Reading a
    /// configuration from TOML takes at most 128 bytes for each byte of text.
    ///
    /// ```
    /// let config = belljar::Config::default();
    /// let (modules, runs) = (3, 8);
    /// let bound = config.memory_bound();
    /// let kept = modules * (bound.load + bound.spare + runs * bound.idle) + bound.cache;
    /// let at_most = bound.text + kept + runs * bound.run;
    /// assert!(at_most < 3 << 30);
    /// ```
    pub fn memory_bound(&self) -> MemoryBound {
        let (run, module) = (&self.limits, &self.module);
        // What an instance has a place for.
        let parts = module.functions
            + module.imports
            + module.exports
            + module.globals
            + module.data_segments
            + module.element_segments;
        let http = &self.http;
        // A request is copied to be sent on; an answer doubles, with the last one of a chain of redirects.
        let asked = (GROWING + 1) * http.request_bytes + (GROWING + 2) * http.response_bytes + CLIENT_BYTES;
        MemoryBound {
            text: (64 << 10) + 160 * module.text_bytes,
            load: load_bytes(module.load_work + FORM * module.form_work, module.size_bytes),
            run: (256 << 10)
                + GROWING * run.memory_bytes
                + GROWING * TABLE_ELEMENT_BYTES * run.table_elements
                + GROWING * run.value_stack_bytes
                + GROWING * CALL_BYTES * run.call_depth
                // The output doubles within its limit.
                + 2 * run.output_bytes
                + run.log_bytes
                + GROWING * LOG_LINE_BYTES * run.log_lines
                // A file doubles too, and is copied for the outcome.
                + GROWING * run.file_bytes
                + FILE_BYTES * run.files
                + OPEN_FILE_BYTES * run.open_files
                + DIRECTORY_BYTES * self.wasi.dirs.len() as u64
                + if http.allow.is_empty() { 0 } else { asked }
                + 128 * parts
                + module.size_bytes,
            idle: if cfg!(feature = "pooling") { IDLE_BYTES } else { 0 },
            spare: if cfg!(feature = "pooling") { SPARE_BYTES } else { 0 },
            cache: self.module_cache_bytes,
        }
    }
}
