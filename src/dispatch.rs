//! The engine's dispatch, and whether it keeps to the stack it has.
//!
//! wasmi has two: a loop that calls a handler for each operator, and handlers that jump to each other
//! by tail calls, which is twice as fast. Rust does not promise that a call in tail position becomes a
//! jump. Where it does not, each operator leaves a frame on the native stack, and a guest of a dozen
//! bytes ends the process.
//!
//! * With the feature `portable-dispatch`, which is a default, the loop is what is built: safe by
//!   construction, on every target, at every level of optimization.
//! * Everywhere but on x86_64 and aarch64 it is built in any case.
//! * What is left is a program that has turned the feature off on one of these two. It is asked, once
//!   in a process and before anything of a guest is run, whether each operator in a loop leaves the
//!   stack where it was; and if not, no sandbox can be built. The one exception is known and bounded:
//!   a growth that fails leaves a frame in any build, but costs so much fuel that a slice has room for
//!   no more than a few hundred, and between slices the stack is empty.

use crate::error::ConfigError;

mod operators;
mod probe;

/// Whether the fast dispatch may have been built.
const FAST: bool = cfg!(all(not(feature = "portable-dispatch"), any(target_arch = "x86_64", target_arch = "aarch64")));

/// Refuses a build whose dispatch leaves frames behind; the portable one leaves none.
pub(crate) fn check() -> Result<(), ConfigError> {
    if FAST { probe::check() } else { Ok(()) }
}
