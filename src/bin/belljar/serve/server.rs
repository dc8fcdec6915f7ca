//! The state that all connections share.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{guest::Guest, log::Log, metrics::Metrics, options::Options, pace::Pace, phase::Phases, pool::Pool};
use crate::console::Console;

/// What all connections share.
#[derive(Debug)]
pub struct Server {
    /// How it serves.
    pub options: Options,
    /// What it serves.
    pub guest: Guest,
    /// What it has done.
    pub metrics: Metrics,
    /// Where runs are made.
    pub pool: Pool,
    /// How long they have taken lately.
    pub pace: Pace,
    /// How far it is on its way to its end.
    pub phases: Phases,
    /// Whether there is no access log.
    pub quiet: bool,
    /// Whether what guests log is told.
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

    /// The number of the next request; the first is 1.
    pub fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Relaxed) + 1
    }

    /// Writes a line to stderr, or counts it as lost.
    pub fn say(&self, line: impl FnOnce(&mut String)) {
        if !self.log.line(line) {
            self.metrics.lost_lines.add(1);
        }
    }

    /// Writes the lines that have not been written yet.
    pub fn flush_log(&self) {
        self.log.flush();
    }
}
