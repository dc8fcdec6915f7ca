//! Instances that stay.

use super::{Case, Kind};
use crate::guest::Guest;

const COUNT: u32 = 1_000;

pub(super) fn cases() -> Vec<Case> {
    let kind = Kind::Instances(COUNT as usize);
    vec![Case::new("live instances", "each of 1,000: made and dropped", Guest::Calls, kind).per_run(COUNT)]
}
