//! The second wall: runs in a process of their own, locked in by the system.
//!
//! Everywhere else in this crate a guest is held by the interpreter alone. It is made so that no guest
//! gets past it; but a fault in it that nobody knows of may abort the process, or worse. Here it is
//! another process that loads and runs the module, a *worker*, with as good as no rights: should a
//! guest bring it down, the answer is an error; should a guest take it over, there is nothing it can
//! reach. What a run gives is the same as without: the same outcome, the same error, to the bit.
//!
//! The worker is the embedding program itself, started once more. It has to call [`worker`] first
//! thing in `main`:
//!
//! ```standalone_crate
//! use belljar::{Config, Error, isolate::{self, Isolation}};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // In a worker it does not return; else it does nothing.
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
//! Or it is the program `belljar`, or any other that calls [`worker`] and has the same version of this
//! crate: [`Isolation::with_worker`]. [`docs::isolation`](crate::docs::isolation) says what the walls
//! are, what they cost and what they do not keep out.
//!
//! Unix only: elsewhere there is no such module.

extern crate std;

use alloc::sync::Arc;
use std::{ffi::OsString, path::PathBuf};

use crate::{
    config::Config,
    error::{ConfigError, ConfigProblem, Error},
    inspect::Inspection,
    module::check_size,
    outcome::Outcome,
    sandbox::Sandbox,
    value::Value,
};

mod bounds;
mod channel;
mod child;
mod execution;
mod message;
mod shapes;
mod walls;
mod wire;
mod words;
mod worker;

use self::{
    child::Program,
    message::{Job, Task},
};
pub use self::{execution::IsolatedExecution, walls::Wall, worker::worker};

/// Runs a module with an input, in a process of its own: [`belljar::execute`](crate::execute) with a
/// second wall.
///
/// # Errors
///
/// As [`Isolation::run`], and [`Error::Config`].
pub fn execute(wasm: &[u8], input: &[u8], config: &Config) -> Result<Outcome, Error> {
    Isolation::new(config.clone())?.run(wasm, input)
}

/// The walls that this build puts around a worker, in the order in which they go up.
///
/// A worker that cannot build one of them runs nothing: [`IsolationError::Wall`](crate::IsolationError::Wall).
pub fn walls() -> &'static [Wall] {
    walls::WALLS
}

/// Policy, and which program is the worker; built once and shared: cheap to clone. Each run has a process of its own,
/// which loads the module, runs it once and ends.
///
/// There are no host functions here but those of the ABI: closures of this process cannot be called
/// from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation(Arc<Policy>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    config: Config,
    program: Program,
}

impl Isolation {
    /// Isolation with this program as the worker. Nothing is started yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of its range, or something of the host is granted: its clock, its
    /// random bytes, directories, requests. A worker cannot ask for it.
    pub fn new(config: Config) -> Result<Isolation, Error> {
        if let Some(key) = config.effect() {
            let why = "an isolated run has nothing of the host: its process cannot ask for it";
            return Err(ConfigError { key: key.into(), at: None, problem: ConfigProblem::Unfit { why } }.into());
        }
        let config = Sandbox::new(config)?.config().clone();
        Ok(Isolation(Arc::new(Policy { config, program: Program::Own })))
    }

    /// Takes another program as the worker: one that calls [`worker`] when it is started with these
    /// arguments, such as `belljar` with none, or one that starts such a program within walls of its
    /// own. It is not looked for in `PATH`, and gets no environment but `BELLJAR_WORKER`.
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

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Checks that a module loads, and tells what it is: [`Sandbox::validate`], isolated.
    ///
    /// # Errors
    ///
    /// [`Error::Module`], with [`ModuleError::Worker`](crate::ModuleError::Worker) if the process died of it;
    /// [`Error::Isolation`] if there is no such process.
    pub fn validate(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        self.begin(Task::Validate, wasm, &[])?.validated()
    }

    /// Loads a module and runs it with an input, to its end: [`Sandbox::load`] and [`Sandbox::run`],
    /// isolated.
    ///
    /// # Errors
    ///
    /// Those of these two, and where the process died [`ModuleError::Worker`](crate::ModuleError::Worker) or
    /// [`StopReason::Worker`](crate::StopReason::Worker); [`Error::Isolation`] if there is no such process.
    pub fn run(&self, wasm: &[u8], input: &[u8]) -> Result<Outcome, Error> {
        self.start(wasm, input)?.finish()
    }

    /// Loads a module and starts a run: [`Sandbox::start`], isolated.
    ///
    /// # Errors
    ///
    /// As [`run`](Isolation::run), but for what only running can show.
    pub fn start(&self, wasm: &[u8], input: &[u8]) -> Result<IsolatedExecution, Error> {
        self.begin(Task::Run, wasm, input)?.started()
    }

    /// Loads a module and calls an export by values: [`Sandbox::call_values`], isolated.
    ///
    /// # Errors
    ///
    /// As [`run`](Isolation::run), and [`Error::Call`] if there is no such export or its type is another.
    pub fn call_values(&self, wasm: &[u8], name: &str, arguments: &[Value]) -> Result<Outcome, Error> {
        self.start_call(wasm, name, arguments, &[])?.finish()
    }

    /// Loads a module and starts a call of an export, with an input it can read: [`Sandbox::start_call`],
    /// isolated.
    ///
    /// # Errors
    ///
    /// As [`call_values`](Isolation::call_values), but for what only running can show.
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
        // What is too large is not even sent.
        check_size(wasm, self.config())?;
        let (wasm_bytes, input_bytes) = (wasm.len() as u64, input.len() as u64);
        let job = Job { config: self.config().clone(), task, wasm_bytes, input_bytes };
        IsolatedExecution::new(&self.0.program, job, wasm, input)
    }
}
