//! Where runs are made: so many at a time, and the rest in turn.

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
    peer::{Caller, Peer},
    queue::{Place, Queue, Refused},
    turns::Bounds,
};

/// Where runs are made.
#[derive(Debug)]
pub struct Pool(Queue<Peer>);

/// Asks a run to stop, whether or not it has begun.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    run: OnceLock<Cancel>,
}

impl Pool {
    /// So many runs at a time, and so many requests that wait for one.
    pub fn new(bounds: Bounds) -> Pool {
        Pool(Queue::new(bounds))
    }

    /// Waits for the turn of a request of this client.
    pub async fn place(&self, client: SocketAddr, metrics: &Metrics, phases: &Phases) -> Result<Place<Peer>, Problem> {
        let caller = Caller::of(client, None);
        let place = self.0.join(caller.peer, caller.strand).map_err(refused)?;
        if place.waits() { turn(place, metrics, phases).await } else { Ok(place) }
    }

    /// Does this on a thread of the pool. It is asked to stop when whoever waits for it is gone, and when the
    /// server ends.
    pub async fn run<T: Send + 'static>(
        &self,
        place: Place<Peer>,
        metrics: &Metrics,
        phases: &Phases,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let stop = Arc::new(Stop::default());
        let asked = Gone(Arc::clone(&stop));
        let running = metrics.running.one();
        let mut done = task::spawn_blocking(move || {
            // Another may begin when this has ended, not when nobody waits for it any more.
            let _of_this = (running, place);
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
}

/// Waits for a place.
async fn turn(place: Place<Peer>, metrics: &Metrics, phases: &Phases) -> Result<Place<Peer>, Problem> {
    let _waiting = metrics.waiting.one();
    tokio::select! {
        place = place.turn() => place.map_err(refused),
        () = phases.reached(Phase::Cancelling) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, ENDS)),
    }
}

fn refused(why: Refused) -> Problem {
    let (status, detail) = match why {
        Refused::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many requests wait for a run"),
        Refused::Crowding => (StatusCode::TOO_MANY_REQUESTS, "too many requests of this client wait for a run"),
    };
    Problem::new(status, detail).with_header("retry-after", "1")
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
