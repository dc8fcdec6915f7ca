//! The way in: a sandbox, and the two calls that need none.

use alloc::{boxed::Box, collections::BTreeSet, string::String, sync::Arc, vec::Vec};
use core::any::Any;

#[cfg(feature = "receipt")]
use crate::host::tape::play::stub;
use crate::{
    abi::Builtin,
    config::Config,
    error::{CallError, ConfigError, ConfigProblem, Error, HostFunctionProblem},
    execution::Execution,
    host::{
        Name,
        async_function::{IntoAsyncHostFunction, async_host_function},
        function::{HostFunction, IntoHostFunction, host_function},
    },
    http,
    input::Input,
    inspect::Inspection,
    instance::Instance,
    machine::Machine,
    module::{Module, Policy},
    outcome::Outcome,
    recent::{self, Wasm},
    types::Scalars,
    value::Value,
    wasi,
};

mod signature;

pub(crate) use self::signature::{check_call, check_signature, typed};

/// Runs a module with an input: the whole of belljar in one call.
///
/// It keeps what it loads, for all threads, so that the next call with the same bytes and an equal
/// configuration only runs ([`Config::module_cache_bytes`] bounds it; what is granted directories or requests
/// is loaded each time). Bytes are compared whole, some 30 µs for each MB: [`execute_shared`] and a [`Sandbox`]
/// need not do that.
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

/// As [`execute`], for bytes that are shared: they are kept without a copy, and known again without comparing
/// them, for as long as they are the same [`Arc`].
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

/// A module that is kept from another call, or will be for the next.
fn loaded(wasm: Wasm<'_>, config: &Config) -> Result<(Sandbox, Module), Error> {
    if let Some(module) = recent::find(wasm, config)? {
        return Ok((Sandbox(Arc::clone(module.policy())), module));
    }
    let sandbox = Builder { kept: true, ..Sandbox::builder().config(config.clone()) }.build()?;
    let module = sandbox.load(wasm.get())?;
    recent::keep(wasm, &module)?;
    Ok((sandbox, module))
}

/// Checks that a module would load, and tells what it is. Nothing of it is run.
///
/// # Errors
///
/// [`Error::Config`] or [`Error::Module`].
pub fn validate(wasm: &[u8], config: &Config) -> Result<Inspection, Error> {
    Sandbox::new(config.clone())?.validate(wasm)
}

/// Policy and host functions, built once and shared: `Send + Sync`, cheap to clone.
///
/// It keeps no state of any run. Each [`Module`] has an engine of its own, each run a store.
#[derive(Debug, Clone)]
pub struct Sandbox(Arc<Policy>);

/// Builds a [`Sandbox`] with host functions of the embedding program.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    config: Config,
    functions: Vec<HostFunction>,
    /// A capability that came before there was a function.
    misplaced: Option<String>,
    /// Whether runs are played from a transcript, so that nothing of the host is there.
    played: bool,
    /// Whether what is loaded is kept by the library, which tells how much that takes at most.
    kept: bool,
}

impl Sandbox {
    /// A sandbox without host functions of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of its range, or this build cannot enforce a key.
    pub fn new(config: Config) -> Result<Sandbox, Error> {
        Sandbox::builder().config(config).build()
    }

    /// A builder with the default configuration.
    pub fn builder() -> Builder {
        Builder { config: Config::default(), functions: Vec::new(), misplaced: None, played: false, kept: false }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Loads a binary module: checks it, validates it, translates all of it.
    ///
    /// # Errors
    ///
    /// [`Error::Module`], which says what is wrong, where, and what the limit is.
    pub fn load(&self, wasm: &[u8]) -> Result<Module, Error> {
        Module::load(wasm, &self.0)
    }

    /// Loads a module from its text form.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load); for text that is wrong with line and column.
    #[cfg(feature = "std")]
    pub fn load_text(&self, text: &str) -> Result<Module, Error> {
        self.load(&self.assemble(text)?)
    }

    /// The binary form of a module's text form, neither checked nor validated.
    ///
    /// # Errors
    ///
    /// [`Error::Module`] with line and column where the text is wrong, or its limit.
    #[cfg(feature = "std")]
    pub fn assemble(&self, text: &str) -> Result<Vec<u8>, Error> {
        Ok(crate::module::text::parse(text, &self.0.config)?)
    }

    /// Checks that a module loads, and tells what it is.
    ///
    /// # Errors
    ///
    /// As [`load`](Sandbox::load).
    pub fn validate(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        Ok(self.load(wasm)?.inspect().clone())
    }

    /// Tells what a valid module within the limits is, whether or not its imports are provided: for
    /// those who want to know what a module asks for. [`validate`](Sandbox::validate) checks more.
    ///
    /// # Errors
    ///
    /// [`Error::Module`].
    pub fn inspect(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        Ok(crate::module::inspect(wasm, &self.0.config)?)
    }

    /// Runs a module with an input, to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the guest was stopped; [`Error::Call`] if the module has no entry;
    /// [`Error::Module`] if an entry has the wrong type.
    pub fn run(&self, module: &Module, input: impl Into<Input>) -> Result<Outcome, Error> {
        let mut machine = self.machine(module, Box::new(()))?;
        machine.push_entry(input.into())?;
        machine.run()
    }

    /// Starts a run without running anything of it yet.
    ///
    /// # Errors
    ///
    /// As [`run`](Sandbox::run), but for what only running can show.
    pub fn start(&self, module: &Module, input: impl Into<Input>) -> Result<Execution, Error> {
        self.start_with(module, input, ())
    }

    /// As [`start`](Sandbox::start), with data for the host functions
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

    /// Calls an export with a fresh store.
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
    /// [`Error::Call`] if there is no such export or its type is another; [`Error::Stopped`] if the
    /// guest was stopped.
    pub fn call<P: Scalars, R: Scalars>(&self, module: &Module, name: &str, params: P) -> Result<R, Error> {
        check_signature::<P, R>(module, name)?;
        let outcome = self.call_values(module, name, &params.to_values())?;
        typed(&outcome)
    }

    /// Calls an export with a fresh store, by values: for callers that learn the types at run time.
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

    /// Starts a call of an export, with an input it can read and data for the host functions.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if there is no such export or its type is another.
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

    /// An instance that keeps its state between calls. Its start function and `_initialize` are run.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if they are stopped.
    pub fn instance(&self, module: &Module) -> Result<Instance, Error> {
        self.instance_with(module, ())
    }

    /// As [`instance`](Sandbox::instance), with data for the host functions.
    ///
    /// # Errors
    ///
    /// As [`instance`](Sandbox::instance).
    pub fn instance_with(&self, module: &Module, data: impl Any + Send + Sync) -> Result<Instance, Error> {
        self.check_own(module)?;
        Instance::new(module, Box::new(data))
    }

    /// Makes ready what the next `runs` runs at a time need, before they come; tells how many are ready.
    ///
    /// Where memories can be recycled (the feature `pooling`, on Linux, for a module with one memory of its own
    /// of 4 pages or more) a run then finds its memory zeroed: [`docs::speed`](crate::docs::speed) has the
    /// figures. Without it the first run of a module makes a memory as usual, and later ones keep up to 8
    /// for each other. A run that is stopped or grows its memory uses up what was made for it, so that a
    /// module whose runs grow gains only from being prepared again. Elsewhere this does nothing, and tells 0.
    ///
    /// Nothing of one run is ever seen by another, and outcomes are the same with and without.
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

    /// The host functions of the embedding program.
    #[cfg(feature = "receipt")]
    pub(crate) fn functions(&self) -> impl Iterator<Item = &HostFunction> {
        self.0.functions.iter().filter(|function| !is_reserved(&function.name, &self.0.config))
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

    /// Registers a host function as `module.name`; see [`IntoHostFunction`] for what it can be.
    ///
    /// A module can import it under exactly this name and type. The module may be `env`, from which C
    /// and Zig guests import unless told otherwise, but not with a name of the ABI. It is charged
    /// [`meter::HOST_CALL`](crate::meter::HOST_CALL) a call, and what it charges itself.
    pub fn host_function<Marker>(mut self, module: &str, name: &str, function: impl IntoHostFunction<Marker>) -> Self {
        self.functions.push(host_function(module, name, function));
        self
    }

    /// Registers a host function that may wait; see [`IntoAsyncHostFunction`] for what it can be.
    ///
    /// The guest is suspended while the function waits, and knows nothing of it. A run that is awaited gives
    /// way meanwhile; one that is stepped returns [`Step::Waiting`](crate::Step::Waiting); one that is driven
    /// to its end, or a call of an [`Instance`], lets its thread wait. Deadline and cancel act as between
    /// slices.
    ///
    /// As for [`host_function`](Self::host_function) otherwise. The guest calls it through a function that
    /// only hands on, at the price of its operators, one call deeper; where a module imports
    /// any such function, a run costs [`meter::INSTANTIATION`](crate::meter::INSTANTIATION) more.
    pub fn async_host_function<Marker>(
        mut self,
        module: &str,
        name: &str,
        function: impl IntoAsyncHostFunction<Marker>,
    ) -> Self {
        self.functions.push(async_host_function(module, name, function));
        self
    }

    /// The host function that was registered last needs a capability: only runs whose configuration grants it
    /// ([`Config::grants`]) may call it, others are stopped with
    /// [`StopReason::Denied`](crate::StopReason::Denied). It can be imported all the same. A function that
    /// needs several has each named.
    ///
    /// ```
    /// use belljar::{Config, Sandbox, StopReason};
    ///
    /// let sandbox = |config| Sandbox::builder().config(config)
    ///     .host_function("db", "count", || 7).requires("db")
    ///     .build();
    /// let wasm = wat::parse_str(r#"(module (import "db" "count" (func (result i32))) (export "f" (func 0)))"#)?;
    ///
    /// let granted = sandbox(Config::default().with_grant("db"))?;
    /// assert_eq!(granted.call::<(), i32>(&granted.load(&wasm)?, "f", ())?, 7);
    ///
    /// let usual = sandbox(Config::default())?;
    /// let error = usual.call::<(), i32>(&usual.load(&wasm)?, "f", ()).unwrap_err();
    /// assert!(matches!(error.stop_reason(), Some(StopReason::Denied { capability, .. }) if capability == "db"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn requires(mut self, capability: &str) -> Self {
        match self.functions.last_mut() {
            Some(function) => function.requires.push(capability.into()),
            None => self.misplaced = Some(capability.into()),
        }
        self
    }

    /// Runs are played from a transcript: nothing of the host is asked, so that nothing need be there.
    #[cfg(feature = "receipt")]
    pub(crate) fn played(mut self) -> Self {
        self.played = true;
        self
    }

    /// Registers a host function that only a transcript has.
    #[cfg(feature = "receipt")]
    pub(crate) fn stub(mut self, module: &str, name: &str, ty: crate::value::FuncType, waits: bool) -> Self {
        self.functions.push(stub(Name::new(module, name), ty, waits));
        self
    }

    /// Builds the sandbox.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of its range, this build cannot enforce a key, a directory
    /// cannot be opened, a host function's name is reserved or taken, or a capability is granted that none
    /// of them needs.
    pub fn build(mut self) -> Result<Sandbox, Error> {
        crate::dispatch::check()?;
        self.config.check(self.played)?;
        for (i, function) in self.functions.iter().enumerate() {
            let name = &function.name;
            let same = |other: &HostFunction| other.name == *name;
            let why = if is_reserved(name, &self.config) {
                HostFunctionProblem::Reserved
            } else if self.functions[..i].iter().any(same) {
                HostFunctionProblem::Duplicate
            } else {
                continue;
            };
            let problem =
                ConfigProblem::HostFunction { name: alloc::format!("{}.{}", name.module, name.function), why };
            return Err(ConfigError { key: String::new(), at: None, problem }.into());
        }
        self.check_grants()?;
        self.functions.extend(match self.played {
            #[cfg(feature = "receipt")]
            true => http_stubs(&self.config),
            _ => http::functions(&self.config.http),
        });
        let roots = match self.played {
            #[cfg(feature = "receipt")]
            true => wasi::Roots::absent(&self.config.wasi),
            _ => wasi::Roots::open(&self.config.wasi)?,
        };
        // A stack is as large as the deepest run made it.
        let stacks = if self.kept { 0 } else { 2 };
        Ok(Sandbox(Arc::new(Policy { config: self.config, functions: self.functions, roots, stacks })))
    }
}

impl Builder {
    fn check_grants(&self) -> Result<(), ConfigError> {
        let error = |key: &str, problem| Err(ConfigError { key: key.into(), at: None, problem });
        if let Some(name) = &self.misplaced {
            let (name, why) = (name.clone(), HostFunctionProblem::Misplaced);
            return error("", ConfigProblem::HostFunction { name, why });
        }
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

/// The functions for requests, of a transcript.
#[cfg(feature = "receipt")]
fn http_stubs(config: &Config) -> Vec<HostFunction> {
    let granted = if config.http.allow.is_empty() { &[] } else { crate::abi::http::FUNCTIONS };
    granted.iter().map(|f| stub(Name::new(crate::abi::http::MODULE, f.name), f.ty(), false)).collect()
}
