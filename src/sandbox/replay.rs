//! Sandboxes for replays: with the types of host functions, but without their bodies.

use alloc::vec::Vec;

use super::{Sandbox, builder::Builder};
use crate::{
    abi,
    abi::name::Name,
    config::Config,
    error::Error,
    host::{function::HostFunction, replayed::stub},
    wasi::Roots,
};

impl Builder {
    /// Builds a sandbox for replay: resources of the host are not opened and need not exist.
    pub(crate) fn build_for_replay(mut self) -> Result<Sandbox, Error> {
        self.check()?;
        self.functions.extend(http_stubs(&self.config));
        let roots = Roots::for_replay(&self.config.wasi);
        Ok(self.with_roots(roots))
    }
}

/// Returns stubs of the functions of the module `http` for replay.
fn http_stubs(config: &Config) -> Vec<HostFunction> {
    let granted = if config.http.allow.is_empty() { &[] } else { abi::http::FUNCTIONS };
    granted.iter().map(|f| stub(Name::new(abi::http::MODULE, f.name), f.ty(), false)).collect()
}
