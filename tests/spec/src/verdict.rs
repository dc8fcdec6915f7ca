//! The ends of directives.

use crate::reason::Reason;

/// The end of a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed(String),
    /// It cannot apply.
    Left(Reason),
}

/// A directive that is no assertion: it only has to do what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Assertion,
    Step,
}

/// Returns a failure for something that is expected, and what came instead.
pub fn differs(expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Verdict {
    Verdict::Failed(format!("expected {expected}, found {found}"))
}
