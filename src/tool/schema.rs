//! Untrusted JSON Schemas, with bounds on their size and on the cost of validation.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use self::{
    error::{SchemaError, SchemaProblem},
    graph::Graph,
    mismatch::{MESSAGE_BYTES, Mismatch},
    work::ValueCounts,
};
use crate::tool::document::{Document, Node};

pub(crate) mod error;
mod graph;
pub(crate) mod mismatch;
mod representation;
mod work;

/// A JSON Schema, ready to check values.
///
/// Drafts 4 to 2020-12 are supported; `$schema` selects one, by default 2020-12. References must point into the same
/// schema, formats are not checked, and patterns are limited to those that match in linear time.
#[derive(Debug)]
pub struct Schema {
    validator: Validator<Document>,
    graph: Graph,
}

/// Most mismatches that are reported.
const MAX_MISMATCHES: usize = 8;

/// Values of a document beyond which one mismatch is reported, and members of an object whose names are shown.
const MAX_EXPLAINED: u64 = 1_000;

/// Most bytes of a compiled pattern.
const PATTERN_BYTES: usize = 16 << 10;

/// Most bytes of the cache of a pattern's automaton.
const DFA_BYTES: usize = 1 << 20;

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// [`SchemaError`] if the schema is invalid, or the cost of validation cannot be bounded.
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

    /// Validates a value.
    ///
    /// # Errors
    ///
    /// The mismatches, at most 8. For a document of more than 1,000 values only one, without position where finding
    /// it would take more memory than the document. A value that would take too long to validate, or is nested too
    /// deeply, is a mismatch.
    pub fn check(&self, value: &Value) -> Result<(), Vec<Mismatch>> {
        self.check_node(Document::of(value).root())
    }

    /// Validates a value of a document.
    pub(crate) fn check_node(&self, value: Node<'_>) -> Result<(), Vec<Mismatch>> {
        let counts = ValueCounts::of(value);
        let whole = |message: &str| Err(vec![Mismatch::new("", message)]);
        if !self.graph.admits(&counts, false) {
            return whole("it is too large, or nested too deeply, to be validated");
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        // Finding the reason takes more work than finding a mismatch, and paths repeat names, escaped.
        if !self.graph.admits(&counts, true) || counts.longest_name() > MAX_NAME_BYTES {
            return whole(MISMATCH);
        }
        let found: Vec<_> = if counts.values() <= MAX_EXPLAINED {
            let errors = self.validator.iter_errors(value).take(MAX_MISMATCHES);
            errors.map(|error| Mismatch::of(&error, value)).collect()
        } else if self.graph.collects_errors || counts.most_members() > MAX_EXPLAINED {
            Vec::new()
        } else {
            self.validator.validate(value).err().iter().map(|error| Mismatch::of(error, value)).collect()
        };
        if found.is_empty() { whole(MISMATCH) } else { Err(found) }
    }
}

/// Longest name of a member in a document whose mismatches are explained.
const MAX_NAME_BYTES: usize = 4 << 10;

/// Message without a reason.
const MISMATCH: &str = "it does not match its schema";

impl Mismatch {
    fn of(error: &ValidationError<'_>, document: Node<'_>) -> Mismatch {
        let path = error.instance_path().to_string();
        let is_small = document.pointer(&path).is_some_and(Node::is_small);
        Mismatch { message: message(error, is_small), path }
    }
}

/// Returns the description of an error, with the value if both are short.
fn message(error: &ValidationError<'_>, is_small: bool) -> String {
    let text = is_small.then(|| error.to_string()).filter(|text| text.len() <= MESSAGE_BYTES);
    text.unwrap_or_else(|| error.masked().to_string().chars().take(MESSAGE_BYTES).collect())
}
