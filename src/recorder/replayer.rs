//! The effects of an earlier run, as they are replayed.

use alloc::{
    collections::VecDeque,
    string::{String, ToString},
    vec::Vec,
};

use super::effect::{Effect, Request};
use crate::error::{HostStop, StopReason};

/// The effects that are left.
#[derive(Debug)]
pub(super) struct Replayer {
    left: VecDeque<Effect>,
    replayed: u64,
}

impl Replayer {
    pub(super) fn new(effects: Vec<Effect>) -> Self {
        Replayer { left: effects.into(), replayed: 0 }
    }

    /// Takes the next effect, which has to be of this request.
    pub(super) fn next(&mut self, request: &Request) -> Result<Effect, StopReason> {
        self.replayed += 1;
        let expected = match self.left.pop_front() {
            Some(next) => match next.request() {
                expected if expected == *request => return Ok(next),
                expected => expected.to_string(),
            },
            None => "the end of the transcript".into(),
        };
        Err(self.mismatch(&request.function, expected, request.to_string()))
    }

    /// Returns the stop of a run that does something else than the recorded one.
    pub(super) fn mismatch(&self, function: &str, expected: String, found: String) -> StopReason {
        StopReason::Host(HostStop::Replay { effect: self.replayed, function: function.into(), expected, found })
    }

    /// Checks that no effect is left.
    pub(super) fn finish(&mut self) -> Result<(), StopReason> {
        let Some(next) = self.left.pop_front() else { return Ok(()) };
        self.replayed += 1;
        let expected = next.request();
        Err(self.mismatch(&expected.function, expected.to_string(), "the end of the run".into()))
    }
}
