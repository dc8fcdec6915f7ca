//! Commands that this build is without.

use crate::failure::Failure;

/// Why there is no such command, and how there would be.
pub fn absent(what: &str, feature: &str) -> Failure {
    Failure::usage(format!("this build has no {what}"))
        .with_hint(format!("build it with `cargo build --release --features cli,{feature}`"))
}
