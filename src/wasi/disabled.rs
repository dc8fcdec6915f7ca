//! Stub for builds without the feature `wasi`: no functions are provided.

use wasmi::Linker;

use crate::{
    abi::wasi::{Function, Snapshot},
    config::wasi::Wasi,
    error::StopReason,
    files::Changes,
    host::Host,
};

#[path = "mount/disabled.rs"]
mod mount;

pub(crate) use self::mount::Roots;

/// Whether this build provides WASI.
pub(crate) const IS_PROVIDED: bool = false;

pub(crate) fn link(_: &mut Linker<Host>, _: Snapshot, _: &'static Function) -> Result<(), wasmi::Error> {
    Ok(())
}

pub(crate) fn start(_: &mut Host, _: &Wasi, _: &Roots, _: bool) {}

pub(crate) fn finish(_: &mut Host) -> Result<Changes, StopReason> {
    Ok(Changes::new())
}
