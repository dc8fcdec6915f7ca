//! Check that the engine's dispatch does not grow the native stack.
//!
//! wasmi has two kinds of dispatch: a loop that calls a handler for each operator, and handlers that call each other
//! in tail position, which is twice as fast. Rust does not guarantee that such a call becomes a jump. Where it does
//! not, each operator leaves a frame on the native stack, and a guest of a dozen bytes can overflow it.
//!
//! * With the default feature `portable-dispatch`, the loop is built: safe on every target, at every level of
//!   optimization.
//! * On targets other than x86_64 and aarch64 the loop is always built.
//! * On these two without the feature, a probe runs once per process, before the first guest: it measures whether each
//!   operator in a loop leaves the stack unchanged. If not, no sandbox can be built. One exception is known and
//!   bounded: a failing growth leaves a frame in any build, but costs enough fuel that a slice has room for only a few
//!   hundred, and between slices the stack is empty.

use crate::error::ConfigError;

mod operators;
mod probe;

/// Whether this build may use dispatch by tail calls.
const FAST: bool = cfg!(all(not(feature = "portable-dispatch"), any(target_arch = "x86_64", target_arch = "aarch64")));

/// Checks that this build's dispatch leaves no frames on the stack.
pub(crate) fn check() -> Result<(), ConfigError> {
    if FAST { probe::check() } else { Ok(()) }
}
