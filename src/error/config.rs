//! Errors of configurations.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use super::{Unit, ValueKind, ValueProblem};
use crate::data::{distance::distance, notation::Notation, text::quote, value::ValueType};

/// Error of a configuration: key, position and problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConfigError {
    /// Key, as a path (`limits.fuel`); empty if no key is concerned.
    pub key: String,
    /// Position in the text; `None` for a configuration built in code.
    pub at: Option<Position>,
    /// The problem.
    pub problem: ConfigProblem,
}

/// Position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

#[cfg(feature = "toml")]
impl Position {
    pub(crate) fn of(text: &str, offset: usize) -> Position {
        let (before, _) = crate::data::text::split(text, offset);
        let (lines, of_line) = before
            .rsplit_once('\n')
            .map_or((0, before), |(above, of_line)| (above.matches('\n').count() as u64 + 1, of_line));
        Position { line: lines + 1, column: of_line.chars().count() as u64 + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Problem of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The text is not TOML.
    #[error("not valid TOML: {}", crate::data::text::escape(.message, crate::data::text::SHOWN_BYTES))]
    Syntax {
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The text is too long.
    #[error("{size} bytes of text; the limit is {limit}")]
    TooLong {
        /// Size of the text in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The key does not exist.
    #[error("unknown key; valid here: {}", .valid.join(", "))]
    UnknownKey {
        /// Valid names at this position, sorted.
        valid: Vec<&'static str>,
    },
    /// The value has the wrong type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// Expected type.
        expected: ValueKind,
        /// Type found.
        found: ValueKind,
    },
    /// A number is outside its range.
    #[error("{value} is outside {min} to {max} ({unit})")]
    OutOfRange {
        /// Value found.
        value: i128,
        /// The smallest valid value.
        min: u64,
        /// The largest valid value.
        max: u64,
        /// Unit.
        unit: Unit,
    },
    /// A text is not a number in the notation of its key.
    #[error("{} is not {notation}; valid are {}", quote(.value), .notation.examples())]
    Unreadable {
        /// Text found.
        value: String,
        /// Valid notation.
        notation: Notation,
    },
    /// A word is not one of the valid ones.
    #[error("{} is not one of {}", quote(.value), .valid.join(", "))]
    UnknownWord {
        /// Word found.
        value: String,
        /// Valid words.
        valid: Vec<&'static str>,
    },
    /// A value is invalid for another reason.
    #[error("{why}")]
    Unfit {
        /// Reason.
        why: ValueProblem,
    },
    /// A directory of the host cannot be granted.
    #[error("{}: {why}", quote(.path))]
    Directory {
        /// Path on the host.
        path: String,
        /// Reason.
        why: DirectoryProblem,
    },
    /// No host function requires a granted capability.
    #[error("no host function requires {}; valid here: {}", quote(.name), some(.known))]
    UnknownGrant {
        /// Its name.
        name: String,
        /// Capabilities that host functions require, sorted.
        known: Vec<String>,
    },
    /// The options of a run grant a capability that its sandbox does not grant.
    #[error("the sandbox does not grant {}; it grants {}", quote(.name), some(.granted))]
    Ungranted {
        /// Its name.
        name: String,
        /// Capabilities that the sandbox grants, sorted.
        granted: Vec<String>,
    },
    /// This build cannot enforce the key.
    #[error("this build of belljar cannot enforce the key: it needs the feature `{feature}`")]
    Unenforceable {
        /// Cargo feature that can.
        feature: &'static str,
    },
    /// This build must not run guests: they could overflow the native stack of the interpreter.
    #[error(
        "this build leaves {stack_bytes} bytes of native stack behind at {operator}: {}",
        dispatch_advice(cfg!(debug_assertions))
    )]
    Dispatch {
        /// Operator or group of operators.
        operator: &'static str,
        /// Bytes that each execution leaves.
        stack_bytes: u64,
    },
    /// A host function cannot be registered.
    #[error("a host function cannot be registered as {}: {why}", quote(.name))]
    HostFunction {
        /// `module.function`.
        name: String,
        /// Reason.
        why: HostFunctionProblem,
    },
}

/// Returns what to write in Cargo.toml for an engine whose dispatch leaves nothing on the stack. Its handlers are in both
/// packages.
fn dispatch_advice(is_debug: bool) -> &'static str {
    match is_debug {
        false => {
            "in Cargo.toml, write `opt-level = 3` under `[profile.release.package.wasmi]` and \
             `[profile.release.package.wasmi_core]`, or enable the feature `portable-dispatch`"
        }
        true => {
            "in Cargo.toml, enable the feature `portable-dispatch`, or write `opt-level = 0` under \
             `[profile.dev.package.wasmi]`"
        }
    }
}

fn some(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// Reason why a directory of the host cannot be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DirectoryProblem {
    /// The path does not exist.
    #[error("the directory does not exist")]
    Missing,
    /// It is a file or another kind of object.
    #[error("it is not a directory")]
    NotDirectory,
    /// This process has no permission to open it.
    #[error("this process has no permission to open it")]
    Denied,
    /// It is a file system of the kernel, such as `/proc`.
    #[error("it belongs to a file system of the kernel")]
    System,
    /// It cannot be opened for another reason.
    #[error("it cannot be opened")]
    Unusable,
}

/// Reason why a host function cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostFunctionProblem {
    /// The name is reserved by the ABI.
    #[error("the name is reserved: belljar provides this function")]
    Reserved,
    /// The name is registered already.
    #[error("the name is registered already")]
    Duplicate,
    /// A parameter or a result is a vector or a reference.
    #[error("its type has {ty}; valid here: i32, i64, f32, f64")]
    UnsupportedType {
        /// The first such type.
        ty: ValueType,
    },
    /// The type has more parameters or results than that of any module.
    #[error("its type has {count} parameters or results; the limit is {limit}")]
    TooManyValues {
        /// The number of parameters or results, whichever is larger.
        count: u64,
        /// The limit.
        limit: u64,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{at}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", quote(&self.key))?;
        }
        write!(f, "{}", self.problem)?;
        super::write_hint(f, || self.hint())
    }
}

impl core::error::Error for ConfigError {
    /// Returns the source of the problem. The message has the problem itself.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.problem.source()
    }
}

impl ConfigError {
    pub(crate) fn hint(&self) -> Option<String> {
        match &self.problem {
            ConfigProblem::UnknownKey { valid } => {
                // Compare the last segments only: the section may be missing or wrong.
                let last = |path: &'_ str| String::from(path.rsplit('.').next().unwrap_or_default());
                let name = last(&self.key);
                // At equal distance prefer the same length, which finds swapped letters.
                let far = |v: &&&str| (distance(&name, &last(v)), name.len().abs_diff(last(v).len()));
                let near = valid.iter().min_by_key(far)?;
                (distance(&name, &last(near)) <= 3).then(|| alloc::format!("did you mean `{near}`?"))
            }
            ConfigProblem::Unenforceable { feature } => {
                Some(alloc::format!("build belljar with the feature `{feature}`, or leave the key out"))
            }
            _ => None,
        }
    }
}
