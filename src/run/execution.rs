//! Execution of one run.

use alloc::boxed::Box;
use core::{any::Any, fmt, task::Waker};

use crate::{
    data::outcome::{Log, Outcome, Usage},
    engine::meter,
    error::{CallError, Error, StopReason},
    run::machine::{Machine, Progress},
    sync::{waker::LateWaker, watch::Cancel},
};

#[cfg(feature = "receipt")]
mod record;

/// One run in progress: stepped by fuel, cancelled from another thread, or run to completion.
///
/// The outcome does not depend on the steps: any sequence of them gives the same outcome as one
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

/// Result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The fuel of the step is used up; the run continues with the next step.
    Yielded,
    /// An async host function is pending; see [`Builder::async_host_function`](crate::Builder::async_host_function).
    /// Another step polls it again.
    Waiting,
    /// The run has ended.
    Done(Outcome),
}

impl Execution {
    pub(crate) fn new(machine: Machine) -> Self {
        Execution { machine, ended: false }
    }

    /// Adds `fuel` to the run's budget, and runs until it is used up or the run ends.
    ///
    /// A host call that costs more than the rest of a step takes the difference from the run's limit, and so does an
    /// operator that moves more than 256 KiB. Any other operator that costs more than a step waits until enough steps
    /// have added up.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the guest was stopped, with its partial output; [`CallError::Ended`] if the run has
    /// ended before.
    pub fn step(&mut self, fuel: u64) -> Result<Step, Error> {
        self.step_with(fuel, Waker::noop())
    }

    /// Steps like [`step`](Execution::step). After [`Step::Waiting`], wakes `waker` when the host function can
    /// continue or the run is cancelled. A deadline does not wake it.
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

    /// Runs to completion. Blocks the thread while an async host function is pending.
    ///
    /// # Errors
    ///
    /// As [`step`](Execution::step).
    pub fn finish(&mut self) -> Result<Outcome, Error> {
        self.check_alive()?;
        let ended = self.machine.finish();
        self.end(ended)
    }

    /// Runs to completion, unless that takes more than `fuel` in all: then returns `None`, and the run can go on with
    /// more fuel, or another call. So a run is paid for bit by bit, up to the limit of its configuration. It blocks as
    /// [`finish`](Execution::finish) does.
    ///
    /// Of a run that returns `None` at most `fuel` is used, and what its instantiation, one host call or one operator
    /// costs beyond it ([`step`](Execution::step)).
    ///
    /// ```
    /// # let sandbox = belljar::Sandbox::new(belljar::Config::default())?;
    /// let module = sandbox.load_text(
    ///     "(module (func (export \"_start\") (local i32) (local.set 0 (i32.const 1000))
    ///         (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))",
    /// )?;
    /// let mut run = sandbox.start(&module, b"")?;
    /// let mut paid = 2_000;
    /// let outcome = loop {
    ///     match run.finish_within(paid)? {
    ///         Some(outcome) => break outcome,
    ///         None => paid += 2_000,
    ///     }
    /// };
    /// assert_eq!(outcome, sandbox.run(&module, b"")?);
    /// assert!((2_000..=paid).contains(&outcome.usage.fuel));
    /// # Ok::<(), belljar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`step`](Execution::step).
    pub fn finish_within(&mut self, fuel: u64) -> Result<Option<Outcome>, Error> {
        let mut thread = LateWaker::default();
        loop {
            // A host call can have used more than its step had.
            let Some(left) = fuel.checked_sub(self.usage().fuel) else { return Ok(None) };
            let more = left.saturating_sub(self.machine.slice_left()).min(meter::SLICE);
            match self.step_with(more, thread.waker())? {
                // The next operator costs more than `fuel` leaves, though not more than the run's limit does.
                Step::Yielded if more == 0 => return Ok(None),
                Step::Yielded => {}
                Step::Waiting => thread.wait(self.time_left()),
                Step::Done(outcome) => return Ok(Some(outcome)),
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

    /// Returns a handle that cancels this run from any thread.
    pub fn cancel_handle(&self) -> Cancel {
        self.machine.watch.cancel()
    }

    /// Returns the usage so far.
    pub fn usage(&mut self) -> Usage {
        self.machine.usage()
    }

    /// Returns the output so far; empty after the end, when the outcome has it.
    pub fn output(&self) -> &[u8] {
        &self.machine.host().output
    }

    /// Returns the log so far; empty after the end, when the outcome has it.
    pub fn log(&self) -> &Log {
        &self.machine.host().log
    }

    /// Returns the data the run was started with, if it is a `T`.
    pub fn data<T: 'static>(&self) -> Option<&T> {
        self.machine.host().data.downcast_ref()
    }

    /// Takes the data the run was started with, if it is a `T`. The run has no data from then on.
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

    /// Returns the machine of the run.
    #[cfg(feature = "explain")]
    pub(crate) fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Returns the time until the deadline.
    pub(crate) fn time_left(&self) -> Option<core::time::Duration> {
        self.machine.watch.time_left()
    }

    /// Returns the wall time from the first step to the end, or to now. It is not part of the outcome.
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
