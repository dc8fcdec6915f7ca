//! Across the border: into a live instance, and out of it.

use super::{Case, Kind};
use crate::guest::Guest;

const GROUP: &str = "calls";

/// As many calls out as one call in makes.
const HOST_CALLS: u32 = 1_000;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(GROUP, "into a live instance", Guest::Calls, Kind::Call("tick", 1)),
        Case::new(GROUP, "host call", Guest::Calls, Kind::Call("out", HOST_CALLS as i32)).per_run(HOST_CALLS),
    ]
}
