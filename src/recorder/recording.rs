//! The effects of a run, as they are recorded.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    access::Access,
    effect::{Effect, HostAction, HostEnd},
};
use crate::{
    data::value::Value,
    error::{LimitExceeded, StopReason},
};

/// The effects so far, up to a limit.
#[derive(Debug)]
pub(super) struct Recording {
    limit: u64,
    bytes: u64,
    effects: Vec<Effect>,
    open: Option<OpenCall>,
}

/// A call of a host function that has not ended.
#[derive(Debug)]
struct OpenCall {
    function: String,
    arguments: Vec<String>,
    actions: Vec<HostAction>,
    /// The bytes recorded before the call.
    before: u64,
}

impl Recording {
    pub(super) fn new(max_bytes: u64) -> Self {
        Recording { limit: max_bytes, bytes: 0, effects: Vec::new(), open: None }
    }

    pub(super) fn begin(&mut self, function: String, arguments: &[Value]) {
        let arguments = arguments.iter().map(Value::exact).collect();
        self.open = Some(OpenCall { function, arguments, actions: Vec::new(), before: self.bytes });
    }

    pub(super) fn access(&mut self, access: &Access<'_>) -> Result<(), StopReason> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let action = HostAction::of(access);
        self.bytes += serde_json::to_value(&action).unwrap_or_default().to_string().len() as u64;
        open.actions.push(action);
        self.check_limit()
    }

    pub(super) fn end(&mut self, end: HostEnd) -> Result<(), StopReason> {
        let Some(OpenCall { function, arguments, actions, before }) = self.open.take() else { return Ok(()) };
        // Its actions, which were counted one by one, are counted with the rest.
        self.bytes = before;
        self.push(Effect::HostCall { function, arguments, actions, end })
    }

    pub(super) fn push(&mut self, effect: Effect) -> Result<(), StopReason> {
        self.bytes += effect.size();
        self.effects.push(effect);
        self.check_limit()
    }

    pub(super) fn into_effects(self) -> Vec<Effect> {
        self.effects
    }

    fn check_limit(&self) -> Result<(), StopReason> {
        let limit = self.limit;
        if self.bytes > limit { Err(StopReason::Limit(LimitExceeded::Transcript { limit })) } else { Ok(()) }
    }
}
