//! What this build does not have.

use crate::failure::Failure;

/// Returns the failure for what needs other features, with the command that builds it.
pub fn failure(what: &str, features: &str) -> Failure {
    Failure::usage(format!("this build has no {what}"))
        .with_hint(format!("build it with `cargo build --release --features {features}`"))
}
