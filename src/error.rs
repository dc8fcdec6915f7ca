//! Details of errors, as data. The errors themselves are at the root of the crate, from [`Error`] down.

use alloc::string::String;
use core::fmt;

pub(crate) use self::{
    call::CallError,
    config::ConfigError,
    module::ModuleError,
    phase::Error,
    stop::{GuestFault, HostStop, LimitExceeded, StopReason, Stopped, Trap},
};
pub use self::{
    class::EndClass,
    config::{ConfigProblem, DirectoryProblem, HostFunctionProblem, Position},
    feature::Feature,
    file_format::FileFormat,
    isolation::{IsolationError, WorkerEnd},
    module::{EntryType, ImportProblem},
    stop::{AbiFault, HostMemoryUse, InjectedFault},
    unit::Unit,
    value::{ValueKind, ValueProblem},
};

pub(crate) mod call;
mod class;
pub(crate) mod config;
mod feature;
mod file_format;
mod foreign;
mod isolation;
mod label;
pub(crate) mod module;
pub(crate) mod phase;
pub(crate) mod refused;
pub(crate) mod stop;
mod unit;
mod value;

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
