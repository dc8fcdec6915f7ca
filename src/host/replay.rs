//! Calls of host functions, recorded or replayed.

use crate::abi::name::Name;
use alloc::{boxed::Box, format, string::String, vec::Vec};

use wasmi::{Caller, Val};

use super::{
    Bind, Host,
    context::{Context, HostError},
    enter,
    function::HostFunction,
    pending_call::PendingCall,
};
use crate::{
    data::{
        digest::Digest,
        value::{FuncType, Value, ValueType},
    },
    engine::{meter, scalar::Scalars},
    error::StopReason,
    recorder::{
        effect::{Effect, HostAction, HostEnd, Request},
        invalid_answer,
    },
};

/// Calls a host function and records its actions, or replays recorded ones.
pub(super) fn call<V: Scalars>(
    context: &mut Context<'_>,
    arguments: impl FnOnce() -> Vec<Value>,
    body: impl FnOnce(&mut Context<'_>) -> Result<V, HostError>,
) -> Result<V, StopReason> {
    let recorder = &context.caller.data().recorder;
    if recorder.is_replaying() {
        let values = replay(context, &arguments())?;
        return V::of_values(&values).ok_or_else(|| invalid_answer(&context.name.dotted()));
    }
    recorder.begin(|| (context.name.dotted(), arguments()));
    let results = body(context).map_err(|error| error.into_stop(context.name))?;
    context.caller.data().recorder.results(|| results.to_values())?;
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
fn replay(context: &mut Context<'_>, arguments: &[Value]) -> Result<Vec<Value>, StopReason> {
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
        HostEnd::Panicked(message) => {
            Err(StopReason::HostPanic { module: (&*name.module).into(), function: (&*name.function).into(), message })
        }
        HostEnd::Denied { capability, detail } => Err(StopReason::Denied { capability, function, detail }),
        // If no action failed, the run was cancelled while the function waited.
        HostEnd::Stopped => Err(stopped.map_or(StopReason::Cancelled, |error| error.into_stop(name))),
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

/// Returns a host function without a body, for replays only.
pub(crate) fn stub(name: Name, ty: FuncType, is_async: bool) -> HostFunction {
    let types = |list: &[ValueType]| list.iter().map(|ty| ty.to_engine()).collect::<Vec<_>>();
    let (engine_type, at) = (wasmi::FuncType::new(types(&ty.params), types(&ty.results)), name.clone());
    let bind: Box<Bind> = Box::new(move |linker| {
        let name = at.clone();
        let replayed = move |caller: Caller<'_, Host>, arguments: &[Val], results: &mut [Val]| {
            let arguments: Vec<_> = arguments.iter().filter_map(Value::from_engine).collect();
            call_stub(caller, &name, &arguments, is_async, results)
        };
        linker.func_new(&at.module, &at.function, engine_type.clone(), replayed)?;
        Ok(())
    });
    HostFunction { name, ty, bind, is_async, requires: Vec::new() }
}

fn call_stub(
    mut caller: Caller<'_, Host>,
    name: &Name,
    arguments: &[Value],
    is_async: bool,
    results: &mut [Val],
) -> Result<(), wasmi::Error> {
    enter(Caller::from(&mut caller), name, |caller| {
        meter::charge(&mut *caller, meter::host_call(0))?;
        let values = replay(&mut Context { caller: Caller::from(&mut *caller), name }, arguments)?;
        if is_async {
            caller.data_mut().pending_call = Some(PendingCall::new(name, |_| core::future::ready(Ok(values))));
            return Ok(());
        }
        let types = results.iter().map(Val::ty);
        if !types.eq(values.iter().map(|value| value.to_engine().ty())) {
            return Err(invalid_answer(&name.dotted()));
        }
        results.iter_mut().zip(values).for_each(|(result, value)| *result = value.to_engine());
        Ok(())
    })?;
    if is_async { Err(wasmi::Error::i32_exit(0)) } else { Ok(()) }
}
