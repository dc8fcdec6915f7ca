//! Whose turn it is: which of the requests that wait gets the next place.
//!
//! Clients that have used little go first, whatever waits beside them. Use is the time for which places were held;
//! half of it is forgotten every [`HALF_LIFE`](accounts::HALF_LIFE). All who have used less than [`ALLOWANCE`] are
//! equal, and of equals the newest goes first: with the oldest first, a single request would wait for all that came
//! before it. Every [`OLDEST_EVERY`]th turn is the oldest one's, so that each gets its turn.
//!
//! What holds between clients holds between the strands of a client, too. The requests of a strand keep their order.
//! Clocks are read by whoever calls, so that what is decided depends on the calls alone.

use std::{hash::Hash, time::Duration};

use self::accounts::{Accounts, Id, Rank};

mod accounts;
#[cfg(test)]
mod tests;

/// Use up to which clients are equal.
const ALLOWANCE: Duration = Duration::from_millis(100);
/// Of so many turns among equals, one is the oldest one's.
const OLDEST_EVERY: u64 = 8;

/// The order in which requests get places.
#[derive(Debug)]
pub struct Turns<K> {
    bounds: Bounds,
    accounts: Accounts<K>,
    /// In the order in which they came.
    line: Vec<Waiting>,
    running: Vec<Running>,
    given: u64,
    asked: u64,
}

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Requests that have a place.
    pub places: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// Places of one client.
    pub per_client: usize,
}

/// A request, by a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// A request that waits now, if there was room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// It.
    pub ticket: Ticket,
    /// The one that had to leave for it, of the client with the most that wait.
    pub displaced: Option<Ticket>,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    client: Id,
    strand: Id,
}

#[derive(Debug)]
struct Running {
    ticket: Ticket,
    client: Id,
    strand: Id,
    /// Up to when its time is accounted for.
    since: Duration,
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// A line in which nothing waits.
    pub fn new(bounds: Bounds) -> Turns<K> {
        Turns { bounds, accounts: Accounts::default(), line: Vec::new(), running: Vec::new(), given: 0, asked: 0 }
    }

    /// Puts a request into the line; `None` if it is full. [`next`](Self::next) gives it its place, at once if there
    /// is one.
    pub fn join(&mut self, client: K, strand: u64) -> Option<Joined> {
        self.accounts.forget();
        let (client, strand) = (self.accounts.client(client.clone()), self.accounts.strand(client, strand));
        let starts = self.running.len() < self.bounds.places && self.may_run(client);
        let displaced = match self.line.len() < self.bounds.waiting || starts {
            true => None,
            false => Some(self.displaced_by(client)?),
        };
        self.asked += 1;
        let ticket = Ticket(self.asked);
        self.line.push(Waiting { ticket, client, strand });
        self.accounts.waits([client, strand], true);
        Some(Joined { ticket, displaced })
    }

    /// Gives a place to the request whose turn it is, if there are both.
    pub fn next(&mut self, now: Duration) -> Option<Ticket> {
        if self.running.len() >= self.bounds.places || self.line.is_empty() {
            return None;
        }
        self.settle(now);
        let allowed = Rank::of(ALLOWANCE, now);
        let is_of_oldest = (self.given + 1).is_multiple_of(OLDEST_EVERY);
        let place = |(at, waiting): &(usize, &Waiting)| {
            let used = [waiting.client, waiting.strand].map(|id| self.accounts.rank(id).max(allowed));
            (used, if is_of_oldest { *at } else { usize::MAX - *at })
        };
        let all = self.line.iter().enumerate().filter(|(_, waiting)| self.may_run(waiting.client));
        let (chosen, Waiting { strand, .. }) = all.min_by_key(place)?;
        let first = self.line.iter().take(chosen).position(|waiting| waiting.strand == *strand).unwrap_or(chosen);
        // A turn that no other could have had is none.
        self.given += u64::from(self.line.len() > 1);
        let Waiting { ticket, client, strand } = self.line.remove(first);
        self.accounts.waits([client, strand], false);
        self.accounts.runs([client, strand], true);
        self.running.push(Running { ticket, client, strand, since: now });
        Some(ticket)
    }

    /// Takes a request out, whether it waits or has a place, which is free then.
    pub fn leave(&mut self, ticket: Ticket, now: Duration) {
        if let Some(at) = self.running.iter().position(|running| running.ticket == ticket) {
            let ended = self.running.swap_remove(at);
            self.accounts.charge([ended.client, ended.strand], now.saturating_sub(ended.since), now);
            self.accounts.runs([ended.client, ended.strand], false);
        } else if let Some(at) = self.line.iter().position(|waiting| waiting.ticket == ticket) {
            let Waiting { client, strand, .. } = self.line.remove(at);
            self.accounts.waits([client, strand], false);
        }
    }

    /// Accounts for what runs, so that those who hold places for long go last before their runs have ended.
    fn settle(&mut self, now: Duration) {
        for running in &mut self.running {
            let used = now.saturating_sub(running.since);
            self.accounts.charge([running.client, running.strand], used, now);
            running.since = now;
        }
    }

    fn may_run(&self, client: Id) -> bool {
        self.accounts.running(client) < self.bounds.per_client
    }

    /// Takes the newest request of the client with the most out of a full line, unless that would only have the two
    /// of them change places.
    fn displaced_by(&mut self, client: Id) -> Option<Ticket> {
        let count = |waiting: &Waiting| self.accounts.waiting(waiting.client);
        // The last one, of several that wait for the same client.
        let (at, most) = self.line.iter().enumerate().max_by_key(|(at, waiting)| (count(waiting), *at))?;
        if count(most) <= self.accounts.waiting(client) + 1 {
            return None;
        }
        let Waiting { ticket, client, strand } = self.line.remove(at);
        self.accounts.waits([client, strand], false);
        Some(ticket)
    }
}
