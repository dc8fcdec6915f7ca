//! Limits of a foreign configuration that are above a ceiling.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::Serialize;

use crate::{
    config::{Config, Profile},
    data::text::quote,
};

/// A limit of a receipt or a transcript that is above the ceiling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Excess {
    /// Path in TOML: `limits.fuel`.
    pub key: &'static str,
    /// The value in the receipt or transcript.
    pub asked: u64,
    /// The largest value that the ceiling allows.
    pub allowed: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, at most {} is allowed", quote(self.key), self.asked, self.allowed)
    }
}

/// Joins them for a message.
pub(super) fn list(above: &[Excess]) -> String {
    above.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Returns the default ceiling: the limits of [`Profile::Large`].
pub(super) fn default_ceiling() -> Config {
    Config::profile(Profile::Large)
}

/// Lists the limits of a run and of a module that are above those of the ceiling. No other key costs the
/// host that repeats a run: the deadline is off, and there are no effects.
pub(super) fn above(config: &Config, ceiling: &Config) -> Vec<Excess> {
    let numbers = config.numbers().zip(ceiling.numbers());
    let limits = numbers.filter(|((key, _), _)| key.is_limit());
    let excess = limits.filter_map(|((key, asked), (_, allowed))| {
        let (asked, allowed) = (asked?, allowed?);
        (asked > allowed).then_some(Excess { key: key.path, asked, allowed })
    });
    excess.collect()
}
