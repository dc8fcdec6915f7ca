//! The progress line over inputs.

use std::time::{Duration, Instant};

use crate::{console::Console, show};

/// Time before the line is shown.
const DELAY: Duration = Duration::from_secs(1);
/// Time between two updates of the line.
const INTERVAL: Duration = Duration::from_millis(200);

/// The progress line over inputs.
#[derive(Debug)]
pub struct Progress {
    inputs: usize,
    /// The fuel limit of each run.
    limit: u64,
    /// The time of the next update; `None` if the line is not shown.
    due: Option<Instant>,
}

impl Progress {
    /// Returns the progress over this number of inputs. It is shown only on a terminal.
    pub fn new(inputs: usize, limit: u64, console: &Console) -> Progress {
        Progress { inputs, limit, due: console.can_show_progress().then(|| Instant::now() + DELAY) }
    }

    /// Updates the line, if an update is due: of the inputs this number has been run, and the next has used this fuel.
    pub fn tick(&mut self, console: &Console, done: usize, fuel: u64) {
        let now = Instant::now();
        if self.due.is_some_and(|due| now >= due) {
            self.due = Some(now + INTERVAL);
            console.show_progress(&line(done, self.inputs, fuel, self.limit));
        }
    }
}

fn line(done: usize, inputs: usize, fuel: u64, limit: u64) -> String {
    let [done, fuel, limit] = [done as u64, fuel, limit].map(show::grouped);
    format!("{done} of {}; the next: {fuel} of {limit} fuel", show::count(inputs as u64, "input"))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_shows_the_known_figures() {
        assert_eq!(line(3, 1_200, 5_000, 10_000_000), "3 of 1,200 inputs; the next: 5,000 of 10,000,000 fuel");
        assert_eq!(line(0, 1, 0, 1), "0 of 1 input; the next: 0 of 1 fuel");
    }
}
