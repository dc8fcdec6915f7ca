//! What is measured: engines, guests, and the cases that put them together.
//!
//! `run.sh` makes the table of `src/docs/speed.md`, `count.sh` counts instructions, and `cargo bench`
//! has the same cases under criterion, belljar beside the same engine driven by hand.

pub mod cases;
pub mod cpu;
pub mod engine;
pub mod guest;
pub mod hand;
pub mod ours;
pub mod synthetic;

use engine::Engine;

/// Whether both were built with the engine's portable dispatch.
pub const PORTABLE: bool = cfg!(feature = "portable");

/// The engine that is measured, and the two ways to drive the one below it by hand.
pub fn yardstick() -> Vec<Box<dyn Engine>> {
    vec![Box::new(ours::Belljar::new()), Box::new(hand::Hand::safe()), Box::new(hand::Hand::unchecked())]
}
