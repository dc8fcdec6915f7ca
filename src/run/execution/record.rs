//! Runs that are recorded, replayed, or repeated within a limit of fuel.

use alloc::vec::Vec;

use super::{Execution, Step};
use crate::{data::outcome::Outcome, engine::meter, error::Error, recorder::effect::Effect};

impl Execution {
    /// Records from now on what the host environment answers, so that another run can replay it: the actions and
    /// results of custom host functions; for a WASI program also the clock, the random bytes and the directories of
    /// the host. Call it at the start of a run, before its first step.
    ///
    /// The run stops with [`LimitExceeded::Transcript`](crate::LimitExceeded::Transcript) when the effects, as text, would
    /// take more than `max_bytes`.
    pub fn record(&mut self, max_bytes: u64) {
        self.machine.host_mut().recorder.record(max_bytes);
    }

    /// Takes the effects recorded since [`record`](Self::record); nothing more is recorded.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.machine.host_mut().recorder.take()
    }

    /// Replays recorded effects from now on: nothing is asked of the host. A guest that asks for something else than
    /// what was recorded is stopped with [`HostStop::Replay`](crate::HostStop::Replay).
    pub fn replay(&mut self, effects: Vec<Effect>) {
        self.machine.host_mut().recorder.replay(effects);
    }

    /// Runs to completion, unless that takes more than `fuel` in all. Returns `None` in that case.
    pub(crate) fn finish_within(&mut self, fuel: u64) -> Option<Result<Outcome, Error>> {
        loop {
            // A host call can have used more than its step had.
            let left = fuel.checked_sub(self.usage().fuel)?;
            let more = left.saturating_sub(self.machine.slice_left()).min(meter::SLICE);
            match self.step(more) {
                // The next operator costs more than `fuel` leaves, though not more than the run's limit does.
                Ok(Step::Yielded) if more == 0 => return None,
                Ok(Step::Yielded | Step::Waiting) => {}
                Ok(Step::Done(outcome)) => return Some(Ok(outcome)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
