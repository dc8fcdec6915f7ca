//! A JSON Schema that is not accepted.

use alloc::string::String;

use serde::Serialize;
use thiserror::Error;

use crate::text::{SHOWN_BYTES, escape, quote};

/// A JSON Schema that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("not a schema that is accepted: at {}: {problem}", shown(.path))]
#[non_exhaustive]
pub struct SchemaError {
    /// Where in the schema, as a JSON Pointer (RFC 6901).
    pub path: String,
    /// What is wrong there.
    pub problem: SchemaProblem,
}

/// What is wrong with a JSON Schema.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SchemaProblem {
    /// A keyword has a value that it cannot have.
    #[error("{}", escape(.message, SHOWN_BYTES))]
    Invalid {
        /// The validator's description; not part of the stable interface.
        message: String,
    },
    /// A reference that is not to a part of the same schema.
    #[error("a reference can only be `#` or `#/…`, within the schema; found {}", quote(.found))]
    Reference {
        /// What it is.
        found: String,
    },
    /// A reference to a place that is not there.
    #[error("there is nothing at {}", quote(.found))]
    Missing {
        /// What it refers to.
        found: String,
    },
    /// A keyword that is not accepted here.
    #[error("`{keyword}` is not accepted: references within a schema are `$ref` to `#` or `#/…`")]
    Keyword {
        /// The keyword.
        keyword: &'static str,
    },
    /// It refers to itself without going into the value.
    #[error("it refers to itself without going into the value, so that checking it would not end")]
    Endless,
    /// There is too much of something.
    #[error("{found} {what}; at most {limit} are accepted")]
    Size {
        /// What.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

/// A JSON Pointer for people.
pub(crate) fn shown(path: &str) -> String {
    if path.is_empty() { "the top".into() } else { alloc::format!("{}", quote(path)) }
}
