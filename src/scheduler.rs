//! Many runs on one thread, each in its turn.

use alloc::collections::VecDeque;
use core::task::Waker;

use crate::{
    error::Error,
    execution::{Execution, Step},
    outcome::Outcome,
    wait::Bell,
};

/// Runs executions in turns of equal fuel, on the thread that asks for it.
///
/// The order is a function of what was added when, and of the fuel of a turn: nothing else decides
/// which run ends first, and running it again gives the same order. What a run comes to does not depend
/// on the others at all. Where runs wait for async host functions, when these answer has its part in the
/// order.
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
/// As an [`Iterator`] it gives each run's key and end, in the order in which they end; runs may be added
/// in between. A run that is stopped, by a limit, its deadline or a cancel, ends with its error and is no
/// trouble to the others.
#[derive(Debug)]
pub struct Scheduler<K> {
    turn: u64,
    waiting: VecDeque<(K, Execution)>,
}

impl<K> Scheduler<K> {
    /// A scheduler whose turns are this long, in fuel (at least 1). A turn of less than some thousand
    /// costs more to begin than it does.
    pub fn new(turn: u64) -> Self {
        Scheduler { turn: turn.max(1), waiting: VecDeque::new() }
    }

    /// Adds a run behind all others.
    pub fn add(&mut self, key: K, execution: Execution) {
        self.waiting.push_back((key, execution));
    }

    /// Gives one turn to the run that has waited longest. Returns its key and its end if that was its
    /// last; `None` if it goes on, or there is none.
    pub fn turn(&mut self) -> Option<(K, Result<Outcome, Error>)> {
        match self.turn_with(Waker::noop())? {
            Turn::Ended(key, result) => Some((key, result)),
            Turn::GoesOn | Turn::Waits => None,
        }
    }

    fn turn_with(&mut self, waker: &Waker) -> Option<Turn<K>> {
        let (key, mut execution) = self.waiting.pop_front()?;
        let turn = match execution.step_with(self.turn, waker) {
            Ok(Step::Yielded) => Turn::GoesOn,
            Ok(Step::Waiting) => Turn::Waits,
            Ok(Step::Done(outcome)) => return Some(Turn::Ended(key, Ok(outcome))),
            Err(error) => return Some(Turn::Ended(key, Err(error))),
        };
        self.waiting.push_back((key, execution));
        Some(turn)
    }

    /// How many runs have not ended.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether all runs have ended.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The runs that have not ended, the next one first: to look at them, or to cancel some.
    pub fn waiting(&mut self) -> impl Iterator<Item = (&K, &mut Execution)> {
        self.waiting.iter_mut().map(|(key, execution)| (&*key, execution))
    }
}

/// What a turn came to.
enum Turn<K> {
    GoesOn,
    Waits,
    Ended(K, Result<Outcome, Error>),
}

impl<K> Iterator for Scheduler<K> {
    type Item = (K, Result<Outcome, Error>);

    /// Runs turn after turn until a run has ended; `None` when there is none left. Where all runs wait, so
    /// does the thread.
    fn next(&mut self) -> Option<Self::Item> {
        let mut bell: Option<Bell> = None;
        let mut idle = 0;
        loop {
            let waker = bell.as_ref().map_or(Waker::noop(), Bell::waker);
            match self.turn_with(waker)? {
                Turn::Ended(key, result) => return Some((key, result)),
                Turn::GoesOn => idle = 0,
                Turn::Waits => idle += 1,
            }
            if idle < self.len() {
                continue;
            }
            idle = 0;
            match &bell {
                Some(bell) => bell.wait(self.waiting.iter().filter_map(|(_, run)| run.time_left()).min()),
                None => bell = Some(Bell::new()),
            }
        }
    }
}
