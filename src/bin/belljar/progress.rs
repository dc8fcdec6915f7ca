//! The progress line of a long run.

use std::time::{Duration, Instant};

use crate::{console::Console, show::grouped};

/// Time before the line is shown.
const DELAY: Duration = Duration::from_secs(1);
/// Time between two updates of the line.
const INTERVAL: Duration = Duration::from_millis(200);

/// The progress line of a long run.
#[derive(Debug)]
pub struct Progress {
    limit: u64,
    started: Instant,
    /// The time of the next update; `None` if the line is not shown.
    due: Option<Instant>,
}

impl Progress {
    /// Returns the progress towards a fuel limit. It is shown only on a terminal.
    pub fn new(limit: u64, console: &Console) -> Progress {
        let started = Instant::now();
        Progress { limit, started, due: console.can_show_progress().then(|| started + DELAY) }
    }

    /// Updates the line, if an update is due.
    pub fn tick(&mut self, console: &Console, fuel: impl FnOnce() -> u64) {
        let now = Instant::now();
        if self.due.is_some_and(|due| now >= due) {
            self.due = Some(now + INTERVAL);
            console.show_progress(&line(fuel(), self.limit, now - self.started));
        }
    }
}

fn line(fuel: u64, limit: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let percent = 100.0 * fuel as f64 / limit as f64;
    let rate = fuel as f64 / seconds / 1e6;
    format!("running {seconds:.1} s: {} of {} fuel ({percent:.1} %), {rate:.0} M/s", grouped(fuel), grouped(limit))
}
