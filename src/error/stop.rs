//! Stops of guests, with their reasons.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use super::{EndClass, write_hint};
use crate::data::{
    files::Changes,
    outcome::{Log, Usage},
    text::{DebugBytes, DebugMap},
};

mod guest;
mod host;
mod limit;

pub use self::{
    guest::{AbiFault, GuestFault, Trap},
    host::{HostMemoryUse, HostStop, InjectedFault},
    limit::LimitExceeded,
};

/// Stop of a guest: the reason, and its output so far.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stopped {
    /// Reason.
    pub reason: StopReason,
    /// Output so far.
    pub output: Vec<u8>,
    /// Log so far.
    pub log: Log,
    /// Changes a WASI program had made to its files, by path.
    #[serde(skip_serializing_if = "Changes::is_empty")]
    pub files: Changes,
    /// Usage so far; `usage.fuel` is the fuel at which the guest stopped.
    pub usage: Usage,
}

impl fmt::Debug for Stopped {
    /// Formats the stop with output, log and files escaped and truncated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopped")
            .field("reason", &self.reason)
            .field("output", &DebugBytes(&self.output))
            .field("log", &self.log)
            .field("files", &DebugMap(&self.files))
            .field("usage", &self.usage)
            .finish()
    }
}

impl fmt::Display for Stopped {
    /// Formats the reason; `{:#}` adds a hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        write_hint(f, || self.reason.hint())
    }
}

impl core::error::Error for Stopped {
    /// Returns the source of the reason. The message is that of the reason itself.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.reason.source()
    }
}

/// Reason of a stop. Each limit carries its value, each ABI fault expected and actual values.
///
/// The groups say who stopped the guest. They do not appear in JSON: `{"fuel":{"limit":5}}` is a
/// [`LimitExceeded::Fuel`].
///
/// ```
/// use belljar::{Config, LimitExceeded, StopReason};
///
/// let wasm = std::fs::read("fixtures/guests/upper-c.wasm")?;
/// let error = belljar::execute(&wasm, b"hello", &Config::default().with_fuel(5)).unwrap_err();
/// assert_eq!(error.stop_reason(), Some(&StopReason::Limit(LimitExceeded::Fuel { limit: 5 })));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum StopReason {
    /// The guest exceeded a limit.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The guest ended its run by a fault, a failure or a status.
    #[error(transparent)]
    Guest(#[from] GuestFault),
    /// The host stopped the guest.
    #[error(transparent)]
    Host(#[from] HostStop),
}

impl StopReason {
    /// Returns whether the guest caused the stop, as opposed to a deadline, a cancel, an injected fault, or a failure of
    /// the host.
    pub fn is_guest_fault(&self) -> bool {
        match self {
            StopReason::Limit(_) | StopReason::Guest(_) => true,
            StopReason::Host(_) => false,
        }
    }

    /// Returns whether the same run stops in the same way again, on any machine.
    pub fn is_deterministic(&self) -> bool {
        self.class().is_deterministic()
    }

    /// Returns what a repetition of the run shows.
    pub fn class(&self) -> EndClass {
        match self {
            StopReason::Limit(limit) => limit.class(),
            StopReason::Guest(fault) => fault.class(),
            StopReason::Host(stop) => stop.class(),
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            StopReason::Limit(limit) => limit.hint(),
            StopReason::Guest(fault) => fault.hint(),
            StopReason::Host(stop) => stop.hint(),
        }
    }
}

/// Returns the hint to raise a limit.
fn raise(key: &str) -> String {
    alloc::format!("raise `{key}` if the guest may use more")
}
