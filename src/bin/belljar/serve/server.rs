//! State shared by all connections.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{guest::Guest, log::Log, metrics::Metrics, options::Options, pace::Pace, phase::Phases, pool::Pool};
use crate::console::Console;

/// The state shared by all connections.
#[derive(Debug)]
pub struct Server {
    /// The options.
    pub options: Options,
    /// The served tool.
    pub guest: Guest,
    /// The metrics.
    pub metrics: Metrics,
    /// The pool of runs.
    pub pool: Pool,
    /// The moving average of run times.
    pub pace: Pace,
    /// The current phase.
    pub phases: Phases,
    /// Whether there is no access log.
    pub quiet: bool,
    /// Whether messages of guests are logged.
    pub verbose: bool,
    log: Log,
    requests: AtomicU64,
}

impl Server {
    /// Returns a server that has served nothing yet.
    pub fn new(guest: Guest, options: Options, console: &Console) -> io::Result<Server> {
        Ok(Server {
            metrics: Metrics::default(),
            pool: Pool::new(options.runs),
            pace: Pace::new(),
            phases: Phases::new(),
            quiet: console.is_quiet(),
            verbose: console.is_verbose(),
            log: Log::new()?,
            requests: AtomicU64::new(0),
            options,
            guest,
        })
    }

    /// Returns the number of the next request; the first is 1.
    pub fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Relaxed) + 1
    }

    /// Writes a line to the log, or counts it as dropped.
    pub fn log_line(&self, line: impl FnOnce(&mut String)) {
        if !self.log.line(line) {
            self.metrics.lost_lines.add(1);
        }
    }

    /// Waits until the log is written.
    pub fn flush_log(&self) {
        self.log.flush();
    }
}
