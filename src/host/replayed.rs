//! Host functions without a body, for replays.

use wasmi::Caller;

use super::{
    context::Context,
    dynamic::{dynamic, have_types},
    function::HostFunction,
    pending_call::PendingCall,
    replay::replay,
};
use crate::{abi::name::Name, data::value::FuncType, recorder::invalid_answer};

/// Returns a host function whose calls repeat the recorded ones.
pub(crate) fn stub(name: Name, ty: FuncType, is_async: bool) -> HostFunction {
    let results = ty.results.clone();
    dynamic(name, ty, is_async, move |caller, name, arguments| {
        let values = replay(&mut Context { caller: Caller::from(&mut *caller), name }, arguments)?;
        if is_async {
            caller.data_mut().pending_call = Some(PendingCall::new(name, |_| core::future::ready(Ok(values))));
            return Ok(None);
        }
        if !have_types(&values, &results) {
            return Err(invalid_answer(&name.dotted()));
        }
        Ok(Some(values))
    })
}
