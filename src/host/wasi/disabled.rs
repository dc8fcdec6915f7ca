//! Stub for builds without the feature `wasi`: no functions are provided.

use wasmi::{Func, Store};

use super::Host;
use crate::{
    abi::{
        assemblyscript,
        wasi::{Function, Snapshot},
    },
    config::wasi::Wasi,
    data::files::Changes,
    error::StopReason,
    wasi::Roots,
};

/// Makes a function that no module imports.
pub(crate) fn make(store: &mut Store<Host>, _: Snapshot, _: &'static Function) -> Func {
    Func::wrap(store, || {})
}

/// Makes a function that no module imports.
pub(crate) fn make_script(store: &mut Store<Host>, _: &'static assemblyscript::Function) -> Func {
    Func::wrap(store, || {})
}

pub(crate) fn start(_: &mut Host, _: &Wasi, _: &Roots, _: bool) {}

pub(crate) fn finish(_: &mut Host) -> Result<Changes, StopReason> {
    Ok(Changes::new())
}
