//! What of a guest's log is kept.

use super::{Config, word::words};
use crate::outcome::Level;

words! {
    /// The least severe messages that the log of a run takes.
    ///
    /// What is not taken is dropped once the call is checked and charged: fuel, host calls and stops are the same
    /// at every level. It is nowhere then: not in the outcome, not among the messages it counts as dropped, not in
    /// `tracing`.
    #[derive(Default)]
    pub enum LogLevel {
        /// No messages at all.
        Off = "off",
        /// Errors.
        Error = "error",
        /// Warnings, too.
        Warn = "warn",
        /// What `log` says, and each line that a program of WASI writes to stderr, too.
        Info = "info",
        /// Debugging messages, too.
        Debug = "debug",
        /// All messages.
        #[default]
        Trace = "trace",
    }
}

impl LogLevel {
    /// Whether messages of a level are taken.
    pub fn takes(self, level: Level) -> bool {
        self as u8 > level as u8
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
