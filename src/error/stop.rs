//! A guest that was stopped.

use alloc::{string::String, vec::Vec};

use serde::Serialize;
use thiserror::Error;

use super::{WorkerEnd, dotted};
use crate::{
    files::Changes,
    outcome::{Log, Usage},
    text::quote,
};

/// A guest that was stopped: why, and what it had produced by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stopped {
    /// Why.
    pub reason: StopReason,
    /// What the guest had written.
    pub output: Vec<u8>,
    /// What the guest had logged.
    pub log: Log,
    /// What a program of WASI had changed of its files, by path.
    #[serde(skip_serializing_if = "Changes::is_empty")]
    pub files: Changes,
    /// What the run had used; `usage.fuel` is the fuel at which it stopped.
    pub usage: Usage,
}

/// Why a guest was stopped. Each limit carries the limit, each ABI fault both sides.
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
    /// The guest asked for more memory than it may have.
    #[error("stopped: memory of {asked} bytes asked for; the limit is {limit}")]
    Memory {
        /// `limits.memory_bytes`.
        limit: u64,
        /// The sum of all memories the growth would have made, in bytes.
        asked: u64,
    },
    /// The guest asked for larger tables than it may have.
    #[error("stopped: tables of {asked} elements asked for; the limit is {limit}")]
    Table {
        /// `limits.table_elements`.
        limit: u64,
        /// The sum of all tables the growth would have made, in elements.
        asked: u64,
    },
    /// Calls nested too deeply, or too many values on the stack: the engine does not tell which.
    #[error("stopped: stack overflow; the limits are {call_depth} calls and {value_stack_bytes} bytes of values")]
    Stack {
        /// `limits.call_depth`, in calls.
        call_depth: u64,
        /// `limits.value_stack_bytes`.
        value_stack_bytes: u64,
    },
    /// The guest wrote more output than it may.
    #[error("stopped: output of {asked} bytes; the limit is {limit}")]
    Output {
        /// `limits.output_bytes`.
        limit: u64,
        /// The size the output would have had, in bytes.
        asked: u64,
    },
    /// The guest called the host too often.
    #[error("stopped: more than {limit} host calls")]
    HostCalls {
        /// `limits.host_calls`.
        limit: u64,
    },
    /// The deadline passed. Not deterministic: `usage.fuel` tells where it struck.
    #[error("stopped: the deadline of {limit_ms} ms passed")]
    Deadline {
        /// `deadline_ms`.
        limit_ms: u64,
    },
    /// A fault that the configuration asked for ([`Faults`](crate::Faults)). The guest has no part in it.
    #[error("stopped: {fault} {number}, a fault that was asked for")]
    Injected {
        /// Which one.
        fault: Fault,
        /// Where: the value of its key.
        number: u64,
    },
    /// The host cancelled the run. Not deterministic: `usage.fuel` tells where it struck.
    #[error("stopped: cancelled by the host")]
    Cancelled,
    /// The guest did what WebAssembly answers with a trap.
    #[error("the guest trapped: {0}")]
    Trap(Trap),
    /// The guest ended its run with `fail`.
    #[error("the guest failed: {}", crate::text::escape(.message, 4096))]
    Failed {
        /// The guest's words, at most 4,096 bytes of them.
        message: String,
    },
    /// The guest ended its run with `abort`.
    #[error("the guest aborted: {} ({}:{line}:{column})", crate::text::escape(.message, 4096), crate::text::escape(.file, 256))]
    Aborted {
        /// The guest's words, at most 4,096 UTF-16 units of them.
        message: String,
        /// The source file, as the guest names it.
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
    /// The guest broke the ABI.
    #[error("the guest broke the ABI: {0}")]
    Abi(AbiFault),
    /// The guest asked for something that it was not granted.
    #[error("denied: {} needs `{}`{}", quote(.function), crate::text::escape(.capability, 256), denied(.detail.as_deref()))]
    Denied {
        /// The capability that is missing: one of `grants`, or the key of the configuration that would grant it.
        capability: String,
        /// The function that was called, `module.name`.
        function: String,
        /// What was asked of it, and what would grant that.
        detail: Option<String>,
    },
    /// A host function of the embedding program failed.
    #[error("host function {} failed: {}", dotted(.module, .function), crate::text::escape(.message, 4096))]
    HostFunction {
        /// The import's module name.
        module: String,
        /// The import's name.
        function: String,
        /// What the function said.
        message: String,
    },
    /// A host function, or a `tracing` subscriber it called, panicked; the panic was contained.
    #[error("host function {} panicked: {}", dotted(.module, .function), crate::text::escape(.message, 4096))]
    HostPanic {
        /// The import's module name; `env` for belljar's own functions.
        module: String,
        /// The import's name.
        function: String,
        /// The panic's message.
        message: String,
    },
    /// The host had no memory left for what the guest was allowed to use.
    #[error("the host is out of memory: {what}")]
    HostMemory {
        /// What the memory was for.
        what: &'static str,
    },
    /// The engine failed in a way that no guest should be able to cause.
    #[error("the engine failed: {}", crate::text::escape(.message, 4096))]
    Engine {
        /// The engine's description; not part of the stable interface.
        message: String,
    },
    /// The guest asked the world for something else than in the transcript that is played.
    #[error("the transcript differs at effect {effect}: expected {}, found {}", crate::text::escape(.expected, 256), crate::text::escape(.found, 256))]
    Replay {
        /// The number of the effect; the first is 1.
        effect: u64,
        /// What was asked, `module.name`.
        function: String,
        /// What was asked when it was recorded.
        expected: String,
        /// What is asked now.
        found: String,
    },
    /// The transcript that is recorded became too long.
    #[error("stopped: a transcript of more than {limit} bytes")]
    Transcript {
        /// What it may have, in bytes.
        limit: u64,
    },
    /// The process of an isolated run died. Output, log and usage are those of its last report.
    #[error("the worker died: {0}")]
    Worker(WorkerEnd),
}

fn denied(detail: Option<&str>) -> String {
    detail.map_or(String::new(), |detail| alloc::format!(": {}", crate::text::escape(detail, 4096)))
}

/// A trap, as the WebAssembly specification has them.
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

/// How a guest broke the ABI. Pointers and lengths are unsigned.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AbiFault {
    /// A range that does not lie in the memory.
    #[error("{}: the range at {ptr} of {len} bytes is outside the memory of {memory} bytes", quote(.function))]
    Range {
        /// The function that was called.
        function: String,
        /// Start of the range.
        ptr: u32,
        /// Length of the range in bytes.
        len: u32,
        /// Size of the memory in bytes.
        memory: u64,
    },
    /// Text that is not UTF-8.
    #[error("{}: the text at {ptr} of {len} bytes is not UTF-8 after byte {valid}", quote(.function))]
    Utf8 {
        /// The function that was called.
        function: String,
        /// Start of the text.
        ptr: u32,
        /// Length of the text in bytes.
        len: u32,
        /// How many bytes of it are UTF-8.
        valid: u32,
    },
    /// A log level that does not exist.
    #[error("{}: log level {level}; levels are 0 to 4", quote(.function))]
    Level {
        /// The function that was called.
        function: String,
        /// The level given.
        level: i32,
    },
    /// A host function was called before the guest's memory was there.
    #[error("{}: called without an exported memory", quote(.function))]
    NoMemory {
        /// The function that was called.
        function: String,
    },
}

/// A fault that stops a run when the configuration asks for it ([`Faults`](crate::Faults)).
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
    /// Whether the guest is to blame: not for a deadline, a cancel, an injected fault, or a failure of the host.
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

    /// Whether the same run stops the same way again, wherever it is run.
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
                let capability = crate::text::escape(capability, 256);
                return Some(alloc::format!("grant it with `grants = [\"{capability}\"]` if the guest may do this"));
            }
            StopReason::Engine { .. } | StopReason::Worker(_) => {
                return Some("please report this: no guest should reach it".into());
            }
            _ => return None,
        };
        Some(alloc::format!("raise `{key}` if the guest may use more"))
    }
}
