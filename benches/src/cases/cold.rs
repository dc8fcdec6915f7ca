//! From bytes to a result, in a sandbox of its own.

use super::{Case, Kind};
use crate::guest::Guest;

const GROUP: &str = "cold: load and run";

pub(super) fn cases() -> Vec<Case> {
    let cold = |name: &str, guest| Case::new(GROUP, name, guest, Kind::Cold);
    vec![
        cold("tiny", Guest::Upper { pages: 1 }).input("hello"),
        cold("0.22 MB", Guest::Markdown).input("# hello *there*"),
        cold("0.96 MB", Guest::Synthetic { bytes: 960_000 }),
        cold("1.6 MB", Guest::Synthetic { bytes: 1_600_000 }),
    ]
}
