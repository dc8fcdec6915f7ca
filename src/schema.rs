//! JSON Schemas that nobody has reason to trust: what they may be, and what checking a value may cost.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::fmt;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use self::{
    error::{SchemaError, SchemaProblem, shown},
    graph::Graph,
    work::Shape,
};
use crate::{
    document::{Document, Node},
    text::escape,
};

pub(crate) mod error;
mod graph;
mod representation;
mod work;

/// A JSON Schema, ready to check values.
///
/// Drafts 4 to 2020-12, as `$schema` says, and 2020-12 if it says nothing. References are to parts of the
/// same schema; formats are not checked; patterns are those that take linear time.
#[derive(Debug)]
pub struct Schema {
    validator: Validator<Document>,
    graph: Graph,
}

/// Where a value does not fit its schema, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[non_exhaustive]
pub struct Mismatch {
    /// Where in the document, as a JSON Pointer (RFC 6901); empty: the document as a whole.
    pub path: String,
    /// What is wrong there; not part of the stable interface.
    pub message: String,
}

/// Mismatches that are told at once.
const MAX_TOLD: usize = 8;

/// Values in a document of which one mismatch is told, and members of an object whose names may be told.
const MANY: u64 = 1_000;

/// Bytes of a message.
const MESSAGE_BYTES: usize = 1024;

/// The most that a compiled pattern may take, in bytes.
const PATTERN_BYTES: usize = 16 << 10;

/// The most that is kept to match it faster, in bytes.
const DFA_BYTES: usize = 1 << 20;

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    ///
    /// [`SchemaError`] if it is none, or one whose checking could not be bounded.
    pub fn new(schema: &Value) -> Result<Schema, SchemaError> {
        let graph = Graph::of(schema)?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(DFA_BYTES);
        let validator = jsonschema::options_for::<Document>()
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .build(schema)
            .map_err(|error| SchemaError {
                path: error.instance_path().to_string(),
                problem: SchemaProblem::Invalid { message: message(&error, true) },
            })?;
        Ok(Schema { validator, graph })
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// Where it does not fit: at most 8 places; of a document of more than 1,000 values one, or none where to find it
    /// would take more memory than the document. A value that would take too long to check, or is nested too deep,
    /// does not fit.
    pub fn check(&self, value: &Value) -> Result<(), Vec<Mismatch>> {
        self.check_node(Document::of(value).root())
    }

    /// Checks a value of a document.
    pub(crate) fn check_node(&self, value: Node<'_>) -> Result<(), Vec<Mismatch>> {
        let shape = Shape::of(value);
        let whole = |message: &str| Err(vec![Mismatch::new("", message)]);
        if !self.graph.admits(&shape, false) {
            return whole("it is too large, or nested too deep, to be checked against its schema");
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        // To tell why is more work than to tell that.
        if !self.graph.admits(&shape, true) {
            return whole(MISMATCH);
        }
        let told: Vec<_> = if shape.values() <= MANY {
            let errors = self.validator.iter_errors(value).take(MAX_TOLD);
            errors.map(|error| Mismatch::of(&error, value)).collect()
        } else if self.graph.gathers || shape.most_members() > MANY {
            Vec::new()
        } else {
            self.validator.validate(value).err().iter().map(|error| Mismatch::of(error, value)).collect()
        };
        if told.is_empty() { whole(MISMATCH) } else { Err(told) }
    }
}

/// Of a value of which no more is told.
const MISMATCH: &str = "it does not fit its schema";

impl Mismatch {
    pub(crate) fn new(path: &str, message: &str) -> Mismatch {
        Mismatch { path: path.into(), message: message.into() }
    }

    /// As it is where its document is part of another.
    pub(crate) fn below(self, prefix: &str) -> Mismatch {
        Mismatch { path: format!("{prefix}{}", self.path), ..self }
    }

    fn of(error: &ValidationError<'_>, document: Node<'_>) -> Mismatch {
        let path = error.instance_path().to_string();
        let is_small = document.pointer(&path).is_some_and(Node::is_small);
        Mismatch { message: message(error, is_small), path }
    }
}

/// Returns what is wrong, with the value if it and the message are short.
fn message(error: &ValidationError<'_>, is_small: bool) -> String {
    let text = is_small.then(|| error.to_string()).filter(|text| text.len() <= MESSAGE_BYTES);
    text.unwrap_or_else(|| error.masked().to_string().chars().take(MESSAGE_BYTES).collect())
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", shown(&self.path), escape(&self.message, MESSAGE_BYTES))
    }
}

/// Mismatches in one line.
pub(crate) fn list(all: &[Mismatch]) -> String {
    all.iter().map(|one| format!("{one}")).collect::<Vec<_>>().join("; ")
}
