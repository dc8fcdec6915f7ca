//! Violations of JSON Schemas.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use super::error::shown;
use crate::data::text::escape;

/// Violation of a schema by a value.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[non_exhaustive]
pub struct Mismatch {
    /// Position in the document as a JSON Pointer (RFC 6901); empty for the whole document.
    pub path: String,
    /// Description; not part of the stable interface.
    pub message: String,
}

/// Most bytes of a message.
pub(super) const MESSAGE_BYTES: usize = 1024;

impl Mismatch {
    pub(crate) fn new(path: &str, message: &str) -> Mismatch {
        Mismatch { path: path.into(), message: message.into() }
    }

    /// Prefixes the path, for a document that is part of another.
    pub(crate) fn below(self, prefix: &str) -> Mismatch {
        Mismatch { path: format!("{prefix}{}", self.path), ..self }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", shown(&self.path), escape(&self.message, MESSAGE_BYTES))
    }
}

/// Formats mismatches in one line.
pub(crate) fn list(all: &[Mismatch]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
