//! Stops of guests by their host.

use alloc::string::String;

use serde::Serialize;
use thiserror::Error;

use crate::error::{EndClass, WorkerEnd, dotted, label::labels};

/// Stop by the host: a deadline, a cancel, an injected fault, or a failure that no guest causes.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostStop {
    /// The deadline passed. Not deterministic: `usage.fuel` is the fuel at which it took effect.
    #[error("stopped: the deadline of {limit_ms} ms passed")]
    Deadline {
        /// `deadline_ms`.
        limit_ms: u64,
    },
    /// The host cancelled the run. Not deterministic: `usage.fuel` is the fuel at which it took effect.
    #[error("stopped: cancelled by the host")]
    Cancelled,
    /// A fault that the configuration injects ([`Faults`](crate::config::Faults)).
    #[error("stopped: {fault} {number}, an injected fault")]
    Injected {
        /// Kind of the fault.
        fault: InjectedFault,
        /// Value of its key.
        number: u64,
    },
    /// A custom host function returned an error.
    #[error("host function {} failed: {}", dotted(.module, .function), crate::data::text::escape(.message, 4096))]
    HostFunction {
        /// Module name of the import.
        module: String,
        /// Name of the import.
        function: String,
        /// Message of the error.
        message: String,
    },
    /// A host function, or a `tracing` subscriber it called, panicked; the panic was contained.
    #[error("host function {} panicked: {}", dotted(.module, .function), crate::data::text::escape(.message, 4096))]
    HostPanic {
        /// Module name of the import.
        module: String,
        /// Name of the import.
        function: String,
        /// Message of the panic.
        message: String,
    },
    /// The host has not enough memory for what the limits allow.
    #[error("the host is out of memory: {what}")]
    HostMemory {
        /// Purpose of the memory.
        what: HostMemoryUse,
    },
    /// The engine failed: no guest should be able to cause this.
    #[error("the engine failed: {}", crate::data::text::escape(.message, 4096))]
    Engine {
        /// The engine's description; not part of the stable interface.
        message: String,
    },
    /// The guest requested a different effect than the transcript that is replayed.
    #[error("the transcript differs at effect {effect}: expected {}, found {}", crate::data::text::escape(.expected, 256), crate::data::text::escape(.found, 256))]
    Replay {
        /// Number of the effect, from 1.
        effect: u64,
        /// Function that was called, as `module.name`.
        function: String,
        /// Request in the transcript.
        expected: String,
        /// Request of this run.
        found: String,
    },
    /// The worker process of an isolated run died. Output, log and usage are those of its last report.
    #[error("the worker died: {0}")]
    Worker(WorkerEnd),
}

impl HostStop {
    pub(super) fn class(&self) -> EndClass {
        match self {
            HostStop::Injected { .. } => EndClass::Deterministic,
            HostStop::Deadline { .. } | HostStop::Cancelled => EndClass::Interrupted,
            HostStop::HostFunction { .. }
            | HostStop::HostPanic { .. }
            | HostStop::HostMemory { .. }
            | HostStop::Engine { .. }
            | HostStop::Replay { .. }
            | HostStop::Worker(_) => EndClass::NotReproducible,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            HostStop::Deadline { .. } => Some(super::raise("deadline_ms")),
            HostStop::Engine { .. } | HostStop::Worker(_) => {
                Some("report this as a bug: no guest should be able to cause it".into())
            }
            _ => None,
        }
    }
}

/// Kind of an injected fault that stops a run ([`Faults`](crate::config::Faults)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InjectedFault {
    /// `faults.stop_at_fuel`.
    #[error("at fuel")]
    Fuel,
    /// `faults.fail_host_call`.
    #[error("in host call")]
    HostCall,
}

labels! {
    /// Purpose of memory of the host.
    pub enum HostMemoryUse {
        /// A copy of guest memory for a host function.
        GuestMemoryCopy = "a copy of guest memory",
        /// Files of a WASI program.
        Files = "files",
        /// Open descriptors of a WASI program.
        OpenFiles = "open files",
        /// Memories of the guest.
        GuestMemory = "guest memory",
        /// Tables of the guest.
        GuestTables = "guest tables",
        /// The stack or the tables of the guest, which the engine does not distinguish.
        StackOrTables = "the guest's stack or tables",
        /// An HTTP response.
        HttpResponse = "an HTTP response",
        /// The log.
        Log = "log",
        /// The output.
        Output = "output",
    }
}
