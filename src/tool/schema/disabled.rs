//! Stub for builds without the feature `json`: schemas are refused.

use alloc::{string::String, vec::Vec};

use serde_json::Value;

use self::{
    error::{SchemaError, SchemaProblem},
    mismatch::Mismatch,
};
use crate::tool::document::Node;

pub(crate) mod error;
pub(crate) mod mismatch;

/// A JSON Schema, which this build cannot have: the feature `json` adds it.
#[derive(Debug)]
pub enum Schema {}

impl Schema {
    /// Refuses every schema.
    ///
    /// # Errors
    ///
    /// [`SchemaProblem::NotBuilt`].
    pub fn new(_: &Value) -> Result<Schema, SchemaError> {
        Err(SchemaError { path: String::new(), problem: SchemaProblem::NotBuilt })
    }

    /// Validates a value.
    ///
    /// # Errors
    ///
    /// The mismatches.
    pub fn check(&self, _: &Value) -> Result<(), Vec<Mismatch>> {
        match *self {}
    }

    /// Validates a value of a document.
    pub(crate) fn check_node(&self, _: Node<'_>) -> Result<(), Vec<Mismatch>> {
        match *self {}
    }
}
