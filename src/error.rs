//! What can go wrong, one variant per phase, causes as data.

use alloc::{boxed::Box, string::String};

use serde::Serialize;
use thiserror::Error;

mod call;
mod config;
mod isolation;
mod module;
pub mod refused;
mod stop;

pub use self::{
    call::CallError,
    config::{ConfigError, ConfigProblem, DirectoryProblem, HostFunctionProblem, Position},
    isolation::{IsolationError, WorkerEnd},
    module::{ImportProblem, ModuleError},
    stop::{AbiFault, Fault, StopReason, Stopped, Trap},
};

/// Why there is no [`Outcome`](crate::Outcome): one variant per phase.
///
/// Equal causes are equal values; nothing has to be read out of a message.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Error {
    /// The configuration, or the sandbox built from it, cannot be.
    #[error("configuration: {0}")]
    Config(Box<ConfigError>),
    /// The module was refused.
    #[error("module refused: {0}")]
    Module(Box<ModuleError>),
    /// The host asked for a call that the module does not offer.
    #[error("call: {0}")]
    Call(Box<CallError>),
    /// The guest was stopped. Its partial output, log and usage are inside.
    #[error("{}", .0.reason)]
    Stopped(Box<Stopped>),
    /// The run was to have a process of its own, and could not have it.
    #[error("isolation: {0}")]
    Isolation(Box<IsolationError>),
}

macro_rules! boxed {
    ($($cause:ident => $variant:ident),*) => {$(
        impl From<$cause> for Error {
            fn from(cause: $cause) -> Self {
                Error::$variant(Box::new(cause))
            }
        }
    )*};
}
boxed!(
    ConfigError => Config,
    ModuleError => Module,
    CallError => Call,
    Stopped => Stopped,
    IsolationError => Isolation
);

impl Error {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Config(e) => e.hint(),
            Error::Module(e) => e.hint(),
            Error::Call(e) => e.hint(),
            Error::Stopped(stopped) => stopped.reason.hint(),
            Error::Isolation(e) => e.hint(),
        }
    }

    /// Why the guest was stopped, if it was.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        match self {
            Error::Stopped(stopped) => Some(&stopped.reason),
            Error::Config(_) | Error::Module(_) | Error::Call(_) | Error::Isolation(_) => None,
        }
    }
}

/// Two names as one, in quotes.
fn dotted(module: &str, name: &str) -> String {
    alloc::format!("{}", crate::text::quote(&alloc::format!("{module}.{name}")))
}
