//! Round-robin scheduler of many runs on one thread.

use alloc::collections::VecDeque;
use core::task::Waker;

use crate::{
    data::outcome::Outcome,
    error::Error,
    run::execution::{Execution, Step},
    sync::waker::LateWaker,
};

/// Runs executions round-robin on the calling thread, in turns of equal fuel.
///
/// The order in which runs end depends only on when they were added and on the fuel of a turn, and is reproducible.
/// The outcome of a run does not depend on the others. Where runs wait for async host functions, the order also
/// depends on when these complete.
///
/// ```
/// use belljar::{Config, Sandbox, Scheduler};
///
/// let sandbox = Sandbox::new(Config::default())?;
/// let module = sandbox.load(&std::fs::read("fixtures/guests/upper-c.wasm")?)?;
///
/// let mut scheduler = Scheduler::new(1_000);
/// for name in ["a much longer input than the other one has", "short"] {
///     scheduler.add(name, sandbox.start(&module, name)?);
/// }
/// let ended: Vec<_> = scheduler.map(|(name, result)| Ok((name, result?.output))).collect::<Result<_, belljar::Error>>()?;
/// assert_eq!(ended[0], ("short", b"SHORT".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// As an [`Iterator`] it yields each run's key and result, in the order in which they end; runs may be added in
/// between. A run that is stopped by a limit, its deadline or a cancel ends with its error and does not affect the
/// others.
#[derive(Debug)]
pub struct Scheduler<K> {
    turn: u64,
    waiting: VecDeque<(K, Execution)>,
}

impl<K> Scheduler<K> {
    /// Returns a scheduler whose turns have this much fuel (at least 1). Below some thousand, the overhead of a
    /// turn exceeds its work.
    pub fn new(turn: u64) -> Self {
        Scheduler { turn: turn.max(1), waiting: VecDeque::new() }
    }

    /// Adds a run behind all others.
    pub fn add(&mut self, key: K, execution: Execution) {
        self.waiting.push_back((key, execution));
    }

    /// Gives one turn to the run that has waited longest. Returns its key and result if it ended, `None` if it
    /// continues or there is no run.
    pub fn turn(&mut self) -> Option<(K, Result<Outcome, Error>)> {
        match self.turn_with(Waker::noop())? {
            Turn::Done(key, result) => Some((key, result)),
            Turn::Yielded | Turn::Waiting => None,
        }
    }

    fn turn_with(&mut self, waker: &Waker) -> Option<Turn<K>> {
        let (key, mut execution) = self.waiting.pop_front()?;
        let turn = match execution.step_with(self.turn, waker) {
            Ok(Step::Yielded) => Turn::Yielded,
            Ok(Step::Waiting) => Turn::Waiting,
            Ok(Step::Done(outcome)) => return Some(Turn::Done(key, Ok(outcome))),
            Err(error) => return Some(Turn::Done(key, Err(error))),
        };
        self.waiting.push_back((key, execution));
        Some(turn)
    }

    /// Returns the number of runs that have not ended.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether all runs have ended.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Iterates over the runs that have not ended, the next one first: to inspect or cancel them.
    pub fn waiting(&mut self) -> impl Iterator<Item = (&K, &mut Execution)> {
        self.waiting.iter_mut().map(|(key, execution)| (&*key, execution))
    }
}

/// Result of a turn.
enum Turn<K> {
    Yielded,
    Waiting,
    Done(K, Result<Outcome, Error>),
}

impl<K> Iterator for Scheduler<K> {
    type Item = (K, Result<Outcome, Error>);

    /// Runs turns until a run ends. Returns `None` when no run is left. Blocks the thread while all runs wait.
    fn next(&mut self) -> Option<Self::Item> {
        let mut thread = LateWaker::default();
        let mut idle = 0;
        loop {
            match self.turn_with(thread.waker())? {
                Turn::Done(key, result) => return Some((key, result)),
                Turn::Yielded => idle = 0,
                Turn::Waiting => idle += 1,
            }
            if idle < self.len() {
                continue;
            }
            idle = 0;
            thread.wait(self.waiting.iter().filter_map(|(_, run)| run.time_left()).min());
        }
    }
}
