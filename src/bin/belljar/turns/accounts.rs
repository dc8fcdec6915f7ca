//! Usage of clients and their flows, and the number of their requests.

use std::{collections::HashMap, hash::Hash, time::Duration};

/// Half-life of the usage of a client.
pub const HALF_LIFE: Duration = Duration::from_secs(10);

/// Number of accounts above which idle ones are removed: the half with the lowest usage.
const KEPT: usize = 8_192;

/// The accounts of clients and their flows.
#[derive(Debug)]
pub struct Accounts<K> {
    /// By client, and by client and flow.
    ids: HashMap<(K, Option<u64>), Id>,
    all: Vec<Account>,
    free: Vec<Id>,
    /// The number of accounts at which idle ones are removed next.
    limit: usize,
}

/// The index of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(usize);

#[derive(Debug, Clone, Default)]
struct Account {
    rank: Rank,
    waiting: usize,
    running: usize,
}

/// The order of accounts by usage: the logarithm of the usage, plus the number of half-lives until then. All usage
/// decays at the same rate, so the order of two accounts stays the same until one is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(i64);

/// Resolution: the number of ranks per doubling of the usage.
const STEPS: f64 = (1 << 24) as f64;

impl<K> Default for Accounts<K> {
    fn default() -> Self {
        Accounts { ids: HashMap::new(), all: Vec::new(), free: Vec::new(), limit: KEPT }
    }
}

impl Default for Rank {
    fn default() -> Self {
        Rank(i64::MIN)
    }
}

impl<K: Eq + Hash> Accounts<K> {
    /// Returns the account of a client, and opens it if needed.
    pub fn client(&mut self, client: K) -> Id {
        self.open((client, None))
    }

    /// Returns the account of a flow, and opens it if needed.
    pub fn flow(&mut self, client: K, flow: u64) -> Id {
        self.open((client, Some(flow)))
    }

    /// Returns the number of accounts.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    fn open(&mut self, key: (K, Option<u64>)) -> Id {
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.all.push(Account::default());
            Id(self.all.len() - 1)
        });
        self.ids.insert(key, id);
        id
    }

    /// Removes the idle accounts with the lowest usage, if there are many accounts.
    pub fn prune(&mut self) {
        if self.ids.len() < self.limit {
            return;
        }
        let mut idle: Vec<_> = self.ids.values().filter_map(|id| self.idle_rank(*id)).collect();
        idle.sort_unstable();
        let least = idle.get(idle.len() / 2).copied();
        self.ids.retain(|_, id| {
            let account = self.all.get_mut(id.0).filter(|account| account.waiting + account.running == 0);
            match account.filter(|account| least.is_some_and(|least| account.rank <= least)) {
                Some(account) => {
                    *account = Account::default();
                    self.free.push(*id);
                    false
                }
                None => true,
            }
        });
        self.limit = KEPT.max(2 * self.ids.len());
    }

    /// Returns the rank of an account without requests, or `None`.
    fn idle_rank(&self, id: Id) -> Option<Rank> {
        self.all.get(id.0).filter(|account| account.waiting + account.running == 0).map(|account| account.rank)
    }

    /// Returns the rank of an account.
    pub fn rank(&self, id: Id) -> Rank {
        self.all.get(id.0).map_or(Rank::default(), |account| account.rank)
    }

    /// Returns the number of waiting requests.
    pub fn waiting(&self, id: Id) -> usize {
        self.all.get(id.0).map_or(0, |account| account.waiting)
    }

    /// Returns the number of requests with a permit.
    pub fn running(&self, id: Id) -> usize {
        self.all.get(id.0).map_or(0, |account| account.running)
    }

    /// Adds a waiting request to the accounts, or removes it.
    pub fn count_waiting(&mut self, of: [Id; 2], up: bool) {
        self.change(of, |account| count(&mut account.waiting, up));
    }

    /// Adds a request with a permit to the accounts, or removes it.
    pub fn count_running(&mut self, of: [Id; 2], up: bool) {
        self.change(of, |account| count(&mut account.running, up));
    }

    /// Adds time to the usage of the accounts.
    pub fn charge(&mut self, of: [Id; 2], time: Duration, now: Duration) {
        self.change(of, |account| account.rank = account.rank.with(time, now));
    }

    fn change(&mut self, of: [Id; 2], change: impl Fn(&mut Account)) {
        for id in of {
            if let Some(account) = self.all.get_mut(id.0) {
                change(account);
            }
        }
    }
}

fn count(number: &mut usize, up: bool) {
    *number = if up { *number + 1 } else { number.saturating_sub(1) };
}

impl Rank {
    /// Returns the rank of an account whose only usage is this time, now.
    pub fn of(time: Duration, now: Duration) -> Rank {
        Rank::default().with(time, now)
    }

    fn with(self, time: Duration, now: Duration) -> Rank {
        let now = now.as_secs_f64() / HALF_LIFE.as_secs_f64();
        let kept = (self.0 as f64 / STEPS - now).exp2();
        // No usage is `-inf`, which `as` converts to the lowest number.
        Rank((((kept + time.as_secs_f64()).log2() + now) * STEPS) as i64)
    }
}
