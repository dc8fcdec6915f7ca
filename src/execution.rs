//! One run in flight.

use alloc::boxed::Box;
use core::{any::Any, fmt};

use crate::{
    error::{CallError, Error},
    machine::{Machine, Progress},
    outcome::{Log, Outcome, Usage},
    watch::Cancel,
};

/// One run in flight: stepped by fuel, cancelled from outside, or run to its end.
///
/// Totals never depend on how it is stepped: any sequence of steps gives the same outcome as one
/// [`finish`](Execution::finish).
///
/// ```
/// use belljar::{Config, Sandbox, Step};
///
/// let sandbox = Sandbox::new(Config::default())?;
/// let module = sandbox.load_text("(module (func (export \"_start\") (loop (br_if 0 (i32.const 0)))))")?;
/// let mut execution = sandbox.start(&module, b"")?;
/// let outcome = loop {
///     match execution.step(1_000)? {
///         Step::Yielded => println!("{} fuel so far", execution.usage().fuel),
///         Step::Done(outcome) => break outcome,
///     }
/// };
/// assert_eq!(outcome.status, 0);
/// # Ok::<(), belljar::Error>(())
/// ```
pub struct Execution {
    machine: Machine,
    ended: bool,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The step's fuel is given out; there is more to do.
    Yielded,
    /// The run came to its end.
    Done(Outcome),
}

impl Execution {
    pub(crate) fn new(machine: Machine) -> Self {
        Execution { machine, ended: false }
    }

    /// Gives the run `fuel` more and runs until that is used, or the run ends.
    ///
    /// A host call whose price exceeds what is left of a step takes the rest from the run's reserve,
    /// and an operator that costs more than a step waits until enough steps have added up.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the guest was stopped, with its partial output; [`CallError::Ended`]
    /// if the run has ended before.
    pub fn step(&mut self, fuel: u64) -> Result<Step, Error> {
        self.advance(Some(fuel))
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// As [`step`](Execution::step).
    pub fn finish(&mut self) -> Result<Outcome, Error> {
        loop {
            if let Step::Done(outcome) = self.advance(None)? {
                return Ok(outcome);
            }
        }
    }

    fn advance(&mut self, budget: Option<u64>) -> Result<Step, Error> {
        if self.ended {
            return Err(CallError::Ended.into());
        }
        let ended = match self.machine.advance(budget) {
            Ok(Progress::Yielded) => return Ok(Step::Yielded),
            Ok(Progress::Done) => self.machine.outcome(),
            Err(reason) => Err(reason),
        };
        self.ended = true;
        self.machine.watch.stop();
        ended.map(Step::Done).map_err(|reason| self.machine.stopped(reason).into())
    }

    /// A handle that stops this run from outside.
    pub fn cancel_handle(&self) -> Cancel {
        self.machine.watch.cancel()
    }

    /// What the run has used so far.
    pub fn usage(&mut self) -> Usage {
        self.machine.usage()
    }

    /// The output so far; empty after the end, when the outcome has it.
    pub fn output(&self) -> &[u8] {
        &self.machine.host().output
    }

    /// The log so far; empty after the end, when the outcome has it.
    pub fn log(&self) -> &Log {
        &self.machine.host().log
    }

    /// The data the run was started with, if it is a `T`.
    pub fn data<T: 'static>(&self) -> Option<&T> {
        self.machine.host().data.downcast_ref()
    }

    /// Takes the data the run was started with, if it is a `T`; the run has none from then on.
    pub fn take_data<T: Any>(&mut self) -> Option<T> {
        let data = core::mem::replace(&mut self.machine.host_mut().data, Box::new(()));
        match data.downcast() {
            Ok(data) => Some(*data),
            Err(data) => {
                self.machine.host_mut().data = data;
                None
            }
        }
    }

    /// Wall time from the first step to the end, or to now. It is not part of the outcome.
    #[cfg(feature = "std")]
    pub fn wall_time(&self) -> core::time::Duration {
        self.machine.watch.elapsed()
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution").field("ended", &self.ended).finish_non_exhaustive()
    }
}
