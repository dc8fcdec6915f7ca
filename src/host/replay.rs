//! Calls of host functions, recorded or replayed.

use alloc::{format, string::String, vec::Vec};

use wasmi::Caller;

use super::{
    Host,
    context::{Context, HostError},
    pending_call::PendingCall,
};
use crate::{
    abi::name::Name,
    data::{digest::Digest, value::Value},
    error::{GuestFault, HostStop, StopReason},
    recorder::{
        effect::{Effect, HostAction, HostEnd, Request},
        invalid_answer,
    },
};

/// Calls a host function and records its actions, or replays recorded ones.
pub(super) fn call<V>(
    context: &mut Context<'_>,
    arguments: impl FnOnce() -> Vec<Value>,
    body: impl FnOnce(&mut Context<'_>) -> Result<V, HostError>,
    to_values: impl FnOnce(&V) -> Vec<Value>,
    of_values: impl FnOnce(Vec<Value>) -> Option<V>,
) -> Result<V, StopReason> {
    let recorder = &context.caller.data().recorder;
    if recorder.is_replaying() {
        let values = replay(context, &arguments())?;
        return of_values(values).ok_or_else(|| invalid_answer(&context.name.dotted()));
    }
    recorder.begin(|| (context.name.dotted(), arguments()));
    let results = body(context).map_err(|error| error.into_stop(context.name))?;
    context.caller.data().recorder.results(|| to_values(&results))?;
    Ok(results)
}

/// Begins a call of an async host function, or replays all actions of a recorded one.
pub(super) fn begin(
    caller: &mut Caller<'_, Host>,
    name: &Name,
    arguments: impl FnOnce() -> Vec<Value>,
    call: impl FnOnce() -> PendingCall,
) -> Result<PendingCall, StopReason> {
    let recorder = &caller.data().recorder;
    if recorder.is_replaying() {
        let values = replay(&mut Context { caller: Caller::from(caller), name }, &arguments())?;
        return Ok(PendingCall::new(name, |_| core::future::ready(Ok(values))));
    }
    recorder.begin(|| (name.dotted(), arguments()));
    Ok(call())
}

/// Repeats the actions of the recorded call, and returns its results.
pub(super) fn replay(context: &mut Context<'_>, arguments: &[Value]) -> Result<Vec<Value>, StopReason> {
    let name = context.name;
    let function = name.dotted();
    let arguments: Vec<_> = arguments.iter().map(Value::exact).collect();
    let request = Request::host_call(function.clone(), &arguments);
    let Effect::HostCall { actions, end, .. } = context.caller.data().recorder.next(&request)? else {
        return Err(invalid_answer(&function));
    };
    let mut stopped = None;
    for action in actions {
        match repeat(context, action) {
            Ok(()) => {}
            // The function got this error; its recorded end shows if the error stopped the run.
            Err(Failed::Access(error)) => stopped = Some(error),
            Err(Failed::Mismatch { expected, found }) => {
                return Err(context.caller.data().recorder.mismatch(&function, expected, found));
            }
        }
    }
    match end {
        HostEnd::Results(results) => {
            let values = results.iter().map(|value| Value::from_exact(value));
            values.collect::<Option<_>>().ok_or_else(|| invalid_answer(&function))
        }
        HostEnd::Failed(message) => Err(HostError::new(message).into_stop(name)),
        HostEnd::Panicked(message) => Err(StopReason::Host(HostStop::HostPanic {
            module: (&*name.module).into(),
            function: (&*name.function).into(),
            message,
        })),
        HostEnd::Denied { capability, detail } => {
            Err(StopReason::Guest(GuestFault::Denied { capability, function, detail }))
        }
        // If no action failed, the run was cancelled while the function waited.
        HostEnd::Stopped => Err(stopped.map_or(StopReason::Host(HostStop::Cancelled), |error| error.into_stop(name))),
    }
}

/// The reason that an action could not be repeated.
enum Failed {
    /// A failed access, which may have failed when it was recorded too.
    Access(HostError),
    /// Bytes in the guest's memory that differ from those that the function read.
    Mismatch { expected: String, found: String },
}

impl From<HostError> for Failed {
    fn from(error: HostError) -> Self {
        Failed::Access(error)
    }
}

/// Repeats one action of a host function.
fn repeat(context: &mut Context<'_>, action: HostAction) -> Result<(), Failed> {
    match action {
        HostAction::Read { ptr, len, bytes: expected } => {
            let found = Digest::of(&context.read(ptr, len)?);
            if found != expected {
                let shown = |digest: &Digest| format!("{len} bytes at {ptr} with SHA-256 {}", digest.sha256);
                return Err(Failed::Mismatch { expected: shown(&expected), found: shown(&found) });
            }
        }
        HostAction::Write { ptr, bytes } => context.write(ptr, &bytes.0)?,
        HostAction::Charge { fuel } => context.charge(fuel)?,
        HostAction::Output { bytes } => context.write_output(&bytes.0)?,
        HostAction::Log { level, text } => context.log(level, &text)?,
    }
    Ok(())
}
