//! Input and output by the megabyte.

use super::{Case, Kind};
use crate::guest::Guest;

pub(super) fn cases() -> Vec<Case> {
    let input: Vec<u8> = (0..64 << 20).map(|i: u32| (i % 251) as u8).collect();
    vec![Case::new("input and output", "64 MiB in and out", Guest::Echo { pages: 1025 }, Kind::Warm).input(input)]
}
