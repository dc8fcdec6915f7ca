//! Moving average of run times, by which short runs are executed without a separate thread.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Run time in microseconds up to which no thread is used. Passing a run to another thread and its result back takes
/// tens of microseconds, and wakes two processors.
const SHORT: u64 = 200;
/// The largest value that a run contributes, so that a few short runs outweigh a long one.
const MAX: u64 = 10 * SHORT;

/// A moving average of run times, in microseconds.
#[derive(Debug)]
pub struct Pace(AtomicU64);

impl Pace {
    /// Returns the average before the first run, which is assumed to be long.
    pub fn new() -> Pace {
        Pace(AtomicU64::new(MAX))
    }

    /// Records a run time, with a weight of an eighth.
    pub fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(MAX).min(MAX);
        // An update that is lost between two threads changes little.
        self.0.store((self.0.load(Relaxed) * 7 + micros) / 8, Relaxed);
    }

    /// Returns whether the next run is likely to be shorter than the switch to a thread.
    pub fn is_short(&self) -> bool {
        self.0.load(Relaxed) < SHORT
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn short_runs_outweigh_a_long_run() {
        let pace = Pace::new();
        let short = |micros| {
            let until = |_: &usize| {
                pace.record(Duration::from_micros(micros));
                pace.is_short()
            };
            (1..100).find(until)
        };
        assert!(!pace.is_short());
        assert_eq!(short(20), Some(18));
        assert_eq!(short(150), Some(1));
        pace.record(Duration::from_secs(60));
        assert!(!pace.is_short());
        assert!(short(20).is_some_and(|runs| runs < 10));
        assert_eq!(short(2_000_000), None);
    }
}
