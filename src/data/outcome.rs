//! Outcome of a run: output, log, results and usage.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::data::{
    files::Changes,
    text::{DebugBytes, DebugList, DebugMap, DebugText},
    value::Value,
};

/// Outcome of a completed run.
///
/// Module, input and configuration determine all of it; wall time is not included.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Outcome {
    /// Bytes that the guest wrote with `write_output`, in order.
    pub output: Vec<u8>,
    /// Messages that the guest logged, in order.
    pub log: Log,
    /// Status of the entry function: always 0, since another status is a
    /// [`GuestFault::Status`](crate::GuestFault::Status).
    pub status: i32,
    /// Results of an exported function, in order; empty for an entry function.
    pub results: Vec<Value>,
    /// Changes a WASI program made to its files, by path.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub files: Changes,
    /// Resources used.
    pub usage: Usage,
}

impl Outcome {
    /// Returns the output as text, with U+FFFD in place of invalid UTF-8.
    pub fn output_text(&self) -> alloc::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.output)
    }
}

impl fmt::Debug for Outcome {
    /// Formats the outcome with output, log and files escaped and truncated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("output", &DebugBytes(&self.output))
            .field("log", &self.log)
            .field("status", &self.status)
            .field("results", &self.results)
            .field("files", &DebugMap(&self.files))
            .field("usage", &self.usage)
            .finish()
    }
}

/// Resources that a run used. All figures are deterministic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Usage {
    /// Fuel consumed, in units.
    pub fuel: u64,
    /// Peak of the total size of all memories, in bytes.
    pub memory_peak_bytes: u64,
    /// Peak of the total size of all tables, in elements.
    pub table_peak_elements: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Input bytes read by the guest.
    pub input_bytes: u64,
    /// Output bytes written.
    pub output_bytes: u64,
    /// Log bytes kept; dropped ones do not count.
    pub log_bytes: u64,
}

/// Log of a run, with the number of messages dropped at its limits.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Log {
    /// Messages in order, up to the limits `log_bytes` and `log_lines`.
    pub entries: Vec<LogEntry>,
    /// Messages dropped because a limit was reached (the first of them may have been kept in part).
    pub dropped: u64,
}

impl fmt::Debug for Log {
    /// Formats the log with its messages escaped and truncated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = DebugList(&self.entries);
        f.debug_struct("Log").field("entries", &entries).field("dropped", &self.dropped).finish()
    }
}

/// A log message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogEntry {
    /// Severity.
    pub level: Level,
    /// Text, exactly as the guest passed it: [`escape`](crate::text::escape) it before showing it on a terminal.
    pub text: String,
}

impl fmt::Debug for LogEntry {
    /// Formats the message escaped and truncated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogEntry").field("level", &self.level).field("text", &DebugText(&self.text)).finish()
    }
}

impl LogEntry {
    pub(crate) fn new(level: Level, text: String) -> Self {
        LogEntry { level, text }
    }
}

/// Severity of a log message, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// ABI level 0.
    Error,
    /// ABI level 1.
    Warn,
    /// ABI level 2, the level of `log`.
    Info,
    /// ABI level 3.
    Debug,
    /// ABI level 4.
    Trace,
}

impl Level {
    /// All levels; the index is the number in the ABI.
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
