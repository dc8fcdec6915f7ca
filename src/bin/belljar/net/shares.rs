//! The share of each client in what a server has a fixed number of.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::peer::Peer;

/// Counts of what each client holds, and the most that one may hold.
#[derive(Debug, Clone)]
pub struct Shares {
    held: Arc<Mutex<HashMap<Peer, usize>>>,
    most: usize,
}

/// One unit that a client holds until this is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Shares,
    client: Peer,
}

impl Shares {
    /// Creates the counts.
    pub fn new(most: usize) -> Shares {
        Shares { held: Arc::default(), most }
    }

    /// Takes one unit for a client; `None` if it holds the most.
    pub fn take(&self, client: Peer) -> Option<Share> {
        let mut held = self.lock();
        let count = held.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share { shares: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Peer, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.lock();
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::peer::Peer, Shares};

    #[test]
    fn a_client_holds_no_more_than_its_share() {
        let [one, other] = ["10.0.0.1:1", "10.0.0.2:1"].map(|text| Peer::of(text.parse().unwrap()));
        let shares = Shares::new(2);
        let first = shares.take(one);
        let second = shares.take(one);
        assert!(first.is_some() && second.is_some() && shares.take(one).is_none() && shares.take(other).is_some());
        drop(first);
        assert!(shares.take(one).is_some());
        drop(second);
        assert!(shares.lock().is_empty());
    }
}
