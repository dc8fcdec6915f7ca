//! Sandboxes, their builder, and functions that run a module in one call.

use alloc::{boxed::Box, collections::BTreeSet, string::String, sync::Arc, vec::Vec};
use core::any::Any;

use crate::{
    abi::{Builtin, name::Name},
    config::Config,
    data::{input::Input, inspect::Inspection, outcome::Outcome, value::Value},
    engine::scalar::Scalars,
    error::{CallError, ConfigError, ConfigProblem, Error, HostFunctionProblem},
    host::{
        async_function::IntoAsyncHostFunction,
        function::{HostFunction, IntoHostFunction},
        http,
    },
    load::{Module, Policy},
    run::{
        execution::Execution,
        instance::Instance,
        machine::Machine,
        signature::{check_call, check_signature, typed},
    },
    wasi,
};

#[cfg(feature = "std")]
pub mod batch;
mod module_cache;
#[cfg(feature = "receipt")]
mod replay;

use self::module_cache::Wasm;

/// Loads a module and runs it with an input.
///
/// Loaded modules are cached for all threads, so that the next call with the same bytes and an equal configuration
/// only runs the module. [`Config::module_cache_bytes`] bounds the cache; with directories or requests granted, the
/// module is loaded each time. All bytes are compared, some 30 µs for each MB: [`execute_shared`] and a [`Sandbox`]
/// avoid that.
///
/// ```
/// let wasm = wat::parse_str(r#"(module
///     (import "env" "write_output" (func $write (param i32 i32)))
///     (memory (export "memory") 1)
///     (data (i32.const 0) "hello")
///     (func (export "execute") (param i32 i32) (result i32)
///         (call $write (i32.const 0) (i32.const 5))
///         (i32.const 0)))"#)?;
/// let outcome = belljar::execute(&wasm, b"", &belljar::Config::default())?;
/// assert_eq!(outcome.output, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Config`], [`Error::Module`] or [`Error::Stopped`], in the order of the phases.
pub fn execute(wasm: &[u8], input: impl Into<Input>, config: &Config) -> Result<Outcome, Error> {
    let (sandbox, module) = loaded(Wasm::Borrowed(wasm), config)?;
    sandbox.run(&module, input)
}

/// Runs a module as [`execute`] does, from shared bytes: the cache holds them without a copy, and recognizes the same
/// [`Arc`] without comparing the bytes.
///
/// ```
/// use std::sync::Arc;
///
/// let wasm: Arc<[u8]> = wat::parse_str(r#"(module (func (export "_start")))"#)?.into();
/// let config = belljar::Config::default();
/// let first = belljar::execute_shared(&wasm, b"", &config)?;
/// assert_eq!(belljar::execute_shared(&wasm, b"", &config)?, first);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`execute`].
pub fn execute_shared(wasm: &Arc<[u8]>, input: impl Into<Input>, config: &Config) -> Result<Outcome, Error> {
    let (sandbox, module) = loaded(Wasm::Shared(wasm), config)?;
    sandbox.run(&module, input)
}

/// Returns a module from the cache, or loads and caches it.
fn loaded(wasm: Wasm<'_>, config: &Config) -> Result<(Sandbox, Module), Error> {
    if let Some(module) = module_cache::find(wasm, config)? {
        return Ok((Sandbox(Arc::clone(module.policy())), module));
    }
    let sandbox = Builder { kept: true, ..Sandbox::builder().config(config.clone()) }.build()?;
    let module = sandbox.load(wasm.get())?;
    module_cache::keep(wasm, &module)?;
    Ok((sandbox, module))
}

/// Checks that a module loads, and inspects it. None of its code is run.
///
/// # Errors
///
/// [`Error::Config`] or [`Error::Module`].
pub fn validate(wasm: &[u8], config: &Config) -> Result<Inspection, Error> {
    Sandbox::new(config.clone())?.validate(wasm)
}

/// Configuration and host functions, shared by modules and runs: `Send + Sync`, cheap to clone.
///
/// It holds no state of a run. Each [`Module`] has its own engine, each run its own store.
#[derive(Debug, Clone)]
pub struct Sandbox(Arc<Policy>);

/// Builder of a [`Sandbox`] with custom host functions.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    config: Config,
    functions: Vec<HostFunction>,
    /// Whether modules go into the in-memory cache, whose size must be bounded.
    kept: bool,
}

impl Sandbox {
    /// Returns a sandbox without custom host functions.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of its range, or this build cannot enforce a key.
    pub fn new(config: Config) -> Result<Sandbox, Error> {
        Sandbox::builder().config(config).build()
    }

    /// Returns a builder with the default configuration.
    pub fn builder() -> Builder {
        Builder { config: Config::default(), functions: Vec::new(), kept: false }
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Loads a module in the binary format: checks limits, validates it, and translates all of it.
    ///
    /// # Errors
    ///
    /// [`Error::Module`] with the problem, its position, and the limit.
    pub fn load(&self, wasm: &[u8]) -> Result<Module, Error> {
        Module::load(wasm, &self.0)
    }

    /// Loads a module in the text format.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load); for a syntax error with line and column.
    #[cfg(feature = "wat")]
    pub fn load_text(&self, text: &str) -> Result<Module, Error> {
        self.load(&self.assemble(text)?)
    }

    /// Converts a module from the text format to the binary format, without validation.
    ///
    /// # Errors
    ///
    /// [`Error::Module`] with line and column for a syntax error, or with the limit of the text.
    #[cfg(feature = "wat")]
    pub fn assemble(&self, text: &str) -> Result<Vec<u8>, Error> {
        Ok(crate::load::text::parse(text, &self.0.config)?)
    }

    /// Checks that a module loads, and inspects it.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load).
    pub fn validate(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        Ok(self.load(wasm)?.inspect().clone())
    }

    /// Inspects a valid module within the limits. Its imports need not be provided: use it to find out what a module
    /// asks for. [`validate`](Sandbox::validate) checks more.
    ///
    /// # Errors
    ///
    /// [`Error::Module`].
    pub fn inspect(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        Ok(crate::load::inspect(wasm, &self.0.config)?)
    }

    /// Runs the entry function of a module with an input, to completion.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the guest was stopped; [`Error::Call`] if the module has no entry function;
    /// [`Error::Module`] if it has the wrong type.
    pub fn run(&self, module: &Module, input: impl Into<Input>) -> Result<Outcome, Error> {
        let mut machine = self.machine(module, Box::new(()))?;
        machine.push_entry(input.into())?;
        machine.run()
    }

    /// Prepares a run. No code of the guest runs until the first step.
    ///
    /// # Errors
    ///
    /// As [`run`](Sandbox::run), except [`Error::Stopped`].
    pub fn start(&self, module: &Module, input: impl Into<Input>) -> Result<Execution, Error> {
        self.start_with(module, input, ())
    }

    /// Prepares a run as [`start`](Sandbox::start) does, with data for the host functions
    /// ([`Context::data_mut`](crate::Context::data_mut)).
    ///
    /// # Errors
    ///
    /// As [`start`](Sandbox::start).
    pub fn start_with(
        &self,
        module: &Module,
        input: impl Into<Input>,
        data: impl Any + Send + Sync,
    ) -> Result<Execution, Error> {
        let mut machine = self.machine(module, Box::new(data))?;
        machine.push_entry(input.into())?;
        Ok(Execution::new(machine))
    }

    /// Calls an exported function in a fresh instance.
    ///
    /// ```
    /// # let sandbox = belljar::Sandbox::new(belljar::Config::default())?;
    /// let module = sandbox.load_text(
    ///     "(module (func (export \"add\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))",
    /// )?;
    /// assert_eq!(sandbox.call::<(i32, i32), i32>(&module, "add", (2, 3))?, 5);
    /// # Ok::<(), belljar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if there is no such export or it has another type; [`Error::Stopped`] if the guest was stopped.
    pub fn call<P: Scalars, R: Scalars>(&self, module: &Module, name: &str, params: P) -> Result<R, Error> {
        check_signature::<P, R>(module, name)?;
        let outcome = self.call_values(module, name, &params.to_values())?;
        typed(&outcome)
    }

    /// Calls an exported function in a fresh instance with dynamic values: for callers that learn its type at run
    /// time.
    ///
    /// # Errors
    ///
    /// As [`call`](Sandbox::call).
    pub fn call_values(&self, module: &Module, name: &str, arguments: &[Value]) -> Result<Outcome, Error> {
        check_call(module, name, arguments)?;
        let mut machine = self.machine(module, Box::new(()))?;
        machine.push_call(name, arguments, Input::default());
        machine.run()
    }

    /// Prepares a call of an exported function, with an input it can read and data for the host functions.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if there is no such export or it has another type.
    pub fn start_call(
        &self,
        module: &Module,
        name: &str,
        arguments: &[Value],
        input: impl Into<Input>,
        data: impl Any + Send + Sync,
    ) -> Result<Execution, Error> {
        check_call(module, name, arguments)?;
        let mut machine = self.machine(module, Box::new(data))?;
        machine.push_call(name, arguments, input.into());
        Ok(Execution::new(machine))
    }

    /// Creates an instance that keeps its state between calls. Runs its start function and `_initialize`.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if they are stopped.
    pub fn instance(&self, module: &Module) -> Result<Instance, Error> {
        self.instance_with(module, ())
    }

    /// Creates an instance as [`instance`](Sandbox::instance) does, with data for the host functions.
    ///
    /// # Errors
    ///
    /// As [`instance`](Sandbox::instance).
    pub fn instance_with(&self, module: &Module, data: impl Any + Send + Sync) -> Result<Instance, Error> {
        self.check_own(module)?;
        Instance::new(module, Box::new(data))
    }

    /// Allocates pooled stores for `runs` concurrent runs in advance. Returns the number of stores that are ready.
    ///
    /// Memories are pooled with the feature `pooling`, on Linux, for a module that defines one memory of 4 pages or
    /// more: a run then finds its memory zeroed ([`docs::speed`](crate::docs::speed) has the figures). Without this
    /// call the first run of a module creates a memory as usual, and later ones share up to 8. A run that is stopped
    /// or grows its memory uses up its store, so that a module whose runs grow gains only from being prepared again.
    /// Elsewhere this does nothing and returns 0.
    ///
    /// No data of one run is visible to another, and outcomes are the same with and without.
    ///
    /// # Errors
    ///
    /// [`CallError::OtherSandbox`] if the module was loaded by another sandbox.
    pub fn prepare(&self, module: &Module, runs: usize) -> Result<usize, Error> {
        self.check_own(module)?;
        Ok(module.prepare(runs))
    }

    #[cfg(feature = "cache")]
    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.0
    }

    fn machine(&self, module: &Module, data: Box<dyn Any + Send + Sync>) -> Result<Machine, Error> {
        self.check_own(module)?;
        Machine::new(module, data)
    }

    fn check_own(&self, module: &Module) -> Result<(), Error> {
        if Arc::ptr_eq(module.policy(), &self.0) { Ok(()) } else { Err(CallError::OtherSandbox.into()) }
    }
}

impl Builder {
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
    fn check(&self) -> Result<(), Error> {
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
        Ok(self.check_grants()?)
    }

    /// Returns the sandbox with the directories of the host.
    fn with_roots(self, roots: wasi::Roots) -> Sandbox {
        // Cached stacks keep the size of their deepest run, so that the cache must not hold any.
        let stacks = if self.kept { 0 } else { 2 };
        Sandbox(Arc::new(Policy { config: self.config, functions: self.functions, roots, stacks }))
    }

    fn check_grants(&self) -> Result<(), ConfigError> {
        let error = |key: &str, problem| Err(ConfigError { key: key.into(), at: None, problem });
        let known: BTreeSet<_> = self.functions.iter().flat_map(|function| &function.requires).collect();
        let known: Vec<_> = known.into_iter().map(|name| String::from(&**name)).collect();
        match self.config.grants.iter().find(|name| !known.contains(name)) {
            Some(name) => error("grants", ConfigProblem::UnknownGrant { name: name.clone(), known }),
            None => Ok(()),
        }
    }
}

/// Returns whether belljar itself provides a function of this name.
fn is_reserved(name: &Name, config: &Config) -> bool {
    match Builtin::of(&name.module, &name.function) {
        Some(Builtin::Wasi(..)) => wasi::IS_PROVIDED,
        Some(Builtin::Http(_)) => !config.http.allow.is_empty(),
        builtin => builtin.is_some(),
    }
}
