//! CPU time, of all threads of the process: what a machine pays, whoever else uses it meanwhile.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::{cases::Work, engine::Result};

/// So long is what is measured at once, so that reading the clock is nothing beside it.
const BATCH: Duration = Duration::from_micros(400);

/// No more inputs than this are made ahead, so that they stay in the cache.
const INPUTS: usize = 64;

pub fn now() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Samples of one case with one engine, in seconds a run.
pub struct Samples<'a> {
    work: Work<'a>,
    input: &'a [u8],
    runs: usize,
    samples: Vec<f64>,
    spent: Duration,
}

impl<'a> Samples<'a> {
    /// Of work that has been done once before. Does it a few times to see how long it takes.
    pub fn new(work: Work<'a>, input: &'a [u8]) -> Result<Self> {
        let mut samples = Samples { work, input, runs: 1, samples: Vec::new(), spent: Duration::ZERO };
        let most = if input.is_empty() { usize::MAX } else { INPUTS };
        while samples.batch()? < BATCH && samples.runs < most {
            samples.runs *= 2;
        }
        Ok(samples)
    }

    /// Takes samples until all of them have taken so long together.
    pub fn take(&mut self, until: Duration) -> Result<()> {
        while self.spent < until {
            let batch = self.batch()?;
            self.samples.push(batch.as_secs_f64() / self.runs as f64);
            self.spent += batch;
        }
        Ok(())
    }

    pub fn median(&mut self) -> f64 {
        self.samples.sort_by(f64::total_cmp);
        self.samples.get(self.samples.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Runs the batch. Inputs are made before; the last output is dropped after.
    fn batch(&mut self) -> Result<Duration> {
        let inputs = vec![self.input.to_vec(); self.runs];
        let mut last = None;
        let start = now();
        for input in inputs {
            last = Some((self.work)(input)?);
        }
        let time = now() - start;
        drop(last);
        Ok(time)
    }
}
