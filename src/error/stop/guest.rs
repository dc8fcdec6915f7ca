//! Stops of guests by faults of the guests.

use alloc::string::String;

use serde::Serialize;
use thiserror::Error;

use crate::{data::text::quote, error::EndClass};

/// Fault of a guest, or its failure or status.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GuestFault {
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
}

fn denied(detail: Option<&str>) -> String {
    detail.map_or(String::new(), |detail| alloc::format!(": {}", crate::data::text::escape(detail, 4096)))
}

impl GuestFault {
    pub(super) fn class(&self) -> EndClass {
        match self {
            GuestFault::Trap(_)
            | GuestFault::Failed { .. }
            | GuestFault::Aborted { .. }
            | GuestFault::Status { .. }
            | GuestFault::Abi(_)
            | GuestFault::Denied { .. } => EndClass::Deterministic,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            GuestFault::Denied { capability, detail: None, .. } => {
                let capability = crate::data::text::escape(capability, 256);
                Some(alloc::format!("grant it with `grants = [\"{capability}\"]` if the guest may do this"))
            }
            GuestFault::Trap(Trap::Unreachable) => {
                Some("a guest that calls `fail` where it gives up, as in a panic hook, says why".into())
            }
            _ => None,
        }
    }
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
