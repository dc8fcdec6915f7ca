//! What clients and their strands have used, and have in the line.

use std::{collections::HashMap, hash::Hash, time::Duration};

/// Time after which half of what a client has used is forgotten.
pub const HALF_LIFE: Duration = Duration::from_secs(10);

/// Accounts that are kept of those who have nothing in the line: of more, the half that has used least is forgotten.
const KEPT: usize = 8_192;

/// What clients and their strands have used, and have in the line.
#[derive(Debug)]
pub struct Accounts<K> {
    /// A client, and one of its strands.
    ids: HashMap<(K, Option<u64>), Id>,
    all: Vec<Account>,
    free: Vec<Id>,
    /// When to forget some.
    full: usize,
}

/// Which account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(usize);

#[derive(Debug, Clone, Default)]
struct Account {
    rank: Rank,
    waiting: usize,
    running: usize,
}

/// The order of accounts by use: the logarithm of what has been used, plus the half-lives until then. All forget half
/// in the same time, so whoever is before another stays so while neither uses more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(i64);

/// Steps between half as much and as much.
const STEPS: f64 = (1 << 24) as f64;

impl<K> Default for Accounts<K> {
    fn default() -> Self {
        Accounts { ids: HashMap::new(), all: Vec::new(), free: Vec::new(), full: KEPT }
    }
}

impl Default for Rank {
    fn default() -> Self {
        Rank(i64::MIN)
    }
}

impl<K: Eq + Hash> Accounts<K> {
    /// The account of a client.
    pub fn client(&mut self, client: K) -> Id {
        self.open((client, None))
    }

    /// The account of a strand.
    pub fn strand(&mut self, client: K, strand: u64) -> Id {
        self.open((client, Some(strand)))
    }

    /// How many there are.
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

    /// Forgets those who have used least, if there are many; none that has something in the line.
    pub fn forget(&mut self) {
        if self.ids.len() < self.full {
            return;
        }
        let mut idle: Vec<_> = self.ids.values().filter_map(|id| self.idle(*id)).collect();
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
        self.full = KEPT.max(2 * self.ids.len());
    }

    /// The rank of an account that has nothing in the line.
    fn idle(&self, id: Id) -> Option<Rank> {
        self.all.get(id.0).filter(|account| account.waiting + account.running == 0).map(|account| account.rank)
    }

    /// How much was used, in an order.
    pub fn rank(&self, id: Id) -> Rank {
        self.all.get(id.0).map_or(Rank::default(), |account| account.rank)
    }

    /// How many requests wait.
    pub fn waiting(&self, id: Id) -> usize {
        self.all.get(id.0).map_or(0, |account| account.waiting)
    }

    /// How many requests have a place.
    pub fn running(&self, id: Id) -> usize {
        self.all.get(id.0).map_or(0, |account| account.running)
    }

    /// Counts a request that waits, or no longer does.
    pub fn waits(&mut self, of: [Id; 2], does: bool) {
        self.change(of, |account| count(&mut account.waiting, does));
    }

    /// Counts a request that has a place, or no longer does.
    pub fn runs(&mut self, of: [Id; 2], does: bool) {
        self.change(of, |account| count(&mut account.running, does));
    }

    /// Adds to what has been used.
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
    /// The rank of whoever has used this now, and nothing before.
    pub fn of(time: Duration, now: Duration) -> Rank {
        Rank::default().with(time, now)
    }

    fn with(self, time: Duration, now: Duration) -> Rank {
        let now = now.as_secs_f64() / HALF_LIFE.as_secs_f64();
        let kept = (self.0 as f64 / STEPS - now).exp2();
        // Nothing at all is the lowest number, as `as` has it.
        Rank((((kept + time.as_secs_f64()).log2() + now) * STEPS) as i64)
    }
}
