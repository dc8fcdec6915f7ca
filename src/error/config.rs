//! A configuration that cannot be.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::text::quote;

/// A configuration that cannot be: where, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConfigError {
    /// The key, as a path (`limits.fuel`); empty where the text has no keys.
    pub key: String,
    /// Line and column in the text, from 1; `None` for a configuration made in code.
    pub at: Option<Position>,
    /// What is wrong with it.
    pub problem: ConfigProblem,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl Position {
    pub(crate) fn of(text: &str, offset: usize) -> Position {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() as u64 + 1;
        Position { line, column: before[start..].chars().count() as u64 + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The text is not TOML.
    #[error("not valid TOML: {}", crate::text::escape(.message, crate::text::SHOWN_BYTES))]
    Syntax {
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The text is longer than a configuration may be.
    #[error("{size} bytes of text; at most {limit} are read")]
    TooLong {
        /// Size of the text in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// No such key.
    #[error("unknown key; valid here: {}", .valid.join(", "))]
    UnknownKey {
        /// The names that are valid at this place, sorted.
        valid: Vec<&'static str>,
    },
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The type that is expected, with its unit.
        expected: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// A number outside its range.
    #[error("{value} is outside {min} to {max} ({unit})")]
    OutOfRange {
        /// The value found.
        value: i128,
        /// The smallest valid value.
        min: u64,
        /// The largest valid value.
        max: u64,
        /// What the number counts.
        unit: &'static str,
    },
    /// A word that is not one of the valid ones.
    #[error("{} is not one of {}", quote(.value), .valid.join(", "))]
    UnknownWord {
        /// The word found.
        value: String,
        /// The valid words.
        valid: Vec<&'static str>,
    },
    /// A value that cannot be, for a reason of its own.
    #[error("{why}")]
    Unfit {
        /// What was expected.
        why: &'static str,
    },
    /// A directory of the host that cannot be given to a program.
    #[error("{}: {why}", quote(.path))]
    Directory {
        /// Its path on the host.
        path: String,
        /// Why not.
        why: DirectoryProblem,
    },
    /// A capability that no host function needs.
    #[error("{} is needed by no host function; valid here: {}", quote(.name), some(.known))]
    UnknownGrant {
        /// Its name.
        name: String,
        /// Those that host functions need, sorted.
        known: Vec<String>,
    },
    /// This build cannot enforce the key.
    #[error("this build of belljar cannot enforce it: it needs the feature `{feature}`")]
    Unenforceable {
        /// The Cargo feature that can.
        feature: &'static str,
    },
    /// This build runs no guest: its interpreter could be made to overflow the native stack.
    #[error(
        "this build leaves {stack_bytes} bytes of native stack behind at {operator}: it needs the feature `portable-dispatch`"
    )]
    Dispatch {
        /// The operator, or the group of operators, at which it was found.
        operator: &'static str,
        /// What each of them leaves, in bytes.
        stack_bytes: u64,
    },
    /// A host function cannot be registered under this name.
    #[error("a host function cannot be registered as {}: {why}", quote(.name))]
    HostFunction {
        /// `module.function`.
        name: String,
        /// Why not.
        why: HostFunctionProblem,
    },
}

fn some(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// Why a directory of the host cannot be given to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DirectoryProblem {
    /// There is nothing under this path.
    #[error("there is no such directory")]
    Missing,
    /// It is a file, or something else that is no directory.
    #[error("it is not a directory")]
    NotDirectory,
    /// This process may not open it.
    #[error("it may not be opened by this process")]
    Denied,
    /// Its files are the kernel's own, such as those in `/proc`.
    #[error("its files stand for the system, not for data")]
    System,
    /// It cannot be opened, for another reason.
    #[error("it cannot be opened")]
    Unusable,
}

/// Why a host function cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostFunctionProblem {
    /// The name is one of the ABI's.
    #[error("belljar provides the function itself")]
    Reserved,
    /// [`Builder::requires`](crate::Builder::requires) came before there was any.
    #[error("`requires` comes after the function that it is for")]
    Misplaced,
    /// The name was registered before.
    #[error("it is registered already")]
    Duplicate,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{at}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", quote(&self.key))?;
        }
        write!(f, "{}", self.problem)
    }
}

impl core::error::Error for ConfigError {}

impl ConfigError {
    pub(crate) fn hint(&self) -> Option<String> {
        match &self.problem {
            ConfigProblem::UnknownKey { valid } => {
                // A section that is missing or wrong does not hide which key is meant.
                let last = |path: &'_ str| String::from(path.rsplit('.').next().unwrap_or_default());
                let name = last(&self.key);
                // Of two that are as near, the one of the same length has letters that changed places.
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

/// The number of single-character edits between two names (Levenshtein), for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
