//! `--explain` in a program without it.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use belljar::{
    Input, Sandbox, Stopped,
    record::{Effect, Transcript},
};
use serde::Serialize;

use crate::failure::Failure;

/// The explanation of a stop, which there is none of.
#[derive(Debug, Serialize)]
pub enum Explained {}

impl fmt::Display for Explained {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// Refuses to explain stops.
pub fn check() -> Result<(), Failure> {
    Err(missing())
}

fn missing() -> Failure {
    crate::disabled::failure("explanations", "cli")
}

/// Refuses to explain a stop.
pub fn explain(_: &Sandbox, _: &[u8], _: &Input, _: &Transcript, _: &Stopped) -> Result<Explained, String> {
    Err("this build has none".into())
}

/// Flag that is set while an explanation is made in the background.
pub type Busy = Arc<AtomicBool>;

/// Explanations of the runs of one module, which there are none of.
#[derive(Debug, Clone)]
pub enum Explainer {}

impl Explainer {
    /// Refuses to explain stops.
    pub fn new(_: &Sandbox, _: Arc<[u8]>, _: Busy) -> Result<Explainer, Failure> {
        Err(missing())
    }

    /// Returns whether the effects of runs must be recorded.
    pub fn needs_effects(&self) -> bool {
        match *self {}
    }

    /// Returns the lines that explain where a run stopped.
    pub fn lines(&self, _: &[u8], _: Vec<Effect>, _: &Stopped) -> Vec<String> {
        match *self {}
    }

    /// Explains in another thread where a run stopped.
    pub fn in_background(&self, _: Vec<u8>, _: &Stopped, _: impl FnOnce(Vec<String>) + Send + 'static) {
        match *self {}
    }
}
