//! Levels of log messages.

use super::word::words;
use crate::data::outcome::Level;

words! {
    /// The least severe messages that the log of a run keeps.
    ///
    /// Other messages are discarded once the call is checked and charged: fuel, host calls and stops are the same
    /// at every level. They are not in the outcome, not in its count of dropped messages, and not in `tracing`.
    #[derive(Default)]
    pub enum LogLevel {
        /// No messages at all.
        Off = "off",
        /// Errors.
        Error = "error",
        /// Warnings, too.
        Warn = "warn",
        /// Messages of `log`, and each line that a WASI program writes to stderr, too.
        Info = "info",
        /// Debugging messages, too.
        Debug = "debug",
        /// All messages.
        #[default]
        Trace = "trace",
    }
}

impl LogLevel {
    /// Returns whether messages of a level are kept.
    pub fn takes(self, level: Level) -> bool {
        self as u8 > level as u8
    }

    pub(super) fn is_default(&self) -> bool {
        *self == LogLevel::default()
    }
}
