//! Limits that a module exceeds.

use belljar::{Config, Error, ModuleError, Sandbox, error::Unit, inspect::Inspection};
use serde::Serialize;

use crate::{hint, origin::Origins, show::grouped};

/// A limit that a module exceeds.
#[derive(Debug, Serialize)]
pub struct Exceeded {
    /// The key of the limit.
    pub key: &'static str,
    limit: u64,
    /// What the module has, or a lower bound of it.
    found: u64,
    unit: Unit,
    #[serde(skip)]
    error: Error,
}

impl Exceeded {
    /// Says what exceeds the limit: `16,842,752 bytes of initial memory`.
    pub fn found(&self) -> String {
        format!("{} {}", grouped(self.found), self.unit)
    }

    /// Says what exceeds the limit by how much, and how to raise it.
    pub fn advice(&self, origins: &Origins) -> String {
        let hint = hint::under(&self.error, origins).map_or(String::new(), |hint| format!("; {hint}"));
        format!("{}, of {}{hint}", self.found(), grouped(self.limit))
    }
}

/// Inspects a module whose limits may be exceeded: each that is, is raised to its maximum. Returns these, too.
pub fn inspect(sandbox: &Sandbox, wasm: &[u8]) -> Result<(Inspection, Vec<Exceeded>), Error> {
    let mut config = sandbox.config().clone();
    let mut all: Vec<Exceeded> = Vec::new();
    loop {
        let error = match Sandbox::new(config.clone())?.inspect(wasm) {
            Ok(about) => return Ok((about, all)),
            Err(error) => error,
        };
        let Some(&ModuleError::Limit { key, limit, found, unit }) = error.module_error() else { return Err(error) };
        // A limit that is exceeded twice is at its maximum.
        let number = Config::keys().find(|number| number.path == key && !all.iter().any(|one| one.key == key));
        let Some(number) = number else { return Err(error) };
        config.set(key, number.max)?;
        all.push(Exceeded { key, limit, found, unit, error });
    }
}
