//! Fair queue of requests for a limited number of permits.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;

use crate::turns::{Bounds, Ticket, Turns};

/// A queue of requests for permits. Clones share it.
#[derive(Debug)]
pub struct Queue<K: Clone + Eq + Hash>(Arc<Mutex<Inner<K>>>);

/// The permit of a request, pending or granted. On drop the request leaves the queue, or its permit is granted to the
/// next one.
#[derive(Debug)]
#[must_use]
pub struct Permit<K: Clone + Eq + Hash> {
    queue: Queue<K>,
    ticket: Ticket,
    /// Receives the grant; closed if the request is displaced. `None` if the permit is granted.
    granted: Option<oneshot::Receiver<()>>,
}

/// The reason why a request gets no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The queue is full.
    Full,
    /// The queue is full, and this client has the most requests in it.
    Crowding,
}

#[derive(Debug)]
struct Inner<K> {
    turns: Turns<K>,
    began: Instant,
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// Returns an empty queue with all permits available.
    pub fn new(bounds: Bounds) -> Queue<K> {
        let inner = Inner { turns: Turns::new(bounds), began: Instant::now(), waiting: HashMap::new() };
        Queue(Arc::new(Mutex::new(inner)))
    }

    /// Enqueues a request of a client. Requests of one flow get their permits in their order.
    pub fn enqueue(&self, client: K, flow: u64) -> Result<Permit<K>, Refused> {
        let mut inner = self.lock();
        let enqueued = inner.turns.enqueue(client, flow).ok_or(Refused::Full)?;
        if let Some(displaced) = enqueued.displaced {
            inner.waiting.remove(&displaced);
        }
        let ticket = enqueued.ticket;
        let mut permit = Permit { queue: self.clone(), ticket, granted: None };
        if !inner.grant(Some(ticket)) {
            let (grant, granted) = oneshot::channel();
            inner.waiting.insert(ticket, grant);
            permit.granted = Some(granted);
        }
        Ok(permit)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Queue(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash> Inner<K> {
    /// Grants the available permits. Returns whether `fresh`, which has no receiver yet, is among them.
    fn grant(&mut self, fresh: Option<Ticket>) -> bool {
        let mut is_granted = false;
        while let Some(next) = self.turns.next(self.began.elapsed()) {
            is_granted |= Some(next) == fresh;
            if let Some(grant) = self.waiting.remove(&next) {
                // A dropped receiver belongs to a permit that is being dropped, which leaves the queue itself.
                let _ = grant.send(());
            }
        }
        is_granted
    }
}

impl<K: Clone + Eq + Hash> Permit<K> {
    /// Returns whether the request has to wait.
    pub fn is_pending(&self) -> bool {
        self.granted.is_some()
    }

    /// Waits until the permit is granted.
    pub async fn ready(mut self) -> Result<Permit<K>, Refused> {
        if let Some(granted) = self.granted.take() {
            granted.await.map_err(|_| Refused::Crowding)?;
        }
        Ok(self)
    }
}

impl<K: Clone + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut inner = self.queue.lock();
        let now = inner.began.elapsed();
        inner.waiting.remove(&self.ticket);
        inner.turns.leave(self.ticket, now);
        inner.grant(None);
    }
}
