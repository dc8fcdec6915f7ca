//! The recorder of a run: records what the host environment answers, or replays the answers of an earlier run.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::ops::DerefMut;

use self::{
    access::Access,
    effect::{Effect, HostEnd, Request},
    recording::Recording,
    replayer::Replayer,
};
use crate::{
    data::value::Value,
    error::{GuestFault, HostStop, StopReason},
    sync::Mutex,
};

pub(crate) mod access;
pub(crate) mod effect;
mod recording;
mod replayer;
#[cfg(feature = "wasi")]
mod system;

/// The recorder of a run; clones share their state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Option<Arc<Mutex<Mode>>>);

#[derive(Debug, Default)]
enum Mode {
    /// The host answers.
    #[default]
    Off,
    /// The host answers, and the answers are recorded.
    Recording(Recording),
    /// The answers are recorded ones.
    Replaying(Replayer),
}

impl Recorder {
    /// Records effects from now on, up to a limit.
    pub(crate) fn record(&mut self, max_bytes: u64) {
        *self.shared().lock() = Mode::Recording(Recording::new(max_bytes));
    }

    /// Replays these effects from now on.
    pub(crate) fn replay(&mut self, effects: Vec<Effect>) {
        *self.shared().lock() = Mode::Replaying(Replayer::new(effects));
    }

    /// Returns a clone that shares its state with this one, also if this one is not in use yet.
    #[cfg(feature = "wasi")]
    pub(crate) fn share(&mut self) -> Recorder {
        self.shared();
        self.clone()
    }

    fn shared(&mut self) -> &Mutex<Mode> {
        self.0.get_or_insert_default()
    }

    /// Checks that it has recorded, has replayed or is shared.
    pub(crate) fn is_in_use(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn is_replaying(&self) -> bool {
        self.lock().is_some_and(|mode| matches!(*mode, Mode::Replaying(_)))
    }

    /// Records the start of a call of a host function: its name, and its arguments.
    pub(crate) fn begin(&self, call: impl FnOnce() -> (String, Vec<Value>)) {
        self.recording(|recording| {
            let (function, arguments) = call();
            recording.begin(function, &arguments);
        });
    }

    /// Records an access of the host function that was called.
    pub(crate) fn access(&self, access: &Access<'_>) -> Result<(), StopReason> {
        self.recording(|recording| recording.access(access)).unwrap_or(Ok(()))
    }

    /// Records the results of the host function that was called.
    pub(crate) fn results(&self, results: impl FnOnce() -> Vec<Value>) -> Result<(), StopReason> {
        let end = || HostEnd::Results(results().iter().map(Value::exact).collect());
        self.recording(|recording| recording.end(end())).unwrap_or(Ok(()))
    }

    /// Records why the host function that was called has no results, if one was.
    pub(crate) fn stopped(&self, reason: &StopReason) {
        let end = || match reason {
            StopReason::Host(HostStop::HostFunction { message, .. }) => HostEnd::Failed(message.clone()),
            StopReason::Host(HostStop::HostPanic { message, .. }) => HostEnd::Panicked(message.clone()),
            StopReason::Guest(GuestFault::Denied { capability, detail, .. }) => {
                HostEnd::Denied { capability: capability.clone(), detail: detail.clone() }
            }
            _ => HostEnd::Stopped,
        };
        // The run has been stopped already: that the limit is reached does not matter.
        let _ = self.recording(|recording| recording.end(end()));
    }

    /// Takes the recorded effects; nothing more is recorded.
    pub(crate) fn take(&self) -> Vec<Effect> {
        let Some(mut mode) = self.lock() else { return Vec::new() };
        match core::mem::take(&mut *mode) {
            Mode::Recording(recording) => recording.into_effects(),
            other => {
                *mode = other;
                Vec::new()
            }
        }
    }

    /// Takes the next effect to replay, which has to be of this request.
    pub(crate) fn next(&self, request: &Request) -> Result<Effect, StopReason> {
        match self.lock().as_deref_mut() {
            Some(Mode::Replaying(replayer)) => replayer.next(request),
            _ => Err(invalid_answer(&request.function)),
        }
    }

    /// Returns the stop of a run that does something else than the recorded one.
    pub(crate) fn mismatch(&self, function: &str, expected: String, found: String) -> StopReason {
        match self.lock().as_deref() {
            Some(Mode::Replaying(replayer)) => replayer.mismatch(function, expected, found),
            _ => StopReason::Host(HostStop::Replay { effect: 0, function: function.into(), expected, found }),
        }
    }

    /// Checks that all effects have been replayed.
    pub(crate) fn finish(&self) -> Result<(), StopReason> {
        match self.lock().as_deref_mut() {
            Some(Mode::Replaying(replayer)) => replayer.finish(),
            _ => Ok(()),
        }
    }

    fn recording<T>(&self, then: impl FnOnce(&mut Recording) -> T) -> Option<T> {
        match self.lock().as_deref_mut() {
            Some(Mode::Recording(recording)) => Some(then(recording)),
            _ => None,
        }
    }

    fn lock(&self) -> Option<impl DerefMut<Target = Mode>> {
        self.0.as_ref().map(|mode| mode.lock())
    }
}

/// Returns the stop of a run whose transcript has an answer that the function cannot give.
pub(crate) fn invalid_answer(function: &str) -> StopReason {
    let (module, name) = function.split_once('.').unwrap_or(("", function));
    let message = "the transcript has an answer that this function cannot give".into();
    StopReason::Host(HostStop::HostFunction { module: module.into(), function: name.into(), message })
}
