//! What of a guest's log is kept.

use serde::{Deserialize, Serialize};

use super::Config;
use crate::outcome::Level;

/// The least severe messages that the log of a run takes.
///
/// What is not taken is dropped once the call is checked and charged: fuel, host calls and stops are the same
/// at every level. It is nowhere then: not in the outcome, not among the messages it counts as dropped, not in
/// `tracing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogLevel {
    /// No messages at all.
    Off,
    /// Errors.
    Error,
    /// Warnings, too.
    Warn,
    /// What `log` says, and each line that a program of WASI writes to stderr, too.
    Info,
    /// Debugging messages, too.
    Debug,
    /// All messages.
    #[default]
    Trace,
}

impl LogLevel {
    /// The names, from the least to the most that is taken.
    pub(crate) const NAMES: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

    /// Whether messages of a level are taken.
    pub fn takes(self, level: Level) -> bool {
        self as u8 > level as u8
    }

    pub(crate) fn name(self) -> &'static str {
        LogLevel::NAMES.get(self as usize).copied().unwrap_or_default()
    }

    pub(super) fn is_default(&self) -> bool {
        *self == LogLevel::default()
    }
}

impl Config {
    /// Sets which messages the log takes.
    #[must_use]
    pub fn with_log(mut self, level: LogLevel) -> Self {
        self.log = level;
        self
    }
}
