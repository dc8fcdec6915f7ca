//! Commands that this build does not have.

use crate::failure::Failure;

/// Returns the failure for a command that needs a feature, with the command that builds it.
pub fn failure(what: &str, feature: &str) -> Failure {
    Failure::usage(format!("this build has no {what}"))
        .with_hint(format!("build it with `cargo build --release --features cli,{feature}`"))
}
