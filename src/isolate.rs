//! The second layer: runs in a separate process, sandboxed by the operating system.
//!
//! Elsewhere in this crate only the interpreter contains a guest. It is built so that no guest escapes, but an
//! unknown fault in it may abort the process, or worse. Here another process with almost no rights, a *worker*, loads
//! and runs the module: if a guest crashes it, the result is an error; if a guest takes it over, there is nothing it
//! can reach. The result of a run is the same as without isolation: the same outcome or error, bit for bit.
//!
//! The worker is the embedding program itself, started once more. It has to call [`worker`] at the start of `main`:
//!
//! ```standalone_crate
//! use belljar::{Config, Error, isolate::{self, Isolation}};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Does not return in a worker; does nothing elsewhere.
//!     isolate::worker();
//!
//!     let isolation = Isolation::new(Config::default().with_fuel(1_000_000))?;
//!     let wasm = std::fs::read("fixtures/guests/upper-rust.wasm")?;
//!     match isolation.run(&wasm, b"hello") {
//!         Ok(outcome) => assert_eq!(outcome.output, b"HELLO"),
//!         Err(Error::Stopped(stopped)) => println!("{}, after {} fuel", stopped.reason, stopped.usage.fuel),
//!         Err(error) => return Err(error.into()),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Or it is the program `belljar`, or any other that calls [`worker`] and has the same version of this crate:
//! [`Isolation::with_worker`]. [`docs::isolation`](crate::docs::isolation) describes the layers, their cost, and what
//! they do not keep out.
//!
//! Unix only: this module does not exist on other systems.

extern crate std;

use alloc::sync::Arc;
use std::{ffi::OsString, path::PathBuf};

use crate::{
    config::Config,
    data::{inspect::Inspection, outcome::Outcome, value::Value},
    error::{ConfigError, ConfigProblem, Error, ValueProblem},
    load::check_size,
    sandbox::Sandbox,
};

mod bounds;
mod channel;
mod child;
mod codec;
mod execution;
mod layers;
mod message;
mod worker;

use self::{
    child::Program,
    message::{Job, Task},
};
pub use self::{execution::IsolatedExecution, layers::IsolationLayer, worker::worker};

/// Runs a module with an input in a separate process: [`belljar::execute`](crate::execute), isolated.
///
/// # Errors
///
/// As [`Isolation::run`], and [`Error::Config`].
pub fn execute(wasm: &[u8], input: &[u8], config: &Config) -> Result<Outcome, Error> {
    Isolation::new(config.clone())?.run(wasm, input)
}

/// Returns the isolation layers of a worker in this build, in the order in which a worker activates them.
///
/// A worker that cannot activate one of them runs nothing:
/// [`IsolationError::Layer`](crate::error::IsolationError::Layer).
pub fn layers() -> &'static [IsolationLayer] {
    layers::LAYERS
}

/// Configuration and worker program of isolated runs. Built once and shared; cheap to clone. Each run has a separate
/// process, which loads the module, runs it once and ends.
///
/// There are no custom host functions, only those of the ABI: a worker cannot call closures of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation(Arc<Policy>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    config: Config,
    program: Program,
}

impl Isolation {
    /// Creates an isolation with this program as the worker. Starts no process.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of range, or the host's clock, random bytes, directories or requests are
    /// granted: a worker has no access to them.
    pub fn new(config: Config) -> Result<Isolation, Error> {
        if let Some(key) = config.effect() {
            let why = ValueProblem::Isolated;
            return Err(ConfigError { key: key.into(), at: None, problem: ConfigProblem::Unfit { why } }.into());
        }
        let config = Sandbox::new(config)?.config().clone();
        Ok(Isolation(Arc::new(Policy { config, program: Program::Own })))
    }

    /// Sets another program as the worker: one that calls [`worker`] when started with these arguments, such as
    /// `belljar` without arguments, or a launcher that starts such a program within additional layers. `PATH` is not
    /// searched, and the environment contains only `BELLJAR_WORKER`.
    #[must_use]
    pub fn with_worker<A: Into<OsString>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Arc::make_mut(&mut self.0).program = Program::Other(program.into(), arguments);
        self
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Checks that a module loads, and returns its description: [`Sandbox::validate`], isolated.
    ///
    /// # Errors
    ///
    /// [`Error::Module`], with [`ModuleError::Worker`](crate::ModuleError::Worker) if the process died while it loaded
    /// the module; [`Error::Isolation`] if the process could not be set up.
    pub fn validate(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        self.begin(Task::Validate, wasm, &[])?.validated()
    }

    /// Loads a module and runs it to completion with an input: [`Sandbox::load`] and [`Sandbox::run`], isolated.
    ///
    /// # Errors
    ///
    /// Those of both; [`ModuleError::Worker`](crate::ModuleError::Worker) or
    /// [`HostStop::Worker`](crate::HostStop::Worker) if the process died; [`Error::Isolation`] if the process could
    /// not be set up.
    pub fn run(&self, wasm: &[u8], input: &[u8]) -> Result<Outcome, Error> {
        self.start(wasm, input)?.finish()
    }

    /// Loads a module and starts a run: [`Sandbox::start`], isolated.
    ///
    /// # Errors
    ///
    /// As [`run`](Isolation::run), except for errors of the run itself.
    pub fn start(&self, wasm: &[u8], input: &[u8]) -> Result<IsolatedExecution, Error> {
        self.begin(Task::Run, wasm, input)?.started()
    }

    /// Loads a module and calls an exported function with values: [`Sandbox::call_values`], isolated.
    ///
    /// # Errors
    ///
    /// As [`run`](Isolation::run), and [`Error::Call`] if the export does not exist or has another type.
    pub fn call_values(&self, wasm: &[u8], name: &str, arguments: &[Value]) -> Result<Outcome, Error> {
        self.start_call(wasm, name, arguments, &[])?.finish()
    }

    /// Loads a module and starts a call of an exported function, with an input: [`Sandbox::start_call`], isolated.
    ///
    /// # Errors
    ///
    /// As [`call_values`](Isolation::call_values), except for errors of the run itself.
    pub fn start_call(
        &self,
        wasm: &[u8],
        name: &str,
        arguments: &[Value],
        input: &[u8],
    ) -> Result<IsolatedExecution, Error> {
        let task = Task::Call { name: name.into(), arguments: arguments.into() };
        self.begin(task, wasm, input)?.started()
    }

    fn begin(&self, task: Task, wasm: &[u8], input: &[u8]) -> Result<IsolatedExecution, Error> {
        // A module that is too large is not sent.
        check_size(wasm, self.config())?;
        let (wasm_bytes, input_bytes) = (wasm.len() as u64, input.len() as u64);
        let job = Job { config: self.config().clone(), task, wasm_bytes, input_bytes };
        IsolatedExecution::new(&self.0.program, job, wasm, input)
    }
}
