//! Runs of modules: one at a time, in steps, by repeated calls, as futures, and many in turn.

pub(crate) mod execution;
pub(crate) mod instance;
pub(crate) mod machine;
#[cfg(feature = "explain")]
pub(crate) mod probe;
pub(crate) mod running;
pub(crate) mod scheduler;
pub(crate) mod signature;
