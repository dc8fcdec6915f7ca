//! Stub for builds without the feature `wasi`: no functions are provided.

#[path = "mount/disabled.rs"]
mod mount;

pub(crate) use self::mount::Roots;

/// Whether this build provides WASI.
pub(crate) const IS_PROVIDED: bool = false;

/// State of WASI, which no run has.
pub(crate) enum State {}
