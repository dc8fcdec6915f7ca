//! Stops of guests, with their reasons.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use super::{WorkerEnd, dotted, write_hint};
use crate::data::{
    files::Changes,
    outcome::{Log, Usage},
    text::{DebugBytes, DebugMap, quote},
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
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.reason)
    }
}

/// Reason of a stop. Each limit carries its value, each ABI fault expected and actual values.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// The fuel is used up.
    #[error("stopped: the fuel limit of {limit} is used up")]
    Fuel {
        /// `limits.fuel`, in units.
        limit: u64,
    },
    /// A growth of a memory exceeds the limit.
    #[error("stopped: memory of {asked} bytes requested; the limit is {limit}")]
    Memory {
        /// `limits.memory_bytes`.
        limit: u64,
        /// Size of all memories after the growth, in bytes.
        asked: u64,
    },
    /// A growth of a table exceeds the limit.
    #[error("stopped: tables of {asked} elements requested; the limit is {limit}")]
    Table {
        /// `limits.table_elements`.
        limit: u64,
        /// Size of all tables after the growth, in elements.
        asked: u64,
    },
    /// Calls are nested too deeply, or the value stack is full: the engine does not distinguish them.
    #[error("stopped: stack overflow; the limits are {call_depth} calls and {value_stack_bytes} bytes of values")]
    Stack {
        /// `limits.call_depth`, in calls.
        call_depth: u64,
        /// `limits.value_stack_bytes`.
        value_stack_bytes: u64,
    },
    /// The output exceeds its limit.
    #[error("stopped: output of {asked} bytes; the limit is {limit}")]
    Output {
        /// `limits.output_bytes`.
        limit: u64,
        /// Size of the output with the rejected write, in bytes.
        asked: u64,
    },
    /// The guest made too many calls of host functions.
    #[error("stopped: more than {limit} host calls")]
    HostCalls {
        /// `limits.host_calls`.
        limit: u64,
    },
    /// The deadline passed. Not deterministic: `usage.fuel` is the fuel at which it took effect.
    #[error("stopped: the deadline of {limit_ms} ms passed")]
    Deadline {
        /// `deadline_ms`.
        limit_ms: u64,
    },
    /// A fault that the configuration injects ([`Faults`](crate::config::Faults)).
    #[error("stopped: {fault} {number}, an injected fault")]
    Injected {
        /// Kind of the fault.
        fault: Fault,
        /// Value of its key.
        number: u64,
    },
    /// The host cancelled the run. Not deterministic: `usage.fuel` is the fuel at which it took effect.
    #[error("stopped: cancelled by the host")]
    Cancelled,
    /// The guest trapped.
    #[error("the guest trapped: {0}")]
    Trap(Trap),
    /// The guest ended its run with `fail`.
    #[error("the guest failed: {}", crate::data::text::escape(.message, 4096))]
    Failed {
        /// Message of the guest, at most 4,096 bytes.
        message: String,
    },
    /// The guest ended its run with `abort`.
    #[error("the guest aborted: {} ({}:{line}:{column})", crate::data::text::escape(.message, 4096), crate::data::text::escape(.file, 256))]
    Aborted {
        /// Message of the guest, at most 4,096 UTF-16 code units.
        message: String,
        /// Source file, as reported by the guest.
        file: String,
        /// Line in the source file.
        line: u32,
        /// Column in the source file.
        column: u32,
    },
    /// The entry function returned a status other than 0.
    #[error("the guest returned status {code}")]
    Status {
        /// The status.
        code: i32,
    },
    /// The guest violated the ABI.
    #[error("the guest violated the ABI: {0}")]
    Abi(AbiFault),
    /// The guest used a capability that is not granted.
    #[error("denied: {} needs `{}`{}", quote(.function), crate::data::text::escape(.capability, 256), denied(.detail.as_deref()))]
    Denied {
        /// Missing capability: a name for `grants`, or the configuration key that grants it.
        capability: String,
        /// Function that was called, as `module.name`.
        function: String,
        /// The request, and the setting that grants it.
        detail: Option<String>,
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
        what: &'static str,
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
    /// The transcript being recorded exceeds its limit.
    #[error("stopped: the transcript exceeds its limit of {limit} bytes")]
    Transcript {
        /// Limit in bytes.
        limit: u64,
    },
    /// The worker process of an isolated run died. Output, log and usage are those of its last report.
    #[error("the worker died: {0}")]
    Worker(WorkerEnd),
}

fn denied(detail: Option<&str>) -> String {
    detail.map_or(String::new(), |detail| alloc::format!(": {}", crate::data::text::escape(detail, 4096)))
}

/// Trap of the WebAssembly specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trap {
    /// `unreachable` was executed.
    #[error("unreachable executed")]
    Unreachable,
    /// A load, a store or a data segment beyond the end of a memory.
    #[error("out of bounds memory access")]
    MemoryOutOfBounds,
    /// An access or an element segment beyond the end of a table.
    #[error("out of bounds table access")]
    TableOutOfBounds,
    /// An indirect call of an empty table slot.
    #[error("indirect call of null")]
    IndirectCallToNull,
    /// An indirect call of a function of another type.
    #[error("indirect call type mismatch")]
    BadSignature,
    /// An integer division by zero.
    #[error("integer divide by zero")]
    IntegerDivisionByZero,
    /// An integer division or conversion whose result does not fit.
    #[error("integer overflow")]
    IntegerOverflow,
    /// A conversion of a NaN to an integer.
    #[error("invalid conversion to integer")]
    BadConversionToInteger,
}

/// Violation of the ABI by a guest. Pointers and lengths are unsigned.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AbiFault {
    /// A range is outside the memory.
    #[error("{}: the range at {ptr} of {len} bytes is outside the memory of {memory} bytes", quote(.function))]
    Range {
        /// Function that was called.
        function: String,
        /// Start of the range.
        ptr: u32,
        /// Length of the range in bytes.
        len: u32,
        /// Size of the memory in bytes.
        memory: u64,
    },
    /// A text is not UTF-8.
    #[error("{}: the text at {ptr} of {len} bytes is not UTF-8 after byte {valid}", quote(.function))]
    Utf8 {
        /// Function that was called.
        function: String,
        /// Start of the text.
        ptr: u32,
        /// Length of the text in bytes.
        len: u32,
        /// Length of its valid prefix in bytes.
        valid: u32,
    },
    /// A log level does not exist.
    #[error("{}: invalid log level {level}; levels are 0 to 4", quote(.function))]
    Level {
        /// Function that was called.
        function: String,
        /// Level found.
        level: i32,
    },
    /// A host function was called before the guest's memory was exported.
    #[error("{}: called without an exported memory", quote(.function))]
    NoMemory {
        /// Function that was called.
        function: String,
    },
}

/// Kind of an injected fault that stops a run ([`Faults`](crate::config::Faults)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// `faults.stop_at_fuel`.
    #[error("at fuel")]
    Fuel,
    /// `faults.fail_host_call`.
    #[error("in host call")]
    HostCall,
}

impl StopReason {
    /// Returns whether the guest caused the stop, as opposed to a deadline, a cancel, an injected fault, or a failure of
    /// the host.
    pub fn is_guest_fault(&self) -> bool {
        match self {
            StopReason::Fuel { .. }
            | StopReason::Memory { .. }
            | StopReason::Table { .. }
            | StopReason::Stack { .. }
            | StopReason::Output { .. }
            | StopReason::HostCalls { .. }
            | StopReason::Trap(_)
            | StopReason::Failed { .. }
            | StopReason::Aborted { .. }
            | StopReason::Status { .. }
            | StopReason::Transcript { .. }
            | StopReason::Denied { .. }
            | StopReason::Abi(_) => true,
            StopReason::Deadline { .. }
            | StopReason::Cancelled
            | StopReason::Injected { .. }
            | StopReason::HostFunction { .. }
            | StopReason::HostPanic { .. }
            | StopReason::HostMemory { .. }
            | StopReason::Engine { .. }
            | StopReason::Replay { .. }
            | StopReason::Worker(_) => false,
        }
    }

    /// Returns whether the same run stops in the same way again, on any machine.
    pub fn is_deterministic(&self) -> bool {
        !matches!(
            self,
            StopReason::Deadline { .. }
                | StopReason::Cancelled
                | StopReason::HostFunction { .. }
                | StopReason::HostPanic { .. }
                | StopReason::HostMemory { .. }
                | StopReason::Engine { .. }
                | StopReason::Replay { .. }
                | StopReason::Transcript { .. }
                | StopReason::Worker(_)
        )
    }

    pub(super) fn hint(&self) -> Option<String> {
        let key = match self {
            StopReason::Fuel { .. } => "limits.fuel",
            StopReason::Memory { .. } => "limits.memory_bytes",
            StopReason::Table { .. } => "limits.table_elements",
            StopReason::Stack { .. } => "limits.call_depth` or `limits.value_stack_bytes",
            StopReason::Output { .. } => "limits.output_bytes",
            StopReason::HostCalls { .. } => "limits.host_calls",
            StopReason::Deadline { .. } => "deadline_ms",
            StopReason::Denied { capability, detail: None, .. } => {
                let capability = crate::data::text::escape(capability, 256);
                return Some(alloc::format!("grant it with `grants = [\"{capability}\"]` if the guest may do this"));
            }
            StopReason::Engine { .. } | StopReason::Worker(_) => {
                return Some("report this as a bug: no guest should be able to cause it".into());
            }
            _ => return None,
        };
        Some(alloc::format!("raise `{key}` if the guest may use more"))
    }
}
