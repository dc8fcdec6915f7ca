//! One run in flight.

use alloc::boxed::Box;
#[cfg(feature = "receipt")]
use alloc::vec::Vec;
use core::{any::Any, fmt, task::Waker};

#[cfg(feature = "receipt")]
use crate::host::tape::reel::Effect;
use crate::{
    error::{CallError, Error, StopReason},
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
///         Step::Waiting => unreachable!("no function of the host waits"),
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
    /// An async host function waits; see [`Builder::async_host_function`](crate::Builder::async_host_function).
    /// Another step asks it again.
    Waiting,
    /// The run came to its end.
    Done(Outcome),
}

impl Execution {
    pub(crate) fn new(machine: Machine) -> Self {
        Execution { machine, ended: false }
    }

    /// Gives the run `fuel` more and runs until that is used, or the run ends.
    ///
    /// A host call whose price exceeds what is left of a step takes the rest from the run's reserve, and so does an
    /// operator that moves more than 256 KiB. Any other operator that costs more than a step waits until enough
    /// steps have added up.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the guest was stopped, with its partial output; [`CallError::Ended`]
    /// if the run has ended before.
    pub fn step(&mut self, fuel: u64) -> Result<Step, Error> {
        self.step_with(fuel, Waker::noop())
    }

    /// As [`step`](Execution::step), and has `waker` woken when, after [`Step::Waiting`], another step is
    /// worth while: the host function has what it waited for, or the run is cancelled. A deadline wakes
    /// nobody.
    ///
    /// # Errors
    ///
    /// As [`step`](Execution::step).
    pub fn step_with(&mut self, fuel: u64, waker: &Waker) -> Result<Step, Error> {
        self.check_alive()?;
        let ended = match self.machine.advance(Some(fuel), waker) {
            Ok(Progress::Yielded) => return Ok(Step::Yielded),
            Ok(Progress::Waiting) => return Ok(Step::Waiting),
            Ok(Progress::Done) => self.machine.outcome(),
            Err(reason) => Err(reason),
        };
        self.end(ended).map(Step::Done)
    }

    /// Runs to the end. Where an async host function waits, the thread does.
    ///
    /// # Errors
    ///
    /// As [`step`](Execution::step).
    pub fn finish(&mut self) -> Result<Outcome, Error> {
        self.check_alive()?;
        let ended = self.machine.finish();
        self.end(ended)
    }

    /// Runs to the end, but stops where the run is going to use more than `fuel` in all: `None`.
    #[cfg(feature = "receipt")]
    pub(crate) fn finish_within(&mut self, fuel: u64) -> Option<Result<Outcome, Error>> {
        loop {
            // A host call can have taken more than its step was given.
            let left = fuel.checked_sub(self.usage().fuel)?;
            let more = left.saturating_sub(self.machine.slice_left()).min(crate::meter::SLICE);
            match self.step(more) {
                // What comes next costs more than is left, and the limit of the run has it.
                Ok(Step::Yielded) if more == 0 => return None,
                Ok(Step::Yielded | Step::Waiting) => {}
                Ok(Step::Done(outcome)) => return Some(Ok(outcome)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn check_alive(&self) -> Result<(), Error> {
        if self.ended { Err(CallError::Ended.into()) } else { Ok(()) }
    }

    fn end(&mut self, ended: Result<Outcome, StopReason>) -> Result<Outcome, Error> {
        self.ended = true;
        self.machine.watch.stop();
        ended.map_err(|reason| self.machine.stopped(reason).into())
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

    /// Time until the deadline.
    pub(crate) fn time_left(&self) -> Option<core::time::Duration> {
        self.machine.watch.left()
    }

    /// Notes from now on what the run is given by the world outside of it, to be played again by another run:
    /// what host functions of the embedding program do; and for a program of WASI the clock and random bytes
    /// of the host, and what is done in its directories. It is for the start of a run, before its first step.
    ///
    /// The run stops with [`StopReason::Transcript`] when the notes, as text, would have more than
    /// `max_bytes`.
    #[cfg(feature = "receipt")]
    pub fn record(&mut self, max_bytes: u64) {
        self.machine.host_mut().tape.reel().record(max_bytes);
    }

    /// What has been noted since [`record`](Self::record), which ends with this.
    #[cfg(feature = "receipt")]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.machine.host_mut().tape.reel().take()
    }

    /// Asks nothing of the world from now on, but does what was done when these notes were taken. A guest
    /// that asks for something else is stopped with [`StopReason::Replay`].
    #[cfg(feature = "receipt")]
    pub fn play(&mut self, effects: Vec<Effect>) {
        self.machine.host_mut().tape.reel().play(effects);
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
