//! Errors of JSON Schemas.

use alloc::string::String;

use serde::Serialize;
use thiserror::Error;

use crate::data::text::{SHOWN_BYTES, escape, quote};

/// Error of a JSON Schema that is invalid or not supported.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("unsupported schema: at {}: {problem}", shown(.path))]
#[non_exhaustive]
pub struct SchemaError {
    /// Position in the schema as a JSON Pointer (RFC 6901).
    pub path: String,
    /// The problem.
    pub problem: SchemaProblem,
}

/// Problem of a JSON Schema.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SchemaProblem {
    /// A keyword has an invalid value.
    #[error("{}", escape(.message, SHOWN_BYTES))]
    Invalid {
        /// The validator's description; not part of the stable interface.
        message: String,
    },
    /// A reference does not point into the same schema.
    #[error("a reference must be `#` or `#/…`, within the schema; found {}", quote(.found))]
    Reference {
        /// The reference.
        found: String,
    },
    /// The target of a reference does not exist.
    #[error("the reference {} has no target", quote(.found))]
    Missing {
        /// The reference.
        found: String,
    },
    /// A keyword is not supported here.
    #[error("`{keyword}` is not supported: use `$ref` with `#` or `#/…`")]
    Keyword {
        /// The keyword.
        keyword: &'static str,
    },
    /// The schema refers to itself for the same value.
    #[error("the schema refers to itself for the same value, so that validation would not end")]
    Endless,
    /// The build has no JSON Schemas: the feature `json` adds them.
    #[error("this build has no JSON Schemas, which the feature `json` adds")]
    NotBuilt,
    /// A size exceeds its limit.
    #[error("{found} {what}; the limit is {limit}")]
    Size {
        /// What is counted.
        what: &'static str,
        /// The count.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

/// Formats a JSON Pointer for a message.
pub(crate) fn shown(path: &str) -> String {
    if path.is_empty() { "the top".into() } else { alloc::format!("{}", quote(path)) }
}
