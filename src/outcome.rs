//! What a run produced.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{files::Changes, value::Value};

/// What a run that came to its end produced.
///
/// Everything in it is fixed by module, input and configuration; wall time is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Outcome {
    /// The bytes the guest wrote with `write_output`, in order.
    pub output: Vec<u8>,
    /// The messages the guest logged, in order.
    pub log: Log,
    /// The status an entry function returned: always 0 here, since another status is a
    /// [`StopReason::Status`](crate::StopReason::Status).
    pub status: i32,
    /// The results of a called export, in order; empty for an entry function.
    pub results: Vec<Value>,
    /// What a program of WASI changed of its files, by path.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub files: Changes,
    /// What the run used.
    pub usage: Usage,
}

impl Outcome {
    /// The output as text, with U+FFFD for what is not UTF-8.
    pub fn output_text(&self) -> alloc::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.output)
    }
}

/// What a run used. All figures are deterministic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Usage {
    /// Fuel consumed, in units.
    pub fuel: u64,
    /// The largest sum of all linear memories, in bytes.
    pub memory_peak_bytes: u64,
    /// The largest sum of all tables, in elements.
    pub table_peak_elements: u64,
    /// Calls from the guest into the host.
    pub host_calls: u64,
    /// Input bytes the guest has taken.
    pub input_bytes: u64,
    /// Output bytes written.
    pub output_bytes: u64,
    /// Log bytes kept, without those dropped.
    pub log_bytes: u64,
}

/// The log of a run: what was kept, and how much was not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Log {
    /// Messages in order, up to the limits `log_bytes` and `log_lines`.
    pub entries: Vec<LogEntry>,
    /// Messages dropped because a limit was reached (the first of them may have been kept in part).
    pub dropped: u64,
}

/// One log message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogEntry {
    /// How severe the guest says it is.
    pub level: Level,
    /// What the guest said, as it said it: escape it before showing it on a terminal.
    pub text: String,
}

impl LogEntry {
    pub(crate) fn new(level: Level, text: String) -> Self {
        LogEntry { level, text }
    }
}

/// The severity of a log message, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// ABI level 0.
    Error,
    /// ABI level 1.
    Warn,
    /// ABI level 2, and what `log` uses.
    Info,
    /// ABI level 3.
    Debug,
    /// ABI level 4.
    Trace,
}

impl Level {
    /// All levels; the index is the ABI's number.
    pub const ALL: [Level; 5] = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];

    pub(crate) fn from_abi(level: i32) -> Option<Level> {
        Level::ALL.get(usize::try_from(level).ok()?).copied()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        })
    }
}
