//! Errors of loading or calling a tool.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use serde::Serialize;

use crate::{
    data::text::{SHOWN_BYTES, escape, quote},
    error::{ConfigError, Error, write_hint},
    tool::{
        manifest::error::ManifestError,
        policy::MissingCapability,
        schema::mismatch::{Mismatch, list},
    },
};

/// Error of loading or calling a tool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolError {
    /// The manifest is invalid.
    Manifest(Box<ManifestError>),
    /// The policy has another hash for a tool of this name.
    Pinned {
        /// The tool.
        tool: String,
        /// Hash in the policy.
        expected: String,
        /// Hash of the module.
        found: String,
        /// The line of the policy.
        line: u64,
    },
    /// Required capabilities are not granted.
    Refused {
        /// The tool.
        tool: String,
        /// Missing capabilities, each with the setting that grants it.
        missing: Vec<MissingCapability>,
    },
    /// The input does not match its schema.
    Input(Vec<Mismatch>),
    /// The output does not match its schema.
    Output(Vec<Mismatch>),
    /// The output is not JSON, or does not deserialize to the type that the caller expects.
    Unreadable {
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The input cannot be serialized as JSON.
    Unwritable {
        /// The serializer's description; not part of the stable interface.
        message: String,
    },
    /// Error of the configuration, the module or the run.
    Run(Box<Error>),
}

impl fmt::Display for ToolError {
    /// Formats the message; `{:#}` adds the [`hint`](ToolError::hint).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToolError::Manifest(cause) => write!(f, "manifest: {cause}"),
            ToolError::Pinned { tool, found, line, .. } => {
                write!(f, "{}: its SHA-256 is {found}, not the one in line {line} of the policy", quote(tool))
            }
            ToolError::Refused { tool, missing } => {
                write!(f, "{} requires capabilities that are not granted: {}", quote(tool), keys(missing))
            }
            ToolError::Input(mismatches) => write!(f, "the input does not match its schema: {}", list(mismatches)),
            ToolError::Output(mismatches) => {
                write!(f, "the output of the guest does not match its schema: {}", list(mismatches))
            }
            ToolError::Unreadable { message } => {
                write!(f, "the output of the guest cannot be read: {}", escape(message, SHOWN_BYTES))
            }
            ToolError::Unwritable { message } => {
                write!(f, "the input cannot be written as JSON: {}", escape(message, SHOWN_BYTES))
            }
            ToolError::Run(cause) => write!(f, "{cause}"),
        }?;
        write_hint(f, || self.hint())
    }
}

impl core::error::Error for ToolError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            ToolError::Manifest(cause) => Some(&**cause),
            ToolError::Run(cause) => Some(&**cause),
            _ => None,
        }
    }
}

fn keys(missing: &[MissingCapability]) -> String {
    let keys: alloc::collections::BTreeSet<_> = missing.iter().map(|one| alloc::format!("`{}`", one.key)).collect();
    keys.into_iter().collect::<Vec<_>>().join(", ")
}

impl From<ManifestError> for ToolError {
    fn from(cause: ManifestError) -> Self {
        ToolError::Manifest(Box::new(cause))
    }
}

impl From<ConfigError> for ToolError {
    fn from(cause: ConfigError) -> Self {
        Error::from(cause).into()
    }
}

impl From<Error> for ToolError {
    fn from(cause: Error) -> Self {
        ToolError::Run(Box::new(cause))
    }
}

impl ToolError {
    /// Returns a hint on how to fix the error, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            ToolError::Manifest(cause) => cause.hint(),
            ToolError::Run(cause) => cause.hint(),
            ToolError::Refused { missing, .. } => {
                let lines: Vec<_> = missing.iter().map(|one| alloc::format!("{one}")).collect();
                Some(lines.join("; "))
            }
            ToolError::Pinned { .. } => {
                Some("review the changes of the module, then update the hash in the policy".into())
            }
            ToolError::Input(_)
            | ToolError::Output(_)
            | ToolError::Unreadable { .. }
            | ToolError::Unwritable { .. } => None,
        }
    }
}
