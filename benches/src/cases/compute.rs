//! Guests that compute: one call each, into an instance that is there.

use super::{Case, Kind};
use crate::guest::Guest;

pub(super) fn cases() -> Vec<Case> {
    let kernels = [
        ("recursive calls", "fib", 23),
        ("sieve", "sieve", 200_000),
        ("SHA-256", "sha256", 64),
        ("float matrix", "matrix", 56),
        ("JSON", "json", 40),
        ("interpreter loop", "interpreter", 20_000),
    ];
    kernels.map(|(name, export, n)| Case::new("compute", name, Guest::Kernels, Kind::Call(export, n))).into()
}
