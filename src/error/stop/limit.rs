//! Stops of guests at limits.

use alloc::string::String;

use serde::Serialize;
use thiserror::Error;

use crate::error::EndClass;

/// Limit that a guest exceeded, with its value.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitExceeded {
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
    /// The transcript being recorded exceeds its limit.
    #[error("stopped: the transcript exceeds its limit of {limit} bytes")]
    Transcript {
        /// Limit in bytes.
        limit: u64,
    },
}

impl LimitExceeded {
    pub(super) fn class(&self) -> EndClass {
        match self {
            LimitExceeded::Fuel { .. }
            | LimitExceeded::Memory { .. }
            | LimitExceeded::Table { .. }
            | LimitExceeded::Stack { .. }
            | LimitExceeded::Output { .. }
            | LimitExceeded::HostCalls { .. } => EndClass::Deterministic,
            // The recorder has this limit, and no configuration.
            LimitExceeded::Transcript { .. } => EndClass::NotReproducible,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let key = match self {
            LimitExceeded::Fuel { .. } => "limits.fuel",
            LimitExceeded::Memory { .. } => "limits.memory_bytes",
            LimitExceeded::Table { .. } => "limits.table_elements",
            LimitExceeded::Stack { .. } => "limits.call_depth` or `limits.value_stack_bytes",
            LimitExceeded::Output { .. } => "limits.output_bytes",
            LimitExceeded::HostCalls { .. } => "limits.host_calls",
            LimitExceeded::Transcript { .. } => return None,
        };
        Some(super::raise(key))
    }
}
