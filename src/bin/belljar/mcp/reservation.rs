//! The position of a call in the queue, taken when its request is read.

use std::sync::{Arc, Mutex, PoisonError};

use crate::net::{
    peer::{Caller, Peer},
    queue::{Permit, Queue, Refused},
};

/// The position of a call in the queue. The tasks of requests start in any order; calls keep that of their requests.
#[derive(Debug, Clone)]
pub struct Reservation(Arc<Mutex<Option<Enqueued>>>);

/// The result of joining the queue.
type Enqueued = Result<Permit<Peer>, Refused>;

impl Reservation {
    /// Enqueues a call of the only client of a server.
    pub fn new(queue: &Queue<Peer>) -> Reservation {
        let Caller { peer, flow } = Caller::ONLY;
        Reservation(Arc::new(Mutex::new(Some(queue.enqueue(peer, flow)))))
    }

    /// Takes the permit, which may still be pending.
    pub fn take(&self) -> Option<Enqueued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
