//! Dispatch of the engine, and the check that it does not grow the native stack.
//!
//! wasmi has two kinds of dispatch: a loop that calls a handler for each operator, and handlers that call each other
//! in tail position, which is twice as fast. Rust does not guarantee that such a call becomes a jump. Where it does
//! not, each operator leaves a frame on the native stack, and a guest of a dozen bytes can overflow it.
//!
//! * With the feature `portable-dispatch`, and on targets other than x86_64 and aarch64, the loop is built: safe on
//!   every target, at every level of optimization.
//! * Otherwise the engine has the loop at the levels of optimization 0 and 1, and tail calls above. A probe runs once
//!   per process, before the first guest: it measures whether each operator leaves the stack unchanged. If not, no
//!   sandbox can be built. One exception is known and bounded: a failing growth leaves a frame in any build, but costs
//!   enough fuel that a slice has room for only a few hundred, and between slices the stack is empty.

use crate::error::ConfigError;

mod operators;
mod probe;

/// Whether this build may use dispatch by tail calls.
const FAST: bool = cfg!(all(not(feature = "portable-dispatch"), any(target_arch = "x86_64", target_arch = "aarch64")));

/// Returns the dispatch of the engine in this program.
///
/// It depends on all crates of the program, since Cargo unifies their features: one that enables `portable-dispatch`,
/// here or in wasmi, enables it for all of them. So it is measured, by the check that the first [`Sandbox`] of a process
/// makes; whichever is first takes about a million instructions, and all later calls some nanoseconds.
///
/// ```
/// if belljar::dispatch() == belljar::Dispatch::Portable {
///     eprintln!("runs take twice as long as they could");
/// }
/// ```
///
/// [`Sandbox`]: crate::Sandbox
pub fn dispatch() -> Dispatch {
    if FAST { probe::measured().dispatch } else { Dispatch::Portable }
}

/// Dispatch of the engine: how it gets from one operator to the next. Outcomes are the same with each, fuel included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// The handlers of operators call each other in tail position. On x86_64 and aarch64, at the levels of optimization
    /// 2 and 3.
    TailCall,
    /// A loop calls the handlers, at about half the speed: with the feature `portable-dispatch`, on other targets, and
    /// where the engine is built at the levels of optimization 0 and 1, as in a debug build.
    Portable,
}

/// Checks that this build's dispatch leaves no frames on the stack.
pub(crate) fn check() -> Result<(), ConfigError> {
    if FAST { probe::check() } else { Ok(()) }
}
