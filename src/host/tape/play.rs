//! Playing what a host function did.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde_json::{Value as Json, json};
use wasmi::{Caller, Val};

use super::{act::Act, reel};
use crate::{
    digest::Digest,
    error::StopReason,
    host::{
        Bind, Host, Name,
        context::{Context, HostError},
        enter,
        function::HostFunction,
        waiting::Waiting,
    },
    meter,
    value::{FuncType, Value, ValueType},
};

/// Whether what is asked of the world is to be played.
pub(crate) fn is_playing(host: &Host) -> bool {
    host.tape.reel.as_ref().is_some_and(reel::Reel::is_playing)
}

/// Does what a host function did when it was called so, and gives what it gave.
pub(crate) fn call(context: &mut Context<'_>, arguments: &[Value]) -> Result<Vec<Value>, StopReason> {
    let name = context.name.clone();
    let function = name.dotted();
    let arguments: Vec<_> = arguments.iter().map(Value::exact).collect();
    let reel = context.caller.data_mut().tape.reel();
    let answer = reel.next(&function, &json!({ "arguments": arguments }))?;
    let garbled = || garbled(&name);
    // A recorder writes the acts and one other member.
    if answer.as_object().is_none_or(|answer| answer.len() != 2) {
        return Err(garbled());
    }
    let acts = answer.get("acts").and_then(Json::as_array).ok_or_else(garbled)?;
    let mut stopped = None;
    for act in acts {
        let act: Act = serde_json::from_value(act.clone()).map_err(|_| garbled())?;
        // What stopped the run then was the function's to see, and stops it again if it says so.
        match play(context, act).map_err(|_| garbled())? {
            Ok(()) => {}
            Err(Played::Stop(error)) => stopped = Some(error),
            Err(Played::Differs { expected, found }) => return Err(reel.differs(&function, expected, found)),
        }
    }
    let text = |key: &str| answer.get(key).and_then(Json::as_str).map(String::from);
    if let Some(message) = text("failed") {
        return Err(HostError::new(message).into_stop(&name));
    }
    if let Some(message) = text("panicked") {
        let (module, function) = ((&*name.module).into(), (&*name.function).into());
        return Err(StopReason::HostPanic { module, function, message });
    }
    if let Some(denied) = answer.get("denied") {
        let text = |key: &str| denied.get(key).and_then(Json::as_str).map(String::from);
        let capability = text("capability").ok_or_else(garbled)?;
        return Err(StopReason::Denied { capability, function, detail: text("detail") });
    }
    if answer.get("stopped").is_some() {
        // Without an act that did, the run was cancelled while the function waited.
        return Err(stopped.map_or(StopReason::Cancelled, |error| error.into_stop(&name)));
    }
    let results = answer.get("results").and_then(Json::as_array).ok_or_else(garbled)?;
    let values = results.iter().map(|value| value.as_str().and_then(Value::from_exact));
    values.collect::<Option<_>>().ok_or_else(garbled)
}

/// No answer that a recorder writes.
pub(super) fn garbled(name: &Name) -> StopReason {
    reel::garbled(&name.dotted())
}

enum Played {
    Stop(HostError),
    Differs { expected: String, found: String },
}

struct Garbled;

fn play(context: &mut Context<'_>, act: Act) -> Result<Result<(), Played>, Garbled> {
    let done = match act {
        Act::Read { ptr, len, bytes: expected } => match context.read(ptr, len) {
            Ok(bytes) => {
                let found = Digest::of(&bytes);
                if found != expected {
                    let shown = |digest: &Digest| alloc::format!("{len} bytes at {ptr} with SHA-256 {}", digest.sha256);
                    return Ok(Err(Played::Differs { expected: shown(&expected), found: shown(&found) }));
                }
                Ok(())
            }
            Err(error) => Err(error),
        },
        Act::Write { ptr, bytes } => context.write(ptr, &bytes.to_vec().ok_or(Garbled)?),
        Act::Charge { fuel } => context.charge(fuel),
        Act::Output { bytes } => context.write_output(&bytes.to_vec().ok_or(Garbled)?),
        Act::Log { level, text } => context.log(level, &text),
    };
    Ok(done.map_err(Played::Stop))
}

/// A host function that only a transcript has: of this type, and whether it waits.
pub(crate) fn stub(name: Name, ty: FuncType, waits: bool) -> HostFunction {
    let types = |list: &[ValueType]| list.iter().map(|ty| ty.to_engine()).collect::<Vec<_>>();
    let (engine_type, at) = (wasmi::FuncType::new(types(&ty.params), types(&ty.results)), name.clone());
    let bind: Box<Bind> = Box::new(move |linker| {
        let name = at.clone();
        let played = move |caller: Caller<'_, Host>, arguments: &[Val], results: &mut [Val]| {
            let arguments: Vec<_> = arguments.iter().filter_map(Value::from_engine).collect();
            answer(caller, &name, &arguments, waits, results)
        };
        linker.func_new(&at.module, &at.function, engine_type.clone(), played)?;
        Ok(())
    });
    HostFunction { name, ty, bind, waits, requires: Vec::new() }
}

fn answer(
    mut caller: Caller<'_, Host>,
    name: &Name,
    arguments: &[Value],
    waits: bool,
    results: &mut [Val],
) -> Result<(), wasmi::Error> {
    enter(Caller::from(&mut caller), name, |caller| {
        meter::charge(&mut *caller, meter::host_call(0))?;
        let values = call(&mut Context { caller: Caller::from(&mut *caller), name }, arguments)?;
        if waits {
            caller.data_mut().waiting = Some(Waiting::new(name, |_| core::future::ready(Ok(values))));
            return Ok(());
        }
        let types = results.iter().map(Val::ty);
        if !types.eq(values.iter().map(|value| value.to_engine().ty())) {
            return Err(garbled(name));
        }
        results.iter_mut().zip(values).for_each(|(result, value)| *result = value.to_engine());
        Ok(())
    })?;
    if waits { Err(wasmi::Error::i32_exit(0)) } else { Ok(()) }
}
