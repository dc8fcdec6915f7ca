//! Histogram of durations.

use std::{
    fmt::{self, Write},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the buckets, in ms; the last bucket is unbounded.
const BOUNDS_MS: [u64; 13] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// A histogram of durations.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; BOUNDS_MS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    /// Records a duration.
    pub fn record(&self, time: Duration) {
        let at = BOUNDS_MS.iter().position(|bound| time <= Duration::from_millis(*bound)).unwrap_or(BOUNDS_MS.len());
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Relaxed);
        }
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Writes the histogram in the text format of Prometheus.
    pub fn write(&self, text: &mut String, name: &str) -> fmt::Result {
        let mut sum = 0;
        let bounds = BOUNDS_MS.iter().map(|bound| format!("{}", *bound as f64 / 1e3)).chain(["+Inf".into()]);
        for (bound, count) in bounds.zip(&self.counts) {
            sum += count.load(Relaxed);
            writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}")?;
        }
        writeln!(text, "{name}_sum {}", self.micros.load(Relaxed) as f64 / 1e6)?;
        writeln!(text, "{name}_count {sum}")
    }
}
