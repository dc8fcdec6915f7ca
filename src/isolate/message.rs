//! The messages between a process and its worker, and their maximum lengths.
//!
//! A message is its length in four bytes and its [`Codec`] encoding. The process sends a [`Job`], then the bytes of the
//! module and the input. The worker sends its greeting, then [`Reply`] messages.

use alloc::{string::String, vec::Vec};

use super::layers::LayerName;
use crate::{
    config::Config,
    data::{
        codec::{Codec, enums, structs},
        files::{Change, MAX_PATH_BYTES},
        inspect::Inspection,
        outcome::{LogEntry, Usage},
        value::Value,
    },
    error::Error,
};

/// First message of a worker. A process that sends another has another version of this format and its types.
pub(super) const GREETING: &str = concat!("belljar worker 2, ", env!("CARGO_PKG_VERSION"));

/// Maximum length of a greeting in bytes.
pub(super) const MAX_GREETING_BYTES: usize = 64;

/// Maximum length of a part of the output in bytes.
pub(super) const MAX_PART_BYTES: usize = 256 << 10;

/// Job of a worker. The module and the input follow it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) config: Config,
    pub(super) task: Task,
    pub(super) wasm_bytes: u64,
    pub(super) input_bytes: u64,
}

/// Task to do with the module.
#[derive(Debug, Clone)]
pub(super) enum Task {
    Validate,
    Run,
    Call { name: String, arguments: Vec<Value> },
}

/// Message of a worker after its greeting.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// An isolation layer could not be activated. Last message.
    LayerFailed { layer: LayerName, code: i32 },
    /// The module is valid. Last message.
    Valid { inspection: Inspection },
    /// The module is loaded, and the run starts.
    Started,
    /// More output.
    Output { part: Part },
    /// One more log entry.
    Log { entry: LogEntry },
    /// Usage including all of the above. A run that is ended from outside ends at its last report.
    Used { usage: Usage, dropped: u64 },
    /// A changed path. All of them precede the last message.
    Changed { path: String, change: Change },
    /// Another name of a file whose bytes were sent before.
    Linked { path: String, first: String },
    /// The run is complete. Last message.
    Done { status: i32, results: Vec<Value> },
    /// The run failed. Output, log and usage of a stopped guest precede it. Last message.
    Failed { error: Error },
}

structs! { Job { config, task, wasm_bytes, input_bytes } }

enums! {
    Task { 0 Validate, 1 Run, 2 Call { name, arguments } }
    Reply {
        0 LayerFailed { layer, code },
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

/// Part of the output: the rest of its message.
#[derive(Debug, Clone)]
pub(super) struct Part(pub(super) Vec<u8>);

impl Codec for Part {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Part(core::mem::take(from).to_vec()))
    }
}

/// Appends a message with its length.
pub(super) fn put(message: &impl Codec, to: &mut Vec<u8>) {
    let start = to.len();
    to.extend_from_slice(&[0; size_of::<u32>()]);
    message.put(to);
    // No message is near 4 GiB: the longest are bounded by the size of the module.
    let size = u32::try_from(to.len() - start - size_of::<u32>()).unwrap_or(u32::MAX);
    if let Some(length) = to.get_mut(start..start + size_of::<u32>()) {
        length.copy_from_slice(&size.to_le_bytes());
    }
}

/// Returns the maximum length of a message that a worker may send about a module of this size.
///
/// The longest messages are the list of all imports and exports with their types, and an error, which names at most 64
/// imports or exports.
pub(super) fn max_bytes(config: &Config, wasm_bytes: usize) -> usize {
    const FIXED: u64 = 128 << 10;
    let (wasm, limits) = (wasm_bytes as u64, &config.module);
    let ty = limits.params.saturating_add(limits.results).saturating_add(64);
    // An import or export takes at least three bytes of the module.
    let items = limits.imports.saturating_add(limits.exports).saturating_add(limits.custom_sections).min(wasm / 3);
    let list = items.saturating_mul(ty);
    // As text, a type takes about ten bytes.
    let error = ty.saturating_mul(64 * 10);
    let sum = list.saturating_add(error).saturating_add(wasm.saturating_mul(2)).saturating_add(FIXED);
    let sum = sum.max(MAX_PART_BYTES as u64 + 64).max(config.limits.log_bytes.saturating_add(64));
    let sum = sum.max(config.limits.file_bytes.saturating_add(MAX_PATH_BYTES as u64 + 64));
    usize::try_from(sum.min(u32::MAX.into())).unwrap_or(usize::MAX)
}
