//! Notes of what a run is given by the world outside of it, taken as it goes or read again.

use alloc::{
    collections::VecDeque,
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::act::Act;
use crate::{error::StopReason, host::Name, value::Value};

/// What a run asked of the world, and was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Effect {
    /// What was asked: a host function, `module.name`.
    pub function: String,
    /// With what: for a host function `{"arguments": […]}`, each argument as type and value: `i32:5`, and
    /// the bits of floating point numbers.
    pub asked: Json,
    /// What came of it: for a host function `{"acts": […]}` with what it did to the run, in order, and
    /// one of `results`, `failed` and `panicked` (a message), or `stopped` (one of its acts did).
    pub answer: Json,
}

/// What is done with the world.
#[derive(Debug, Default)]
pub(crate) enum Reel {
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
}

#[derive(Debug)]
pub(crate) struct Player {
    left: VecDeque<Effect>,
    played: u64,
}

impl Reel {
    pub(crate) fn recording(max_bytes: u64) -> Self {
        Reel::Recording(Recorder { limit: max_bytes, bytes: 0, effects: Vec::new(), open: None })
    }

    pub(crate) fn playing(effects: Vec<Effect>) -> Self {
        Reel::Playing(Player { left: effects.into(), played: 0 })
    }

    /// Notes that a host function begins.
    pub(super) fn begin(&mut self, name: &Name, arguments: impl FnOnce() -> Vec<Value>) {
        if let Reel::Recording(recorder) = self {
            let arguments = arguments().iter().map(Value::exact).collect();
            recorder.open = Some(Open { function: name.dotted(), arguments, acts: Vec::new() });
        }
    }

    /// Notes what a host function does to the run.
    pub(super) fn act(&mut self, act: impl FnOnce() -> Act) -> Result<(), StopReason> {
        let Reel::Recording(recorder) = self else { return Ok(()) };
        let Some(open) = &mut recorder.open else { return Ok(()) };
        let act = serde_json::to_value(act()).unwrap_or_default();
        recorder.bytes += act.to_string().len() as u64;
        open.acts.push(act);
        recorder.within_limit()
    }

    /// Notes what a host function came to.
    pub(super) fn end(&mut self, results: &[Value]) -> Result<(), StopReason> {
        let Reel::Recording(recorder) = self else { return Ok(()) };
        let results: Vec<_> = results.iter().map(Value::exact).collect();
        recorder.close("results", json!(results))
    }

    /// Notes why a host function has no results, if it was at work.
    pub(crate) fn stopped(&mut self, reason: &StopReason) {
        let Reel::Recording(recorder) = self else { return };
        let (how, what) = match reason {
            StopReason::HostFunction { message, .. } => ("failed", json!(message)),
            StopReason::HostPanic { message, .. } => ("panicked", json!(message)),
            _ => ("stopped", json!(true)),
        };
        // The run has been stopped already.
        let _ = recorder.close(how, what);
    }

    pub(super) fn is_recording(&self) -> bool {
        matches!(self, Reel::Recording(_))
    }

    /// What has been noted; nothing more is.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        match core::mem::take(self) {
            Reel::Recording(recorder) => recorder.effects,
            other => {
                *self = other;
                Vec::new()
            }
        }
    }

    /// Whether all that was noted has been played.
    pub(crate) fn finish(&mut self) -> Result<(), StopReason> {
        match self {
            Reel::Playing(Player { left, played }) => left.pop_front().map_or(Ok(()), |next| {
                Err(StopReason::Replay {
                    effect: *played + 1,
                    function: next.function.clone(),
                    expected: shown(&next.function, &next.asked),
                    found: "the end of the run".into(),
                })
            }),
            _ => Ok(()),
        }
    }
}

impl Recorder {
    fn close(&mut self, how: &str, what: Json) -> Result<(), StopReason> {
        let Some(Open { function, arguments, acts }) = self.open.take() else { return Ok(()) };
        let (asked, answer) = (json!({ "arguments": arguments }), json!({ "acts": acts, how: what }));
        self.bytes += (function.len() + asked.to_string().len() + answer[how].to_string().len()) as u64;
        self.effects.push(Effect { function, asked, answer });
        self.within_limit()
    }

    fn within_limit(&self) -> Result<(), StopReason> {
        let limit = self.limit;
        if self.bytes > limit { Err(StopReason::Transcript { limit }) } else { Ok(()) }
    }
}

impl Player {
    /// The next answer, if this is what was asked then.
    pub(super) fn next(&mut self, function: &str, asked: &Json) -> Result<Json, StopReason> {
        self.played += 1;
        let found = shown(function, asked);
        let expected = match self.left.pop_front() {
            Some(next) if next.function == function && next.asked == *asked => return Ok(next.answer),
            Some(next) => shown(&next.function, &next.asked),
            None => "the end of the transcript".into(),
        };
        Err(self.differs(function, expected, found))
    }

    pub(super) fn differs(&self, function: &str, expected: String, found: String) -> StopReason {
        StopReason::Replay { effect: self.played, function: function.into(), expected, found }
    }
}

fn shown(function: &str, asked: &Json) -> String {
    format!("{function} {asked}")
}
