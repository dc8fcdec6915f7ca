//! Details of errors, as data. The errors themselves are at the root of the crate, from [`Error`] down.

use alloc::string::String;
use core::fmt;

pub(crate) use self::{
    call::CallError,
    config::ConfigError,
    module::ModuleError,
    phase::Error,
    stop::{StopReason, Stopped, Trap},
};
pub use self::{
    config::{ConfigProblem, DirectoryProblem, HostFunctionProblem, Position},
    isolation::{IsolationError, WorkerEnd},
    module::ImportProblem,
    stop::{AbiFault, Fault},
};

pub(crate) mod call;
pub(crate) mod config;
mod isolation;
pub(crate) mod module;
pub(crate) mod phase;
pub(crate) mod refused;
pub(crate) mod stop;

/// Writes a hint in a separate line, for the alternate form of an error.
pub(crate) fn write_hint(f: &mut fmt::Formatter<'_>, hint: impl FnOnce() -> Option<String>) -> fmt::Result {
    match f.alternate().then(hint).flatten() {
        Some(hint) => write!(f, "\nhint: {hint}"),
        None => Ok(()),
    }
}

/// Joins two names with a dot, in quotes.
fn dotted(module: &str, name: &str) -> String {
    alloc::format!("{}", crate::data::text::quote(&alloc::format!("{module}.{name}")))
}
