//! Where what a run is given by the world outside of it comes in: asked for, or played from notes.

use alloc::vec::Vec;

use wasmi::Caller;

use super::{
    Host, Name,
    context::{Context, HostError},
    waiting::Waiting,
};
use crate::{error::StopReason, outcome::Level, types::Scalars, value::Value};

#[cfg(feature = "receipt")]
pub(crate) mod act;
#[cfg(feature = "receipt")]
pub(crate) mod play;
#[cfg(feature = "receipt")]
pub(crate) mod reel;

/// What is done with the world; without the feature `receipt` it is always just asked.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    #[cfg(feature = "receipt")]
    pub(crate) reel: Option<reel::Reel>,
}

/// What a host function does to the run that called it.
#[cfg_attr(not(feature = "receipt"), expect(dead_code, reason = "nobody notes it"))]
pub(super) enum Access<'a> {
    Read { ptr: u32, len: u32, bytes: &'a [u8] },
    Write { ptr: u32, bytes: &'a [u8] },
    Charge { fuel: u64 },
    Output { bytes: &'a [u8] },
    Log { level: Level, text: &'a str },
}

impl Tape {
    /// What is done with the world, to be shared with who asks it.
    #[cfg(feature = "receipt")]
    pub(crate) fn reel(&mut self) -> reel::Reel {
        self.reel.get_or_insert_default().clone()
    }

    /// Notes an access.
    #[cfg_attr(
        not(feature = "receipt"),
        expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "nothing is noted")
    )]
    pub(super) fn note(&mut self, access: &Access<'_>) -> Result<(), StopReason> {
        #[cfg(feature = "receipt")]
        if let Some(reel) = &self.reel {
            reel.act(|| act::Act::of(access))?;
        }
        let _ = access;
        Ok(())
    }

    /// Notes what an async host function came to.
    #[cfg_attr(
        not(feature = "receipt"),
        expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "nothing is noted")
    )]
    pub(super) fn end(&mut self, results: &[Value]) -> Result<(), StopReason> {
        #[cfg(feature = "receipt")]
        if let Some(reel) = &self.reel {
            reel.end(results)?;
        }
        let _ = results;
        Ok(())
    }
}

/// Calls a host function, or plays what it did.
pub(super) fn call<V: Scalars>(
    context: &mut Context<'_>,
    arguments: impl FnOnce() -> Vec<Value>,
    body: impl FnOnce(&mut Context<'_>) -> Result<V, HostError>,
) -> Result<V, StopReason> {
    #[cfg(feature = "receipt")]
    {
        if play::is_playing(context.caller.data()) {
            let values = play::call(context, &arguments())?;
            return V::of_values(&values).ok_or_else(|| play::garbled(context.name));
        }
        if let Some(reel) = &context.caller.data().tape.reel {
            reel.begin(context.name, arguments);
        }
    }
    #[cfg(not(feature = "receipt"))]
    let _ = arguments;
    let results = body(context).map_err(|error| error.into_stop(context.name))?;
    #[cfg(feature = "receipt")]
    if context.caller.data().tape.reel.as_ref().is_some_and(reel::Reel::is_recording) {
        context.caller.data_mut().tape.end(&results.to_values())?;
    }
    Ok(results)
}

/// Begins a call of an async host function, or plays what it did.
#[cfg_attr(not(feature = "receipt"), expect(clippy::unnecessary_wraps, reason = "nothing is played"))]
pub(super) fn begin(
    caller: &mut Caller<'_, Host>,
    name: &Name,
    arguments: impl FnOnce() -> Vec<Value>,
    call: impl FnOnce() -> Waiting,
) -> Result<Waiting, StopReason> {
    #[cfg(feature = "receipt")]
    {
        if play::is_playing(caller.data()) {
            let values = play::call(&mut Context { caller: Caller::from(caller), name }, &arguments())?;
            return Ok(Waiting::new(name, |_| core::future::ready(Ok(values))));
        }
        if let Some(reel) = &caller.data().tape.reel {
            reel.begin(name, arguments);
        }
    }
    #[cfg(not(feature = "receipt"))]
    let _ = (caller, name, arguments);
    Ok(call())
}
