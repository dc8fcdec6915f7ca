//! A manifest that cannot be.

use alloc::{boxed::Box, string::String};

use serde::Serialize;
use thiserror::Error;

use crate::{
    error::{ConfigError, Position},
    schema::error::SchemaError,
    text::{SHOWN_BYTES, escape, quote},
};

/// A manifest that cannot be: where, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ManifestError {
    /// A key, or the text as a whole.
    #[error(transparent)]
    Text(Box<ConfigError>),
    /// The bytes are no module, so that there is no place for a manifest.
    #[error("not a WebAssembly module: at byte {at} is neither its beginning nor a section")]
    NotModule {
        /// Where.
        at: u64,
    },
    /// The module has two of them.
    #[error("the module has two manifests, the second at byte {at}")]
    Twice {
        /// Where the second begins.
        at: u64,
    },
    /// The section is not UTF-8.
    #[error("the manifest is not UTF-8, from its byte {at} on")]
    NotText {
        /// Where in the section.
        at: u64,
    },
    /// A text that is to be JSON is not.
    #[error("{}{}: not valid JSON: {}", place(*.at), quote(.key), escape(.message, SHOWN_BYTES))]
    Json {
        /// The key.
        key: String,
        /// Where it is.
        at: Option<Position>,
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// What is given as a JSON Schema is none that is accepted.
    #[error("{}: {cause}", quote(.key))]
    Schema {
        /// `input` or `output`.
        key: String,
        /// Why not.
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
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            ManifestError::Text(cause) => cause.hint(),
            ManifestError::Twice { .. } => Some("`belljar pack` puts one in place of both".into()),
            _ => None,
        }
    }
}
