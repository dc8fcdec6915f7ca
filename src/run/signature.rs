//! Type checks of calls of exported functions.

use crate::{
    data::{
        outcome::Outcome,
        value::{FuncType, Value},
    },
    engine::scalar::{Scalars, private},
    error::{CallError, Error},
    load::Module,
};

/// Checks arguments against the parameters of an export.
pub(crate) fn check_call(module: &Module, name: &str, arguments: &[Value]) -> Result<(), Error> {
    let ty = module.callable(name)?;
    if ty.params.iter().copied().eq(arguments.iter().map(Value::ty)) {
        return Ok(());
    }
    let found = arguments.iter().map(Value::ty).collect();
    Err(CallError::Arguments { name: name.into(), expected: ty.params.clone(), found }.into())
}

/// Checks a Rust signature against the type of an export.
pub(crate) fn check_signature<P: Scalars, R: Scalars>(module: &Module, name: &str) -> Result<(), Error> {
    let expected = module.callable(name)?.clone();
    let found = FuncType { params: <P as private::Scalars>::types(), results: <R as private::Scalars>::types() };
    if expected == found { Ok(()) } else { Err(CallError::Signature { name: name.into(), expected, found }.into()) }
}

/// Converts the results of a call whose signature was checked.
pub(crate) fn typed<R: Scalars>(outcome: &Outcome) -> Result<R, Error> {
    R::of_values(&outcome.results).ok_or_else(|| CallError::Ended.into())
}
