//! Where runs are made: so many at a time, and the rest in a line.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use belljar::Cancel;
use hyper::StatusCode;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{self, JoinError},
};

use super::{
    metrics::Metrics,
    phase::{Phase, Phases},
    problem::Problem,
};

/// Where runs are made.
#[derive(Debug)]
pub struct Pool {
    slots: Arc<Semaphore>,
    queue: u64,
}

/// Asks a run to stop, whether or not it has begun.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    run: OnceLock<Cancel>,
}

impl Pool {
    /// So many runs at a time, and so many requests that wait for one.
    pub fn new(jobs: usize, queue: usize) -> Pool {
        Pool { slots: Arc::new(Semaphore::new(jobs)), queue: queue as u64 }
    }

    /// Does this on a thread of the pool. It is asked to stop when whoever waits for it is gone, and when the
    /// server ends.
    pub async fn run<T: Send + 'static>(
        &self,
        metrics: &Metrics,
        phases: &Phases,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let slot = self.slot(metrics, phases).await?;
        let stop = Arc::new(Stop::default());
        let asked = Gone(Arc::clone(&stop));
        let running = metrics.running.one();
        let mut done = task::spawn_blocking(move || {
            // Another may begin when this has ended, not when nobody waits for it any more.
            let _of_this = (slot, running);
            work(&stop)
        });
        let done = tokio::select! {
            done = &mut done => done,
            () = phases.reached(Phase::Cancelling) => {
                asked.0.ask();
                done.await
            }
        };
        done.map_err(|error| failed(&error))
    }

    async fn slot(&self, metrics: &Metrics, phases: &Phases) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(slot);
        }
        if metrics.waiting.now() >= self.queue {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests wait for a run")
                .with_header("retry-after", "1"));
        }
        let _waiting = metrics.waiting.one();
        tokio::select! {
            Ok(slot) = Arc::clone(&self.slots).acquire_owned() => Ok(slot),
            () = phases.reached(Phase::Cancelling) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, ENDS)),
        }
    }
}

const ENDS: &str = "the server ends";

fn failed(error: &JoinError) -> Problem {
    match error.is_panic() {
        true => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the run panicked: please report this"),
        false => Problem::new(StatusCode::SERVICE_UNAVAILABLE, ENDS),
    }
}

impl Stop {
    /// Says which run it is.
    pub fn stops(&self, run: Cancel) {
        let run = self.run.get_or_init(|| run);
        if self.asked.load(SeqCst) {
            run.cancel();
        }
    }

    fn ask(&self) {
        self.asked.store(true, SeqCst);
        if let Some(run) = self.run.get() {
            run.cancel();
        }
    }
}

/// Whoever waits for a run, until they are gone.
struct Gone(Arc<Stop>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.ask();
    }
}
