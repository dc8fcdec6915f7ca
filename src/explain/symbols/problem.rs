//! What symbols of a module were left out, and why.

use std::fmt;

/// Reason why symbols of a module are left out, in part or as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The structure of the module cannot be read further than to an offset.
    Module {
        /// Offset in the bytes of the module.
        offset: u64,
    },
    /// The section `name` is damaged. Names before the damage are read.
    Names,
    /// The sections of debug information are too large, and are left out.
    Size {
        /// Their size.
        bytes: u64,
        /// Size that they may have.
        limit: u64,
    },
    /// Parts of the debug information are damaged, and are left out.
    Damaged {
        /// Number of such parts.
        parts: u64,
        /// Message of the first.
        first: String,
    },
    /// Reading the debug information takes more work or memory than its size explains. What was read before is used.
    Costly,
    /// The parser of a section panicked, and the section is left out.
    Panic {
        /// Message of the panic.
        message: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Module { offset } => write!(f, "the module cannot be read beyond offset {offset}"),
            Problem::Names => f.write_str("the section `name` is damaged"),
            Problem::Size { bytes, limit } => {
                write!(f, "the debug information has {bytes} bytes, more than the {limit} that are read")
            }
            Problem::Damaged { parts, first } => {
                write!(f, "the debug information is damaged in {parts} places: {first}")
            }
            Problem::Costly => f.write_str("the debug information takes more to read than its size explains"),
            Problem::Panic { message } => write!(f, "a parser panicked: {message}"),
        }
    }
}
