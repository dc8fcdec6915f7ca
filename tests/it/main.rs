//! The one integration-test binary.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and exports nothing"
)]

mod async_functions;
mod batch;
mod big;
#[cfg(feature = "cache")]
mod cache;
mod calls;
#[cfg(feature = "cli")]
mod cli;
mod config;
#[cfg(all(feature = "selftest", target_os = "linux"))]
mod costs;
#[cfg(all(feature = "explain", feature = "wat"))]
mod coverage;
mod crowd;
#[cfg(feature = "wasi")]
mod denied;
mod determinism;
#[cfg(all(feature = "fs", unix))]
mod dirs;
mod docs;
mod dynamic_functions;
#[cfg(all(feature = "fs", feature = "host-random", feature = "receipt", unix))]
mod effects;
mod errors;
#[cfg(all(feature = "explain", feature = "wat"))]
mod explain;
mod faults;
mod fixture;
mod grants;
mod guests;
mod host;
mod host_functions;
mod hostile_text;
#[cfg(all(feature = "http", feature = "receipt"))]
mod http;
mod instance;
#[cfg(all(feature = "cli", unix))]
mod isolate;
#[cfg(all(feature = "run", not(feature = "cli")))]
mod lacks;
mod limits;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(feature = "selftest")]
mod mutated;
mod observe;
mod operands;
#[cfg(all(any(feature = "mcp", feature = "serve"), target_os = "linux"))]
mod peak;
mod pieces;
mod pooling;
mod prices;
#[cfg(all(feature = "receipt", feature = "wasi"))]
mod programs;
mod random;
mod real;
#[cfg(feature = "receipt")]
mod receipt;
mod recent;
mod run_options;
mod scheduler;
#[cfg(feature = "selftest")]
mod selftest;
#[cfg(all(feature = "serve", unix))]
mod serve;
mod tidy;
#[cfg(feature = "cli")]
mod tools;
mod tracing;
#[cfg(feature = "receipt")]
mod transcripts;
mod variants;
#[cfg(feature = "wasi")]
mod wasi;
