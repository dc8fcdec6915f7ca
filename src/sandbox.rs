//! Sandboxes, and functions that run a module in one call.

#[cfg(feature = "wat")]
use alloc::vec::Vec;
use alloc::{boxed::Box, sync::Arc};
use core::any::Any;

use crate::{
    config::{Config, RunOptions},
    data::{input::Input, inspect::Inspection, outcome::Outcome, value::Value},
    engine::scalar::Scalars,
    error::Error,
    host::{function::HostFunction, grant::Denied, pool::Purpose},
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
pub(crate) mod builder;
#[cfg(feature = "std")]
mod loading;
mod module_cache;
#[cfg(feature = "receipt")]
mod replay;

#[cfg(feature = "std")]
use self::loading::Load;
use self::{
    builder::{Builder, check_grants, is_reserved},
    module_cache::Wasm,
};

/// Loads a module and runs it with an input.
///
/// Loaded modules are cached for all threads, so that the next call with the same bytes only runs the module: under any
/// configuration with the same `module.*`, `limits.call_depth` and `limits.value_stack_bytes`. Threads that execute the
/// same bytes at once wait for one of them to load the module. [`Config::module_cache_bytes`] bounds the cache; with
/// directories or requests granted, the module is loaded each time. All bytes are compared, some 30 µs for each MB:
/// [`execute_shared`] and a [`Sandbox`] avoid that.
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
        return cached(module, config);
    }
    // Held until the module is in the cache.
    #[cfg(feature = "std")]
    let load = if module_cache::is_cacheable(config) { Load::begin(wasm, config) } else { None };
    #[cfg(feature = "std")]
    if load.is_none()
        && let Some(module) = module_cache::find(wasm, config)?
    {
        return cached(module, config);
    }
    let sandbox = Builder::new().config(config.clone()).kept(true).build()?;
    let module = sandbox.load(wasm.get())?;
    module_cache::keep(wasm, &module)?;
    Ok((sandbox, module))
}

/// Returns a module of the cache with a sandbox that runs it under this configuration.
fn cached(module: Module, config: &Config) -> Result<(Sandbox, Module), Error> {
    let sandbox = Sandbox(Arc::clone(module.policy()));
    match sandbox.config() == config {
        true => Ok((sandbox, module)),
        false => Ok((sandbox.with_config(config.clone())?, module)),
    }
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
        Builder::new()
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
        let mut machine = self.machine(module, &RunOptions::new(), Box::new(()))?;
        machine.push_entry(input.into())?;
        machine.run()
    }

    /// Runs a module as [`run`](Sandbox::run) does, with options for this run: the module is not loaded again. The
    /// outcome is that of a sandbox with [the configuration of the run](RunOptions::apply).
    ///
    /// # Errors
    ///
    /// As [`run`](Sandbox::run) and [`with_options`](Sandbox::with_options).
    pub fn run_with(&self, module: &Module, input: impl Into<Input>, options: &RunOptions) -> Result<Outcome, Error> {
        if !options.is_of_limits() {
            return self.with_options(options)?.run(module, input);
        }
        // Without a copy of the configuration, which would take longer than the shortest runs may.
        options.check_limits()?;
        let mut machine = self.machine(module, options, Box::new(()))?;
        machine.push_entry(input.into())?;
        machine.run()
    }

    /// Returns a sandbox whose runs have these options. It runs the modules of this one, and its configuration is that
    /// of the runs: receipts and transcripts are made with it.
    ///
    /// It costs a copy of the configuration, about a sixth of the shortest run; [`run_with`](Sandbox::run_with) makes none
    /// if only limits and the deadline are set.
    ///
    /// ```
    /// use belljar::{Config, RunOptions, Sandbox, record::Receipt};
    ///
    /// let wasm = std::fs::read("fixtures/guests/upper-rust.wasm")?;
    /// let sandbox = Sandbox::new(Config::default())?;
    /// let module = sandbox.load(&wasm)?;
    ///
    /// let tenant = sandbox.with_options(&RunOptions::new().with_fuel(200_000))?;
    /// let mut run = tenant.start(&module, "hello")?;
    /// let result = run.finish();
    /// let receipt = Receipt::of_run(&wasm, b"hello", tenant.config(), &result).unwrap();
    /// assert_eq!(receipt.config.limits.fuel, 200_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of its range, this build cannot enforce it, or the sandbox does not grant a
    /// capability.
    pub fn with_options(&self, options: &RunOptions) -> Result<Sandbox, Error> {
        let config = options.apply(&self.0.config)?;
        let denied = match &options.grants {
            Some(grants) => Denied::of(&self.0.functions, grants),
            None => self.0.denied.clone(),
        };
        let (functions, roots) = (Arc::clone(&self.0.functions), Arc::clone(&self.0.roots));
        Ok(Sandbox(Arc::new(Policy { config, functions, denied, roots, stacks: self.0.stacks })))
    }

    /// Returns a sandbox with another configuration and the same host functions.
    ///
    /// It runs modules that this one has loaded, and the other way round, unless `module.*`, `limits.call_depth`,
    /// `limits.value_stack_bytes` or the granted requests (`http.*`) differ.
    ///
    /// ```
    /// use belljar::{Config, Sandbox};
    ///
    /// let sandbox = Sandbox::builder().host_function("host", "answer", || 42).build()?;
    /// let module = sandbox.load_text(
    ///     r#"(module (import "host" "answer" (func $answer (result i32))) (export "f" (func $answer)))"#,
    /// )?;
    /// let other = sandbox.with_config(Config::default().with_fuel(10_000))?;
    /// assert_eq!(other.call::<(), i32>(&module, "f", ())?, 42);
    /// # Ok::<(), belljar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn with_config(&self, config: Config) -> Result<Sandbox, Error> {
        let own = &self.0;
        if config.http != own.config.http {
            let builder = Builder::new().config(config).kept(own.stacks == 0);
            return self.functions().cloned().fold(builder, Builder::function).build();
        }
        config.check()?;
        config.check_effects()?;
        check_grants(&config, &own.functions)?;
        let roots = match config.wasi.dirs == own.config.wasi.dirs {
            true => Arc::clone(&own.roots),
            false => Arc::new(wasi::Roots::open(&config.wasi)?),
        };
        Ok(Sandbox(Arc::new(Policy::new(config, Arc::clone(&own.functions), roots, own.stacks))))
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
        let mut machine = self.machine(module, &RunOptions::new(), Box::new(data))?;
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
        let mut machine = self.machine(module, &RunOptions::new(), Box::new(()))?;
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
        let mut machine = self.machine(module, &RunOptions::new(), Box::new(data))?;
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
        Instance::new(module, &self.0, Box::new(data))
    }

    /// Allocates pooled stores for `runs` concurrent runs in advance. Returns the number of stores that are ready.
    ///
    /// Stores are pooled with the feature `pooling`, on Linux, for a module that defines one memory: a run then finds
    /// its memory zeroed ([`docs::speed`](crate::docs::speed) has the figures). Without this call the first run of a
    /// module creates a store as usual, and later ones share up to 16. A run that is stopped or grows its memory uses up
    /// its store, of which only the memory is used again. Elsewhere this does nothing and returns 0.
    ///
    /// No data of one run is visible to another, and outcomes are the same with and without.
    ///
    /// # Errors
    ///
    /// [`CallError::OtherSandbox`](crate::CallError::OtherSandbox) if the module was loaded by another sandbox.
    pub fn prepare(&self, module: &Module, runs: usize) -> Result<usize, Error> {
        self.check_own(module)?;
        Ok(module.prepare(runs))
    }

    /// Returns the custom host functions.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &HostFunction> {
        self.0.functions.iter().filter(|function| !is_reserved(&function.name, &self.0.config))
    }

    #[cfg(any(feature = "cache", feature = "explain"))]
    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.0
    }

    /// Creates the machine of a run. Of the options those of limits are taken into account.
    fn machine(
        &self,
        module: &Module,
        options: &RunOptions,
        data: Box<dyn Any + Send + Sync>,
    ) -> Result<Machine, Error> {
        self.check_own(module)?;
        if options.memory_bytes.is_some() || options.table_elements.is_some() {
            module.check_initial(&options.limits(&self.0.config.limits))?;
        }
        Machine::new(module, &self.0, options, Purpose::Run, data)
    }

    fn check_own(&self, module: &Module) -> Result<(), Error> {
        if Arc::ptr_eq(module.policy(), &self.0) { Ok(()) } else { self.0.accepts(module) }
    }
}
