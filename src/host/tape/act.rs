//! What a host function does to the run that called it.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::Access;
use crate::{digest::Digest, outcome::Level};

/// One access of a host function. In a transcript: `{"read": {…}}` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Act {
    /// It read the guest's memory.
    Read { ptr: u32, len: u32, bytes: Digest },
    /// It wrote to the guest's memory.
    Write { ptr: u32, bytes: Bytes },
    /// It charged fuel.
    Charge { fuel: u64 },
    /// It added to the output.
    Output { bytes: Bytes },
    /// It added to the log.
    Log { level: Level, text: String },
}

impl Act {
    pub(super) fn of(access: &Access<'_>) -> Act {
        match *access {
            Access::Read { ptr, len, bytes } => Act::Read { ptr, len, bytes: Digest::of(bytes) },
            Access::Write { ptr, bytes } => Act::Write { ptr, bytes: Bytes::of(bytes) },
            Access::Charge { fuel } => Act::Charge { fuel },
            Access::Output { bytes } => Act::Output { bytes: Bytes::of(bytes) },
            Access::Log { level, text } => Act::Log { level, text: text.into() },
        }
    }
}

/// Bytes, as text where they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Bytes {
    Text(String),
    Hex(String),
}

impl Bytes {
    pub(crate) fn of(bytes: &[u8]) -> Bytes {
        match core::str::from_utf8(bytes) {
            Ok(text) => Bytes::Text(text.into()),
            Err(_) => Bytes::Hex(bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()),
        }
    }

    /// `None` if it is no hexadecimal number of whole bytes.
    pub(crate) fn to_vec(&self) -> Option<Vec<u8>> {
        match self {
            Bytes::Text(text) => Some(text.as_bytes().to_vec()),
            Bytes::Hex(hex) if hex.is_ascii() && hex.len().is_multiple_of(2) => {
                let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
                (0..hex.len()).step_by(2).map(byte).collect()
            }
            Bytes::Hex(_) => None,
        }
    }
}
