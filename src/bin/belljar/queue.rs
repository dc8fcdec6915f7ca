//! Requests that wait for a place, and places that go to them in turn.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;

use crate::turns::{Bounds, Ticket, Turns};

/// Places, and requests that wait for them; what copies of it share.
#[derive(Debug)]
pub struct Queue<K: Clone + Eq + Hash>(Arc<Mutex<Inner<K>>>);

/// A request that has been let into the line, until this is dropped: it leaves the line then, or gives its place to
/// the next.
#[derive(Debug)]
#[must_use]
pub struct Place<K: Clone + Eq + Hash> {
    queue: Queue<K>,
    ticket: Ticket,
    /// Told when it has its place; dropped when it has to leave.
    told: Option<oneshot::Receiver<()>>,
}

/// Why a request does not get a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The line is full.
    Full,
    /// The line is full, and this client has the most in it.
    Crowding,
}

#[derive(Debug)]
struct Inner<K> {
    turns: Turns<K>,
    began: Instant,
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// Places that nobody has.
    pub fn new(bounds: Bounds) -> Queue<K> {
        let inner = Inner { turns: Turns::new(bounds), began: Instant::now(), waiting: HashMap::new() };
        Queue(Arc::new(Mutex::new(inner)))
    }

    /// Lets a request of a client into the line. Requests of one strand get their places in their order.
    pub fn join(&self, client: K, strand: u64) -> Result<Place<K>, Refused> {
        let mut inner = self.lock();
        let joined = inner.turns.join(client, strand).ok_or(Refused::Full)?;
        if let Some(displaced) = joined.displaced {
            inner.waiting.remove(&displaced);
        }
        let ticket = joined.ticket;
        let mut place = Place { queue: self.clone(), ticket, told: None };
        if !inner.give(Some(ticket)) {
            let (tell, told) = oneshot::channel();
            inner.waiting.insert(ticket, tell);
            place.told = Some(told);
        }
        Ok(place)
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
    /// Gives out the places there are; whether this request, which nobody has told yet, has got one.
    fn give(&mut self, fresh: Option<Ticket>) -> bool {
        let mut is_given = false;
        while let Some(next) = self.turns.next(self.began.elapsed()) {
            is_given |= Some(next) == fresh;
            if let Some(tell) = self.waiting.remove(&next) {
                // Whoever is gone leaves by being dropped.
                let _ = tell.send(());
            }
        }
        is_given
    }
}

impl<K: Clone + Eq + Hash> Place<K> {
    /// Whether it has to wait.
    #[cfg(feature = "serve")]
    pub fn waits(&self) -> bool {
        self.told.is_some()
    }

    /// Waits for its turn.
    pub async fn turn(mut self) -> Result<Place<K>, Refused> {
        if let Some(told) = self.told.take() {
            told.await.map_err(|_| Refused::Crowding)?;
        }
        Ok(self)
    }
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut inner = self.queue.lock();
        let now = inner.began.elapsed();
        inner.waiting.remove(&self.ticket);
        inner.turns.leave(self.ticket, now);
        inner.give(None);
    }
}
