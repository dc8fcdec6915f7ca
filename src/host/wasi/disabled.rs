//! Stub for builds without the feature `wasi`: no functions are provided.

use wasmi::Linker;

use super::Host;
use crate::{
    abi::wasi::{Function, Snapshot},
    config::wasi::Wasi,
    data::files::Changes,
    error::StopReason,
    wasi::Roots,
};

pub(crate) fn link(_: &mut Linker<Host>, _: Snapshot, _: &'static Function) -> Result<(), wasmi::Error> {
    Ok(())
}

pub(crate) fn start(_: &mut Host, _: &Wasi, _: &Roots, _: bool) {}

pub(crate) fn finish(_: &mut Host) -> Result<Changes, StopReason> {
    Ok(Changes::new())
}
