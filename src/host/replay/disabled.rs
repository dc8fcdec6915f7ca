//! Calls of host functions without the feature `receipt`: nothing is recorded or replayed.

use alloc::vec::Vec;

use wasmi::Caller;

use super::{
    Host,
    context::{Context, HostError},
    pending_call::PendingCall,
};
use crate::{abi::name::Name, data::value::Value, error::StopReason};

/// Calls a host function.
pub(super) fn call<V>(
    context: &mut Context<'_>,
    _: impl FnOnce() -> Vec<Value>,
    body: impl FnOnce(&mut Context<'_>) -> Result<V, HostError>,
    _: impl FnOnce(&V) -> Vec<Value>,
    _: impl FnOnce(Vec<Value>) -> Option<V>,
) -> Result<V, StopReason> {
    body(context).map_err(|error| error.into_stop(context.name))
}

/// Begins a call of an async host function.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as with the feature")]
pub(super) fn begin(
    _: &mut Caller<'_, Host>,
    _: &Name,
    _: impl FnOnce() -> Vec<Value>,
    call: impl FnOnce() -> PendingCall,
) -> Result<PendingCall, StopReason> {
    Ok(call())
}
