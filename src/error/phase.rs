//! The error of all phases, one variant for each.

use alloc::{boxed::Box, string::String};
use core::fmt;

use serde::Serialize;

use super::{CallError, ConfigError, IsolationError, ModuleError, StopReason, Stopped, write_hint};

/// Error of loading or running a module: one variant per phase.
///
/// Equal causes are equal values, and all details are fields: messages need not be parsed. `{}` formats the whole
/// message, with that of the cause, so the [`source`](core::error::Error::source) is that of the cause, if it has one; the
/// cause itself is in the variant. `{:#}` adds the [`hint`](Error::hint), in a separate line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Error {
    /// The configuration is invalid, or a sandbox cannot be built from it.
    Config(Box<ConfigError>),
    /// The module was refused.
    Module(Box<ModuleError>),
    /// The module does not support the call.
    Call(Box<CallError>),
    /// The guest was stopped. Contains its partial output, log and usage.
    Stopped(Box<Stopped>),
    /// The separate process of an isolated run could not be set up.
    Isolation(Box<IsolationError>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(cause) => write!(f, "configuration: {cause}"),
            Error::Module(cause) => write!(f, "module refused: {cause}"),
            Error::Call(cause) => write!(f, "call: {cause}"),
            Error::Stopped(cause) => write!(f, "{cause}"),
            Error::Isolation(cause) => write!(f, "isolation: {cause}"),
        }?;
        write_hint(f, || self.hint())
    }
}

impl core::error::Error for Error {
    /// Returns the source of the cause. The message has the cause itself.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Error::Config(cause) => cause.source(),
            Error::Module(cause) => cause.source(),
            Error::Call(cause) => cause.source(),
            Error::Stopped(cause) => cause.source(),
            Error::Isolation(cause) => cause.source(),
        }
    }
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
    /// Returns a hint on how to fix the error, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Config(e) => e.hint(),
            Error::Module(e) => e.hint(),
            Error::Call(e) => e.hint(),
            Error::Stopped(stopped) => stopped.reason.hint(),
            Error::Isolation(e) => e.hint(),
        }
    }

    /// Returns the reason why the module was refused, if it was.
    pub fn module_error(&self) -> Option<&ModuleError> {
        match self {
            Error::Module(cause) => Some(cause),
            Error::Config(_) | Error::Call(_) | Error::Stopped(_) | Error::Isolation(_) => None,
        }
    }

    /// Returns the reason of a stop, if the guest was stopped.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        match self {
            Error::Stopped(stopped) => Some(&stopped.reason),
            Error::Config(_) | Error::Module(_) | Error::Call(_) | Error::Isolation(_) => None,
        }
    }
}
