//! The host's memory: that it stays within what `Config::memory_bound` promises, that what cannot be had is
//! an error of its own, and that nothing is left of a run, wherever it was ended.
//!
//! A test binary of its own, since it counts every allocation, and denies some.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and exports nothing"
)]

mod allocator;
#[path = "../it/costs/list.rs"]
#[allow(dead_code, reason = "a part of it is needed here")]
mod costs;
mod denied;
#[cfg(feature = "json")]
mod documents;
#[path = "../it/fixture/parse.rs"]
#[allow(dead_code, reason = "a part of it is needed here")]
mod parse;
mod peaks;
mod recent;
#[path = "../it/random/smith.rs"]
#[allow(dead_code, reason = "a part of it is needed here")]
mod smith;
mod walk;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;
