//! Bytes that come again.

use super::{Case, Kind};
use crate::guest::Guest;

const GROUP: &str = "the same bytes again";
const MODULES: u32 = 100;

pub(super) fn cases() -> Vec<Case> {
    let large = Guest::Synthetic { bytes: 1_600_000 };
    vec![
        Case::new(GROUP, "1.6 MB, loaded before", large, Kind::Warm),
        Case::new(GROUP, "1.6 MB, executed again", large, Kind::Execute),
        Case::new(
            GROUP,
            "each of 100 modules of 12 KB",
            Guest::Synthetic { bytes: 12_000 },
            Kind::Many(MODULES as usize),
        )
        .per_run(MODULES),
    ]
}
