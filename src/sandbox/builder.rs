//! Builder of sandboxes.

use alloc::{collections::BTreeSet, string::String, sync::Arc, vec::Vec};

use super::Sandbox;
use crate::{
    abi::{Builtin, name::Name},
    config::Config,
    error::{ConfigError, ConfigProblem, Error, HostFunctionProblem},
    host::{
        async_function::IntoAsyncHostFunction,
        function::{HostFunction, IntoHostFunction},
        http,
    },
    load::Policy,
    wasi,
};

/// Builder of a [`Sandbox`] with custom host functions.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    pub(super) config: Config,
    pub(super) functions: Vec<HostFunction>,
    /// Whether modules go into the in-memory cache, whose size must be bounded.
    kept: bool,
}

impl Builder {
    pub(super) fn new() -> Builder {
        Builder { config: Config::default(), functions: Vec::new(), kept: false }
    }

    /// Sets whether modules go into the in-memory cache.
    pub(super) fn kept(mut self, kept: bool) -> Self {
        self.kept = kept;
        self
    }

    /// Sets the configuration.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Registers a host function.
    pub fn function(mut self, function: HostFunction) -> Self {
        self.functions.push(function);
        self
    }

    /// Registers a closure as the host function `module.name`: the short form of [`HostFunction::new`].
    pub fn host_function<Marker>(self, module: &str, name: &str, function: impl IntoHostFunction<Marker>) -> Self {
        self.function(HostFunction::new(module, name, function))
    }

    /// Registers a closure as an async host function: the short form of [`HostFunction::new_async`].
    pub fn async_host_function<Marker>(
        self,
        module: &str,
        name: &str,
        function: impl IntoAsyncHostFunction<Marker>,
    ) -> Self {
        self.function(HostFunction::new_async(module, name, function))
    }

    /// Builds the sandbox.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of its range, this build cannot enforce a key, a directory cannot be
    /// opened, a host function has a name that is reserved or taken or an unsupported type, or a granted capability is
    /// required by none of them.
    pub fn build(mut self) -> Result<Sandbox, Error> {
        self.check()?;
        self.config.check_effects()?;
        self.functions.extend(http::functions(&self.config.http));
        let roots = wasi::Roots::open(&self.config.wasi)?;
        Ok(self.with_roots(roots))
    }

    /// Checks everything but the resources of the host.
    pub(super) fn check(&self) -> Result<(), Error> {
        crate::engine::dispatch::check()?;
        self.config.check()?;
        for (i, function) in self.functions.iter().enumerate() {
            let name = &function.name;
            let same = |other: &HostFunction| other.name == *name;
            let why = if is_reserved(name, &self.config) {
                HostFunctionProblem::Reserved
            } else if self.functions.iter().take(i).any(same) {
                HostFunctionProblem::Duplicate
            } else if let Err(why) = function.check_type() {
                why
            } else {
                continue;
            };
            let problem =
                ConfigProblem::HostFunction { name: alloc::format!("{}.{}", name.module, name.function), why };
            return Err(ConfigError { key: String::new(), at: None, problem }.into());
        }
        Ok(check_grants(&self.config, &self.functions)?)
    }

    /// Returns the sandbox with the directories of the host.
    pub(super) fn with_roots(self, roots: wasi::Roots) -> Sandbox {
        // Cached stacks keep the size of their deepest run, so that the cache must not hold any.
        let stacks = if self.kept { 0 } else { 2 };
        Sandbox(Arc::new(Policy::new(self.config, self.functions.into(), Arc::new(roots), stacks)))
    }
}

/// Checks that each granted capability is required by a host function.
pub(super) fn check_grants(config: &Config, functions: &[HostFunction]) -> Result<(), ConfigError> {
    let known: BTreeSet<_> = functions.iter().flat_map(|function| &function.requires).collect();
    let Some(name) = config.grants.iter().find(|name| !known.iter().any(|known| ***known == ***name)) else {
        return Ok(());
    };
    let known = known.into_iter().map(|name| String::from(&**name)).collect();
    let problem = ConfigProblem::UnknownGrant { name: name.clone(), known };
    Err(ConfigError { key: "grants".into(), at: None, problem })
}

/// Returns whether belljar itself provides a function of this name.
pub(super) fn is_reserved(name: &Name, config: &Config) -> bool {
    match Builtin::of(&name.module, &name.function) {
        Some(Builtin::AssemblyScript(_)) => false,
        Some(Builtin::Wasi(..)) => wasi::IS_PROVIDED,
        Some(Builtin::Http(_)) => !config.http.allow.is_empty(),
        builtin => builtin.is_some(),
    }
}
