//! `run --explain` in a program without it.

use std::fmt;

use belljar::{Input, Sandbox, Stopped, record::Transcript};
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

/// Refuses to explain a stop.
pub fn explain(_: &Sandbox, _: &[u8], _: &Input, _: &Transcript, _: &Stopped) -> Result<Explained, Failure> {
    Err(crate::disabled::failure("explanations", "cli"))
}
