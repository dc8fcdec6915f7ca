//! A location in the source of a module.

use std::fmt;

use serde::Serialize;

use crate::data::text::escape;

/// Location in a source file, as the debug information of a module has it.
///
/// Its texts are data of the module: they may have control characters, and whatever shows them escapes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Location {
    /// Name of the function that the location is in, demangled; of an inlined function, not of the one that it is
    /// inlined into. `None` where the debug information has lines only.
    pub function: Option<String>,
    /// Path of the file, as the compiler saw it: joined with the directory of the compilation if it is relative, and
    /// with separators as they are.
    pub file: String,
    /// Line in the file, from 1. For an operator that the compiler gives no line, it is that of the operators before
    /// it.
    pub line: u32,
    /// Column in the line, from 1, in bytes; `None` where the debug information has none.
    pub column: Option<u32>,
}

impl Location {
    pub(super) fn new(function: Option<String>, file: &str, line: u32, column: u32) -> Location {
        Location { function, file: file.into(), line, column: (column > 0).then_some(column) }
    }
}

impl fmt::Display for Location {
    /// Formats file, line and column, escaped: `src/main.rs:3:5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", escape(&self.file, MAX_PATH), self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// Bytes of a path that are shown.
const MAX_PATH: usize = 4_096;
