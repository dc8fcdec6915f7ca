//! Thread pool for runs, with a fair queue in front of it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use belljar::Cancel;
use hyper::StatusCode;
use tokio::task::{self, JoinError};

use super::{
    metrics::Metrics,
    phase::{Phase, Phases},
    problem::Problem,
};
use crate::{
    net::{
        peer::{Caller, Peer},
        queue::{Permit, Queue, Refused},
    },
    turns::Bounds,
};

/// The pool of runs.
#[derive(Debug)]
pub struct Pool(Queue<Peer>);

/// A cancellation of a run, which may be requested before the run starts.
#[derive(Debug, Default)]
pub struct Stop {
    requested: AtomicBool,
    run: OnceLock<Cancel>,
}

impl Pool {
    /// Returns a pool with these limits on concurrent runs and queued requests.
    pub fn new(bounds: Bounds) -> Pool {
        Pool(Queue::new(bounds))
    }

    /// Waits for a permit to run a request of this client.
    pub async fn acquire(
        &self,
        client: SocketAddr,
        metrics: &Metrics,
        phases: &Phases,
    ) -> Result<Permit<Peer>, Problem> {
        let caller = Caller::of(client, None);
        let permit = self.0.enqueue(caller.peer, caller.flow).map_err(refused)?;
        if permit.is_pending() { wait(permit, metrics, phases).await } else { Ok(permit) }
    }

    /// Executes `work` on a thread of the pool. It is cancelled if this future is dropped, or when the server enters
    /// `Cancelling`.
    pub async fn run<T: Send + 'static>(
        &self,
        permit: Permit<Peer>,
        metrics: &Metrics,
        phases: &Phases,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let stop = Arc::new(Stop::default());
        let cancel = CancelOnDrop(Arc::clone(&stop));
        let running = metrics.running.increment();
        let mut done = task::spawn_blocking(move || {
            // The permit is released when the work has ended, even if this future is dropped before.
            let _guards = (running, permit);
            work(&stop)
        });
        let done = tokio::select! {
            done = &mut done => done,
            () = phases.reached(Phase::Cancelling) => {
                cancel.0.request();
                done.await
            }
        };
        done.map_err(|error| join_problem(&error))
    }
}

/// Waits for a permit, unless the server ends before.
async fn wait(permit: Permit<Peer>, metrics: &Metrics, phases: &Phases) -> Result<Permit<Peer>, Problem> {
    let _waiting = metrics.waiting.increment();
    tokio::select! {
        permit = permit.ready() => permit.map_err(refused),
        () = phases.reached(Phase::Cancelling) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN)),
    }
}

fn refused(why: Refused) -> Problem {
    let (status, detail) = match why {
        Refused::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many requests wait for a run"),
        Refused::Crowding => (StatusCode::TOO_MANY_REQUESTS, "too many requests of this client wait for a run"),
    };
    Problem::new(status, detail).with_header("retry-after", "1")
}

const SHUTTING_DOWN: &str = "the server is shutting down";

fn join_problem(error: &JoinError) -> Problem {
    match error.is_panic() {
        true => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the run panicked: please report this"),
        false => Problem::new(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN),
    }
}

impl Stop {
    /// Sets the run to cancel, and cancels it if that was already requested.
    pub fn set_run(&self, run: Cancel) {
        let run = self.run.get_or_init(|| run);
        if self.requested.load(SeqCst) {
            run.cancel();
        }
    }

    fn request(&self) {
        self.requested.store(true, SeqCst);
        if let Some(run) = self.run.get() {
            run.cancel();
        }
    }
}

/// A guard that cancels a run when the future that waits for it is dropped.
struct CancelOnDrop(Arc<Stop>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.request();
    }
}
