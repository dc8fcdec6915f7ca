//! One module, several threads.

use std::{thread, time::Instant};

use crate::engine::{Loaded, Result};

/// Wall time, in seconds, in which each of so many threads has run the module so often.
pub fn in_threads(loaded: &(impl Loaded + Sync), input: &[u8], threads: usize, runs: usize) -> Result<f64> {
    let start = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| (0..runs).try_for_each(|_| loaded.run(input.to_vec()).map(drop)).is_ok()))
            .collect();
        match workers.into_iter().all(|worker| worker.join().is_ok_and(|done| done)) {
            true => Ok(start.elapsed().as_secs_f64()),
            false => Err("a run in a thread has failed".into()),
        }
    })
}
