//! Classes of ends of runs, by what a repetition shows.

use serde::{Deserialize, Serialize};

/// Class of an end of a run, by whether the same run ends in the same way again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndClass {
    /// The same run ends in the same way, on any machine.
    #[default]
    Deterministic,
    /// A deadline or a cancel ended the run. It is the same in all runs up to the fuel that it had used.
    Interrupted,
    /// Something of the host ended the run, which need not occur again.
    NotReproducible,
}

impl EndClass {
    /// Returns whether the same run ends in the same way.
    pub(crate) fn is_deterministic(&self) -> bool {
        match self {
            EndClass::Deterministic => true,
            EndClass::Interrupted | EndClass::NotReproducible => false,
        }
    }
}
