//! Modules with what is done to them, in a file of bytes.

use belljar::Value;
use serde::{Deserialize, Serialize};

/// All cases.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bundle {
    /// In the order in which they are run.
    pub cases: Vec<Case>,
}

/// A module and what is done with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// Cases of one group have a digest together, so that a difference can be located.
    pub group: String,
    /// Whether it has vectors, which do not run on big-endian machines.
    pub vectors: bool,
    /// Names it within its group.
    pub name: String,
    /// The configuration as JSON.
    pub config: String,
    /// The module's bytes.
    pub wasm: Vec<u8>,
    /// Each run is repeated in slices of these sizes.
    pub slices: Vec<u64>,
    /// Each in a store of its own.
    pub actions: Vec<Action>,
}

/// What is done with a module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Action {
    /// It is run.
    Run { input: Vec<u8> },
    /// An export is called.
    Call { name: String, arguments: Vec<Value>, input: Vec<u8> },
    /// Every function that it exports is called, with arguments made for it.
    CallAll,
    /// It is described.
    Inspect,
    /// A receipt of it is checked.
    Verify { receipt: String, input: Vec<u8> },
    /// Verifies a receipt by replaying a transcript.
    Replay { receipt: String, transcript: String, input: Vec<u8> },
    /// A configuration is read; there is no module.
    Configure { text: String },
}

impl Bundle {
    /// The bundle as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("everything in it has a form in bytes")
    }

    /// The bundle in these bytes.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn from_bytes(bytes: &[u8]) -> Bundle {
        postcard::from_bytes(bytes).expect("a bundle")
    }
}
