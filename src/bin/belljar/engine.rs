//! Where a guest is loaded and run: in this process, or in one of its own.

#[cfg(unix)]
use belljar::isolate::{IsolatedExecution, Isolation};
use belljar::{
    Cancel, Error, Execution, Input, Inspection, LogEntry, Module, ModuleCache, Sandbox, Step, Usage, Value,
};
use std::time::Duration;

use crate::failure::Failure;

/// Fuel between two looks at output, log and clock: some milliseconds.
const STEP: u64 = 500_000;

/// Where a guest is loaded and run.
#[derive(Debug)]
pub enum Engine {
    /// In this process.
    Here(Sandbox),
    /// In one of its own.
    #[cfg(unix)]
    Apart(Isolation),
}

/// A module that has been found valid.
#[derive(Debug)]
pub enum Loaded {
    /// Ready to be run here.
    Here(Sandbox, Module),
    /// To be loaded again by whoever runs it.
    #[cfg(unix)]
    Apart(Isolation, Vec<u8>, Box<Inspection>),
}

/// One run in flight.
#[derive(Debug)]
pub enum Run {
    /// In this process.
    Here(Box<Execution>),
    /// In one of its own.
    #[cfg(unix)]
    Apart(Box<IsolatedExecution>),
}

impl Engine {
    /// The engine that is asked for.
    pub fn new(sandbox: &Sandbox, isolate: bool) -> Result<Engine, Failure> {
        if !isolate {
            return Ok(Engine::Here(sandbox.clone()));
        }
        #[cfg(unix)]
        return Isolation::new(sandbox.config().clone()).map(Engine::Apart).map_err(Failure::of);
        #[cfg(not(unix))]
        Err(Failure::usage("--isolate: this system has nothing that belljar could isolate a run with"))
    }

    /// Checks that a module loads, and tells what it is.
    pub fn validate(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        match self {
            Engine::Here(sandbox) => sandbox.validate(wasm),
            #[cfg(unix)]
            Engine::Apart(isolation) => isolation.validate(wasm),
        }
    }

    /// Loads a module, here by what a cache remembers of it.
    pub fn load(self, wasm: &[u8], cache: Option<&ModuleCache>) -> Result<Loaded, Error> {
        match self {
            Engine::Here(sandbox) => {
                let module = cache.map_or_else(|| sandbox.load(wasm), |cache| sandbox.load_cached(wasm, cache))?;
                Ok(Loaded::Here(sandbox, module))
            }
            #[cfg(unix)]
            Engine::Apart(isolation) => {
                let inspection = Box::new(isolation.validate(wasm)?);
                Ok(Loaded::Apart(isolation, wasm.to_vec(), inspection))
            }
        }
    }
}

impl Loaded {
    /// What the module is.
    pub fn inspect(&self) -> &Inspection {
        match self {
            Loaded::Here(_, module) => module.inspect(),
            #[cfg(unix)]
            Loaded::Apart(_, _, inspection) => inspection,
        }
    }

    /// Starts a run.
    pub fn start(&self, input: Input) -> Result<Run, Error> {
        match self {
            Loaded::Here(sandbox, module) => sandbox.start(module, input).map(|run| Run::Here(Box::new(run))),
            #[cfg(unix)]
            Loaded::Apart(isolation, wasm, _) => {
                isolation.start(wasm, input.as_bytes()).map(|run| Run::Apart(Box::new(run)))
            }
        }
    }

    /// Starts a call of an export.
    pub fn start_call(&self, name: &str, arguments: &[Value], input: Input) -> Result<Run, Error> {
        match self {
            Loaded::Here(sandbox, module) => {
                sandbox.start_call(module, name, arguments, input, ()).map(|run| Run::Here(Box::new(run)))
            }
            #[cfg(unix)]
            Loaded::Apart(isolation, wasm, _) => {
                isolation.start_call(wasm, name, arguments, input.as_bytes()).map(|run| Run::Apart(Box::new(run)))
            }
        }
    }
}

impl Run {
    /// Runs for some milliseconds, or to the end.
    pub fn step(&mut self) -> Result<Step, Error> {
        match self {
            Run::Here(run) => run.step(STEP),
            #[cfg(unix)]
            Run::Apart(run) => run.wait(),
        }
    }

    /// A handle that stops it.
    pub fn cancel_handle(&self) -> Cancel {
        match self {
            Run::Here(run) => run.cancel_handle(),
            #[cfg(unix)]
            Run::Apart(run) => run.cancel_handle(),
        }
    }

    /// What it has used so far.
    pub fn usage(&mut self) -> Usage {
        match self {
            Run::Here(run) => run.usage(),
            #[cfg(unix)]
            Run::Apart(run) => run.usage(),
        }
    }

    /// The output and the log so far.
    pub fn written(&self) -> (&[u8], &[LogEntry]) {
        match self {
            Run::Here(run) => (run.output(), &run.log().entries),
            #[cfg(unix)]
            Run::Apart(run) => (run.output(), run.log()),
        }
    }

    /// Wall time so far.
    pub fn wall_time(&self) -> Duration {
        match self {
            Run::Here(run) => run.wall_time(),
            #[cfg(unix)]
            Run::Apart(run) => run.wall_time(),
        }
    }
}
