//! How long runs have taken lately: whether the next is worth a thread.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// To hand a run to another thread and its answer back takes tens of microseconds, and wakes two processors.
const SHORT: u64 = 200;
/// What one long run counts for, so that some short ones make up for it.
const MOST: u64 = 10 * SHORT;

/// How long runs have taken lately, in microseconds.
#[derive(Debug)]
pub struct Pace(AtomicU64);

impl Pace {
    /// Of a guest that has not been run yet.
    pub fn new() -> Pace {
        Pace(AtomicU64::new(MOST))
    }

    /// Notes how long one took. It counts for an eighth.
    pub fn note(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(MOST).min(MOST);
        // One that is lost between two threads changes little.
        self.0.store((self.0.load(Relaxed) * 7 + micros) / 8, Relaxed);
    }

    /// Whether the next one is likely to take less than a thread does.
    pub fn is_short(&self) -> bool {
        self.0.load(Relaxed) < SHORT
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn many_short_runs_make_up_for_a_long_one() {
        let pace = Pace::new();
        let short = |micros| {
            let until = |_: &usize| {
                pace.note(Duration::from_micros(micros));
                pace.is_short()
            };
            (1..100).find(until)
        };
        assert!(!pace.is_short());
        assert_eq!(short(20), Some(18));
        assert_eq!(short(150), Some(1));
        pace.note(Duration::from_secs(60));
        assert!(!pace.is_short());
        assert!(short(20).is_some_and(|runs| runs < 10));
        assert_eq!(short(2_000_000), None);
    }
}
