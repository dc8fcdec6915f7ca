//! A module that cannot be a tool, or a call of one that came to nothing.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::Serialize;

use crate::{
    error::{ConfigError, Error},
    manifest::error::ManifestError,
    policy::MissingCapability,
    schema::{Mismatch, list},
    text::{SHOWN_BYTES, escape, quote},
};

/// A module that cannot be a tool, or a call of one that came to nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolError {
    /// The manifest is none.
    #[error("manifest: {0}")]
    Manifest(Box<ManifestError>),
    /// The policy has another hash for a tool of this name.
    #[error("{} is not the module that line {line} of the policy is for: its SHA-256 is {found}", quote(.tool))]
    Pinned {
        /// The tool.
        tool: String,
        /// The hash of the policy.
        expected: String,
        /// That of the module.
        found: String,
        /// The line of the policy.
        line: u64,
    },
    /// The tool requires capabilities or limits that it does not get.
    #[error("{} requires what it is not granted: {}", quote(.tool), keys(.missing))]
    Refused {
        /// The tool.
        tool: String,
        /// All that is missing, with the lines that grant it.
        missing: Vec<MissingCapability>,
    },
    /// The input does not fit its schema.
    #[error("the input does not fit: {}", list(.0))]
    Input(Vec<Mismatch>),
    /// The output does not fit its schema.
    #[error("the output of the guest does not fit: {}", list(.0))]
    Output(Vec<Mismatch>),
    /// The output is not JSON, or not what the caller expects of it.
    #[error("the output of the guest is not as expected: {}", escape(.message, SHOWN_BYTES))]
    Unreadable {
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The input cannot be written as JSON.
    #[error("the input cannot be written as JSON: {}", escape(.message, SHOWN_BYTES))]
    Unwritable {
        /// The serializer's description; not part of the stable interface.
        message: String,
    },
    /// Whatever else: the configuration, the module, the run.
    #[error(transparent)]
    Run(Box<Error>),
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
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            ToolError::Manifest(cause) => cause.hint(),
            ToolError::Run(cause) => cause.hint(),
            ToolError::Refused { missing, .. } => {
                let lines: Vec<_> = missing.iter().map(|one| alloc::format!("{one}")).collect();
                Some(lines.join("; "))
            }
            ToolError::Pinned { .. } => Some("look at what has changed, then change the hash".into()),
            ToolError::Input(_)
            | ToolError::Output(_)
            | ToolError::Unreadable { .. }
            | ToolError::Unwritable { .. } => None,
        }
    }
}
