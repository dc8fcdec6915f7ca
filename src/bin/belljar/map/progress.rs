//! The progress line of a long batch.

use std::time::{Duration, Instant};

use crate::{console::Console, show};

/// Time before the line is shown.
const DELAY: Duration = Duration::from_secs(1);
/// Time between two updates of the line.
const INTERVAL: Duration = Duration::from_millis(200);
/// Columns of the bar.
const WIDTH: usize = 20;

/// The progress line of a long batch.
#[derive(Debug)]
pub struct Progress {
    /// The size of the input in bytes, if it is known.
    size: Option<u64>,
    /// Bytes whose lines have an output from before.
    skipped: u64,
    started: Instant,
    /// The time of the next update; `None` if the line is not shown.
    due: Option<Instant>,
}

impl Progress {
    /// Returns the progress through an input. It is not shown if the output is on the terminal too.
    pub fn new(size: Option<u64>, skipped: u64, seen: bool, console: &Console) -> Progress {
        let started = Instant::now();
        let shown = !seen && console.can_show_progress();
        Progress { size, skipped, started, due: shown.then(|| started + DELAY) }
    }

    /// Updates the line, if an update is due.
    pub fn tick(&mut self, console: &Console, lines: u64, bytes: impl FnOnce() -> u64) {
        let Some(due) = self.due else { return };
        let now = Instant::now();
        if now >= due {
            self.due = Some(now + INTERVAL);
            let took = (now - self.started).as_secs_f64();
            console.show_progress(&line(lines, bytes(), self.skipped, self.size, took));
        }
    }
}

/// Formats the line from the lines run, the bytes taken, the bytes skipped of them, and the size of the input.
fn line(lines: u64, bytes: u64, skipped: u64, size: Option<u64>, seconds: f64) -> String {
    let rate = show::grouped((lines as f64 / seconds) as u64);
    let done = format!("{}, {rate}/s", show::count(lines, "line"));
    let Some(size) = size.filter(|size| *size >= bytes && *size > 0) else { return done };
    let part = bytes as f64 / size as f64;
    let full = (part * WIDTH as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH.saturating_sub(full)));
    let left = match bytes.saturating_sub(skipped) {
        0 => String::new(),
        done => format!(", {} left", time((size - bytes) as f64 / done as f64 * seconds)),
    };
    format!("[{bar}] {:.1} %, {done}{left}", 100.0 * part)
}

fn time(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_shows_the_known_figures() {
        assert_eq!(line(12_000, 5_000, 0, None, 2.0), "12,000 lines, 6,000/s");
        let half = "[##########..........] 50.0 %, 12,000 lines, 6,000/s, 2 s left";
        assert_eq!(line(12_000, 5_000, 0, Some(10_000), 2.0), half);
        // The rate does not count what was done before.
        let resumed = "[##########..........] 50.0 %, 1 line, 0/s, 1 min 40 s left";
        assert_eq!(line(1, 5_000, 4_900, Some(10_000), 2.0), resumed);
        assert!(line(1, 1, 0, Some(10_000), 2.0).ends_with(", 5 h 33 min left"));
        // A file that has grown since.
        assert_eq!(line(1, 11_000, 0, Some(10_000), 1.0), "1 line, 1/s");
    }
}
