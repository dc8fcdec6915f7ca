//! Runs a bundle of modules, and tells what came of it as digests that are the same on every target.

mod bundle;
mod report;
mod run;
#[cfg(target_arch = "wasm32")]
mod wasm32;

pub use self::{
    bundle::{Action, Bundle, Case},
    report::Report,
};
