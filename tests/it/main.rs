//! The one integration-test binary.

mod calls;
#[cfg(feature = "cli")]
mod cli;
mod config;
mod determinism;
mod docs;
mod engine;
mod fixture;
mod guests;
mod host;
mod host_functions;
mod hostile_text;
mod instance;
mod limits;
mod observe;
mod random;
mod real;
mod tidy;
mod tracing;
mod variants;
