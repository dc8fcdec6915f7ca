//! Runs that are recorded or replayed.

use alloc::vec::Vec;

use super::Execution;
use crate::recorder::effect::Effect;

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
}
