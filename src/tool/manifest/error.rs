//! Errors of manifests.

use alloc::{boxed::Box, string::String};

use serde::Serialize;
use thiserror::Error;

use crate::{
    data::text::{SHOWN_BYTES, escape, quote},
    error::{ConfigError, Position},
    tool::schema::error::SchemaError,
};

/// An invalid manifest: where, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ManifestError {
    /// A key, or the text as a whole.
    #[error(transparent)]
    Text(Box<ConfigError>),
    /// The bytes are not a module.
    #[error("not a WebAssembly module: at byte {at} is neither its beginning nor a section")]
    NotModule {
        /// Offset of the first byte that is not part of one.
        at: u64,
    },
    /// The module has two of them.
    #[error("the module has two manifests, the second at byte {at}")]
    Twice {
        /// Offset of the second.
        at: u64,
    },
    /// The section is not UTF-8.
    #[error("the manifest is not UTF-8, from its byte {at} on")]
    NotText {
        /// Offset in the section.
        at: u64,
    },
    /// A text is not valid JSON.
    #[error("{}{}: not valid JSON: {}", place(*.at), quote(.key), escape(.message, SHOWN_BYTES))]
    Json {
        /// The key.
        key: String,
        /// Position of the key.
        at: Option<Position>,
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// A JSON Schema is not valid, or not supported.
    #[error("{}: {cause}", quote(.key))]
    Schema {
        /// `input` or `output`.
        key: String,
        /// What is wrong with it.
        cause: SchemaError,
    },
}

fn place(at: Option<Position>) -> String {
    at.map_or(String::new(), |at| alloc::format!("{at}: "))
}

impl From<ConfigError> for ManifestError {
    fn from(cause: ConfigError) -> Self {
        ManifestError::Text(Box::new(cause))
    }
}

impl ManifestError {
    /// Returns advice on how to correct it, if there is any.
    pub fn hint(&self) -> Option<String> {
        match self {
            ManifestError::Text(cause) => cause.hint(),
            ManifestError::Twice { .. } => Some("`belljar pack` puts one in place of both".into()),
            _ => None,
        }
    }
}
