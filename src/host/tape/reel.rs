//! Notes of what a run is given by the world outside of it, taken as it goes or read again.

use alloc::{
    collections::VecDeque,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::act::Act;
use crate::{error::StopReason, host::Name, sync::Mutex, value::Value};

/// What a run asked of the world, and was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Effect {
    /// What was asked: a host function, `module.name`; or `clock`, `random`, or what was done in a directory
    /// of the host, such as `dir.open`.
    pub function: String,
    /// With what: for a host function `{"arguments": […]}`, each argument as type and value: `i32:5`, and
    /// the bits of floating point numbers.
    pub asked: Json,
    /// What came of it: for a host function `{"acts": […]}` with what it did to the run, in order, and
    /// one of `results`, `failed` and `panicked` (a message), `denied` (what was missing), or `stopped` (one
    /// of its acts did). For a directory `work`, what it costs, and either `ok` or the `errno`.
    pub answer: Json,
}

/// What is done with the world, known to all that ask it for one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reel(Arc<Mutex<Mode>>);

#[derive(Debug, Default)]
enum Mode {
    /// It is asked, and nobody notes anything.
    #[default]
    Off,
    /// It is asked, and that is noted.
    Recording(Recorder),
    /// It is not asked.
    Playing(Player),
}

#[derive(Debug)]
pub(crate) struct Recorder {
    limit: u64,
    bytes: u64,
    effects: Vec<Effect>,
    open: Option<Open>,
}

/// A host function at work.
#[derive(Debug)]
struct Open {
    function: String,
    arguments: Vec<String>,
    acts: Vec<Json>,
    /// Bytes noted before it.
    before: u64,
}

#[derive(Debug)]
pub(crate) struct Player {
    left: VecDeque<Effect>,
    played: u64,
}

impl Reel {
    pub(crate) fn record(&self, max_bytes: u64) {
        let recorder = Recorder { limit: max_bytes, bytes: 0, effects: Vec::new(), open: None };
        *self.0.lock() = Mode::Recording(recorder);
    }

    pub(crate) fn play(&self, effects: Vec<Effect>) {
        *self.0.lock() = Mode::Playing(Player { left: effects.into(), played: 0 });
    }

    #[cfg(feature = "wasi")]
    pub(crate) fn is_off(&self) -> bool {
        matches!(*self.0.lock(), Mode::Off)
    }

    pub(super) fn is_recording(&self) -> bool {
        matches!(*self.0.lock(), Mode::Recording(_))
    }

    pub(crate) fn is_playing(&self) -> bool {
        matches!(*self.0.lock(), Mode::Playing(_))
    }

    /// Asks the world, or tells what it answered when it was asked so.
    #[cfg(feature = "wasi")]
    pub(crate) fn ask<T: Serialize + serde::de::DeserializeOwned>(
        &self,
        function: &str,
        asked: impl FnOnce() -> Json,
        world: impl FnOnce() -> Result<T, StopReason>,
    ) -> Result<T, StopReason> {
        if self.is_playing() {
            let answer = self.next(function, &asked())?;
            return serde_json::from_value(answer).map_err(|_| garbled(function));
        }
        let answer = world()?;
        if let Mode::Recording(recorder) = &mut *self.0.lock() {
            recorder.push(function.into(), asked(), serde_json::to_value(&answer).unwrap_or_default())?;
        }
        Ok(answer)
    }

    /// Notes that a host function begins.
    pub(super) fn begin(&self, name: &Name, arguments: impl FnOnce() -> Vec<Value>) {
        if let Mode::Recording(recorder) = &mut *self.0.lock() {
            let arguments = arguments().iter().map(Value::exact).collect();
            let before = recorder.bytes;
            recorder.open = Some(Open { function: name.dotted(), arguments, acts: Vec::new(), before });
        }
    }

    /// Notes what a host function does to the run.
    pub(super) fn act(&self, act: impl FnOnce() -> Act) -> Result<(), StopReason> {
        let Mode::Recording(recorder) = &mut *self.0.lock() else { return Ok(()) };
        let Some(open) = &mut recorder.open else { return Ok(()) };
        let act = serde_json::to_value(act()).unwrap_or_default();
        recorder.bytes += act.to_string().len() as u64;
        open.acts.push(act);
        recorder.within_limit()
    }

    /// Notes what a host function came to.
    pub(super) fn end(&self, results: &[Value]) -> Result<(), StopReason> {
        let Mode::Recording(recorder) = &mut *self.0.lock() else { return Ok(()) };
        let results: Vec<_> = results.iter().map(Value::exact).collect();
        recorder.close("results", json!(results))
    }

    /// Notes why a host function has no results, if it was at work.
    pub(crate) fn stopped(&self, reason: &StopReason) {
        let Mode::Recording(recorder) = &mut *self.0.lock() else { return };
        let (how, what) = match reason {
            StopReason::HostFunction { message, .. } => ("failed", json!(message)),
            StopReason::HostPanic { message, .. } => ("panicked", json!(message)),
            StopReason::Denied { capability, detail, .. } => {
                ("denied", json!({ "capability": capability, "detail": detail }))
            }
            _ => ("stopped", json!(true)),
        };
        // The run has been stopped already.
        let _ = recorder.close(how, what);
    }

    /// What has been noted; nothing more is.
    pub(crate) fn take(&self) -> Vec<Effect> {
        let mut mode = self.0.lock();
        match core::mem::take(&mut *mode) {
            Mode::Recording(recorder) => recorder.effects,
            other => {
                *mode = other;
                Vec::new()
            }
        }
    }

    /// The next answer, if this is what was asked then.
    pub(super) fn next(&self, function: &str, asked: &Json) -> Result<Json, StopReason> {
        let Mode::Playing(player) = &mut *self.0.lock() else { return Err(garbled(function)) };
        player.played += 1;
        let found = shown(function, asked);
        let expected = match player.left.pop_front() {
            Some(next) if next.function == function && next.asked == *asked => return Ok(next.answer),
            Some(next) => shown(&next.function, &next.asked),
            None => "the end of the transcript".into(),
        };
        Err(player.differs(function, expected, found))
    }

    /// What is played now is not what was asked then.
    pub(super) fn differs(&self, function: &str, expected: String, found: String) -> StopReason {
        match &*self.0.lock() {
            Mode::Playing(player) => player.differs(function, expected, found),
            _ => StopReason::Replay { effect: 0, function: function.into(), expected, found },
        }
    }

    /// Whether all that was noted has been played.
    pub(crate) fn finish(&self) -> Result<(), StopReason> {
        let Mode::Playing(player) = &mut *self.0.lock() else { return Ok(()) };
        let Some(next) = player.left.pop_front() else { return Ok(()) };
        player.played += 1;
        let expected = shown(&next.function, &next.asked);
        Err(player.differs(&next.function, expected, "the end of the run".into()))
    }
}

/// No answer that a recorder writes.
pub(crate) fn garbled(function: &str) -> StopReason {
    let (module, name) = function.split_once('.').unwrap_or(("", function));
    let message = "the transcript has no answer that this gives".into();
    StopReason::HostFunction { module: module.into(), function: name.into(), message }
}

impl Recorder {
    fn close(&mut self, how: &str, what: Json) -> Result<(), StopReason> {
        let Some(Open { function, arguments, acts, before }) = self.open.take() else { return Ok(()) };
        // Its acts, which have been counted as they came, are counted with the rest.
        self.bytes = before;
        self.push(function, json!({ "arguments": arguments }), json!({ "acts": acts, how: what }))
    }

    fn push(&mut self, function: String, asked: Json, answer: Json) -> Result<(), StopReason> {
        self.bytes += (function.len() + asked.to_string().len() + answer.to_string().len()) as u64;
        self.effects.push(Effect { function, asked, answer });
        self.within_limit()
    }

    fn within_limit(&self) -> Result<(), StopReason> {
        let limit = self.limit;
        if self.bytes > limit { Err(StopReason::Transcript { limit }) } else { Ok(()) }
    }
}

impl Player {
    fn differs(&self, function: &str, expected: String, found: String) -> StopReason {
        StopReason::Replay { effect: self.played, function: function.into(), expected, found }
    }
}

fn shown(function: &str, asked: &Json) -> String {
    format!("{function} {asked}")
}
