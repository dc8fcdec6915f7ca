//! The versions that decide results.

use crate::{abi, engine::meter};

/// Versions that decide the result of a run, besides the module, the input and the configuration.
pub(crate) struct Versions {
    /// Name and exact version of the engine.
    pub(crate) engine: &'static str,
    /// Version of the price list.
    pub(crate) prices: u32,
    /// Version of the guest ABI.
    pub(crate) abi: u32,
}

/// The versions of this build. A test compares the engine with `Cargo.toml`.
pub(crate) const VERSIONS: Versions = Versions { engine: "wasmi 2.0.0", prices: meter::PRICES, abi: abi::VERSION };
