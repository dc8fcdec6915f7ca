//! The wasmi engine: its configuration and costs, the meter, conversions of values, and the check of its dispatch.

pub(crate) mod config;
pub(crate) mod cost;
pub(crate) mod dispatch;
pub mod meter;
pub(crate) mod scalar;
mod value;
#[cfg(any(feature = "cache", feature = "receipt"))]
pub(crate) mod version;
