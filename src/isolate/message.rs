//! What a process and its worker say to each other, and how much of it.
//!
//! A message is its length, as four bytes, and what [`Wire`] makes of it. The process says a [`Job`],
//! then the bytes of the module and of the input. The worker says its name, and then [`News`].

use alloc::{string::String, vec::Vec};

use super::wire::{Wire, choices, records};
use crate::{
    config::Config,
    error::Error,
    files::{Change, MAX_PATH_BYTES},
    inspect::Inspection,
    outcome::{LogEntry, Usage},
    value::Value,
};

/// What a worker says first: whoever says anything else does not share this format, or these types.
pub(super) const GREETING: &str = concat!("belljar worker 1, ", env!("CARGO_PKG_VERSION"));

/// The longest greeting that is listened to, in bytes.
pub(super) const MAX_GREETING_BYTES: usize = 64;

/// Output is sent in parts of at most so many bytes.
pub(super) const PART_BYTES: usize = 256 << 10;

/// What a worker is to do. The module and the input follow.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) config: Config,
    pub(super) task: Task,
    pub(super) wasm_bytes: u64,
    pub(super) input_bytes: u64,
}

/// What to do with the module.
#[derive(Debug, Clone)]
pub(super) enum Task {
    Validate,
    Run,
    Call { name: String, arguments: Vec<Value> },
}

/// What a worker says after its name, in the order in which it may.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// A wall could not be built. It is the last word.
    Unwalled { wall: &'static str, code: i32 },
    /// The module is valid. It is the last word.
    Valid { inspection: Inspection },
    /// The module is loaded; from here on it is run.
    Started,
    /// More output.
    Output { part: Part },
    /// One more message of the log.
    Log { entry: LogEntry },
    /// What has been used with all of the above; where a run ends from outside, it ends here.
    Used { usage: Usage, dropped: u64 },
    /// A path that was changed; all of them come before the end is told.
    Changed { path: String, change: Change },
    /// Another name of a file whose bytes were told before.
    Linked { path: String, first: String },
    /// The run came to its end. It is the last word.
    Done { status: i32, results: Vec<Value> },
    /// There is no outcome; output, log and usage of a guest that was stopped came before. It is the
    /// last word.
    Failed { error: Error },
}

records! { Job { config, task, wasm_bytes, input_bytes } }

choices! {
    Task { 0 Validate, 1 Run, 2 Call { name, arguments } }
    News {
        0 Unwalled { wall, code },
        1 Valid { inspection },
        2 Started,
        3 Output { part },
        4 Log { entry },
        5 Used { usage, dropped },
        6 Done { status, results },
        7 Failed { error },
        8 Changed { path, change },
        9 Linked { path, first },
    }
}

/// Bytes that are the rest of their message.
#[derive(Debug, Clone)]
pub(super) struct Part(pub(super) Vec<u8>);

impl Wire for Part {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Part(core::mem::take(from).to_vec()))
    }
}

/// Appends a message with its length.
pub(super) fn put(message: &impl Wire, to: &mut Vec<u8>) {
    let start = to.len();
    0u32.put(to);
    message.put(to);
    // No message comes near four gigabytes: the longest are bounded by the size of the module.
    let size = u32::try_from(to.len() - start - size_of::<u32>()).unwrap_or(u32::MAX);
    if let Some(place) = to.get_mut(start..start + size_of::<u32>()) {
        place.copy_from_slice(&size.to_le_bytes());
    }
}

/// The longest message that a worker may send about a module of so many bytes.
///
/// It can say nothing longer than a list of everything with its type, or an error that names the 64
/// imports or exports that an error names at most.
pub(super) fn max_bytes(config: &Config, wasm_bytes: usize) -> usize {
    const FIXED: u64 = 128 << 10;
    let (wasm, limits) = (wasm_bytes as u64, &config.module);
    let ty = limits.params.saturating_add(limits.results).saturating_add(64);
    // An import or an export takes three bytes of the module at least.
    let things = limits.imports.saturating_add(limits.exports).saturating_add(limits.custom_sections).min(wasm / 3);
    let list = things.saturating_mul(ty);
    // In words, a type takes about ten bytes.
    let error = ty.saturating_mul(64 * 10);
    let sum = list.saturating_add(error).saturating_add(wasm.saturating_mul(2)).saturating_add(FIXED);
    let sum = sum.max(PART_BYTES as u64 + 64).max(config.limits.log_bytes.saturating_add(64));
    let sum = sum.max(config.limits.file_bytes.saturating_add(MAX_PATH_BYTES as u64 + 64));
    usize::try_from(sum.min(u32::MAX.into())).unwrap_or(usize::MAX)
}
