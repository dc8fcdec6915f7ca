//! Fair scheduling: which of the waiting requests gets the next permit.
//!
//! Clients with the lowest usage go first, however many requests wait. Usage is the time for which permits were held;
//! half of it is forgotten every [`HALF_LIFE`](accounts::HALF_LIFE). All clients with less than [`ALLOWANCE`] are
//! equal, and among equals the newest request goes first: with the oldest first, a single request would wait for all
//! before it. Every [`OLDEST_EVERY`]th turn goes to the oldest request, so that none starves.
//!
//! The same rules apply between the flows of a client: its sessions or connections. Requests of one flow keep their
//! order. The caller passes the time, so that decisions depend only on the calls.

use std::{hash::Hash, time::Duration};

use self::accounts::{Accounts, Id, Rank};

mod accounts;
#[cfg(test)]
mod tests;

/// Usage up to which clients are equal.
const ALLOWANCE: Duration = Duration::from_millis(100);
/// One in this many turns goes to the oldest among equals.
const OLDEST_EVERY: u64 = 8;

/// The scheduler: it decides the order in which requests get permits.
#[derive(Debug)]
pub struct Turns<K> {
    bounds: Bounds,
    accounts: Accounts<K>,
    /// In order of arrival.
    queue: Vec<Waiting>,
    running: Vec<Running>,
    turns: u64,
    tickets: u64,
}

/// Limits on requests.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Requests with a permit.
    pub permits: usize,
    /// Requests that wait for a permit.
    pub waiting: usize,
    /// Permits of one client.
    pub per_client: usize,
}

/// The unique number of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// A request that was added to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The request.
    pub ticket: Ticket,
    /// The request that was removed for it, of the client with the most waiting requests.
    pub displaced: Option<Ticket>,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    client: Id,
    flow: Id,
}

#[derive(Debug)]
struct Running {
    ticket: Ticket,
    client: Id,
    flow: Id,
    /// The time up to which its usage is charged.
    charged_until: Duration,
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// Returns a scheduler with an empty queue.
    pub fn new(bounds: Bounds) -> Turns<K> {
        Turns { bounds, accounts: Accounts::default(), queue: Vec::new(), running: Vec::new(), turns: 0, tickets: 0 }
    }

    /// Enqueues a request; returns `None` if the queue is full. [`next`](Self::next) grants the permit, at once if one
    /// is available.
    pub fn enqueue(&mut self, client: K, flow: u64) -> Option<Enqueued> {
        self.accounts.prune();
        let (client, flow) = (self.accounts.client(client.clone()), self.accounts.flow(client, flow));
        let starts = self.running.len() < self.bounds.permits && self.may_run(client);
        let displaced = match self.queue.len() < self.bounds.waiting || starts {
            true => None,
            false => Some(self.displace_for(client)?),
        };
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.queue.push(Waiting { ticket, client, flow });
        self.accounts.count_waiting([client, flow], true);
        Some(Enqueued { ticket, displaced })
    }

    /// Grants a permit to the next request; returns `None` if no permit is available or no request may have one.
    pub fn next(&mut self, now: Duration) -> Option<Ticket> {
        if self.running.len() >= self.bounds.permits || self.queue.is_empty() {
            return None;
        }
        self.charge_running(now);
        let allowed = Rank::of(ALLOWANCE, now);
        let is_of_oldest = (self.turns + 1).is_multiple_of(OLDEST_EVERY);
        let priority = |(at, waiting): &(usize, &Waiting)| {
            let used = [waiting.client, waiting.flow].map(|id| self.accounts.rank(id).max(allowed));
            (used, if is_of_oldest { *at } else { usize::MAX - *at })
        };
        let all = self.queue.iter().enumerate().filter(|(_, waiting)| self.may_run(waiting.client));
        let (chosen, Waiting { flow, .. }) = all.min_by_key(priority)?;
        let first = self.queue.iter().take(chosen).position(|waiting| waiting.flow == *flow).unwrap_or(chosen);
        // Only turns with several candidates count.
        self.turns += u64::from(self.queue.len() > 1);
        let Waiting { ticket, client, flow } = self.queue.remove(first);
        self.accounts.count_waiting([client, flow], false);
        self.accounts.count_running([client, flow], true);
        self.running.push(Running { ticket, client, flow, charged_until: now });
        Some(ticket)
    }

    /// Removes a request from the queue, or releases its permit.
    pub fn leave(&mut self, ticket: Ticket, now: Duration) {
        if let Some(at) = self.running.iter().position(|running| running.ticket == ticket) {
            let ended = self.running.swap_remove(at);
            self.accounts.charge([ended.client, ended.flow], now.saturating_sub(ended.charged_until), now);
            self.accounts.count_running([ended.client, ended.flow], false);
        } else if let Some(at) = self.queue.iter().position(|waiting| waiting.ticket == ticket) {
            let Waiting { client, flow, .. } = self.queue.remove(at);
            self.accounts.count_waiting([client, flow], false);
        }
    }

    /// Charges the running requests up to now, so that clients with long runs go last even before the runs have ended.
    fn charge_running(&mut self, now: Duration) {
        for running in &mut self.running {
            let used = now.saturating_sub(running.charged_until);
            self.accounts.charge([running.client, running.flow], used, now);
            running.charged_until = now;
        }
    }

    fn may_run(&self, client: Id) -> bool {
        self.accounts.running(client) < self.bounds.per_client
    }

    /// Removes the newest request of the client with the most requests in a full queue, unless the two clients would
    /// only swap positions.
    fn displace_for(&mut self, client: Id) -> Option<Ticket> {
        let count = |waiting: &Waiting| self.accounts.waiting(waiting.client);
        // The last of the requests of this client.
        let (at, most) = self.queue.iter().enumerate().max_by_key(|(at, waiting)| (count(waiting), *at))?;
        if count(most) <= self.accounts.waiting(client) + 1 {
            return None;
        }
        let Waiting { ticket, client, flow } = self.queue.remove(at);
        self.accounts.count_waiting([client, flow], false);
        Some(ticket)
    }
}
