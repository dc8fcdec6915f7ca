//! Loading and running a module, in this process or in a worker process.

#[cfg(all(feature = "isolate", unix))]
use belljar::isolate::{IsolatedExecution, Isolation};
use belljar::{
    Cancel, Config, Error, Execution, Input, LogEntry, Module, Sandbox, Step, Usage, Value, cache::ModuleCache,
    inspect::Inspection,
};
use std::time::Duration;

use crate::failure::Failure;

/// Fuel between two checks of output, log and clock: some milliseconds.
const STEP: u64 = 500_000;

/// The place where a module is loaded and run.
#[derive(Debug)]
pub enum Engine {
    /// In this process.
    InProcess(Sandbox),
    /// In a worker process.
    #[cfg(all(feature = "isolate", unix))]
    Isolated(Isolation),
}

/// A valid module.
#[derive(Debug)]
pub enum Loaded {
    /// Loaded in this process.
    InProcess(Sandbox, Module),
    /// Validated; the worker process loads it again for each run.
    #[cfg(all(feature = "isolate", unix))]
    Isolated(Isolation, Vec<u8>, Box<Inspection>),
}

/// One run.
#[derive(Debug)]
pub enum Run {
    /// In this process.
    InProcess(Box<Execution>),
    /// In a worker process.
    #[cfg(all(feature = "isolate", unix))]
    Isolated(Box<IsolatedExecution>),
}

impl Engine {
    /// Returns an engine in this process or, if `isolate`, in a worker process.
    pub fn new(sandbox: &Sandbox, isolate: bool) -> Result<Engine, Failure> {
        if !isolate {
            return Ok(Engine::InProcess(sandbox.clone()));
        }
        #[cfg(all(feature = "isolate", unix))]
        return Isolation::new(sandbox.config().clone()).map(Engine::Isolated).map_err(Failure::of);
        #[cfg(all(not(feature = "isolate"), unix))]
        return Err(crate::disabled::failure("worker processes", "cli"));
        #[cfg(not(unix))]
        Err(Failure::usage("--isolate: belljar cannot isolate runs on this system"))
    }

    /// Checks that a module loads, and returns its inspection.
    pub fn validate(&self, wasm: &[u8]) -> Result<Inspection, Error> {
        match self {
            Engine::InProcess(sandbox) => sandbox.validate(wasm),
            #[cfg(all(feature = "isolate", unix))]
            Engine::Isolated(isolation) => isolation.validate(wasm),
        }
    }

    /// Loads a module. In this process the cache is used.
    pub fn load(self, wasm: &[u8], cache: Option<&ModuleCache>) -> Result<Loaded, Error> {
        match self {
            Engine::InProcess(sandbox) => {
                let module = cache.map_or_else(|| sandbox.load(wasm), |cache| sandbox.load_cached(wasm, cache))?;
                Ok(Loaded::InProcess(sandbox, module))
            }
            #[cfg(all(feature = "isolate", unix))]
            Engine::Isolated(isolation) => {
                let inspection = Box::new(isolation.validate(wasm)?);
                Ok(Loaded::Isolated(isolation, wasm.to_vec(), inspection))
            }
        }
    }
}

impl Loaded {
    /// Returns the inspection of the module.
    pub fn inspect(&self) -> &Inspection {
        match self {
            Loaded::InProcess(_, module) => module.inspect(),
            #[cfg(all(feature = "isolate", unix))]
            Loaded::Isolated(_, _, inspection) => inspection,
        }
    }

    /// Starts a run.
    pub fn start(&self, input: Input) -> Result<Run, Error> {
        match self {
            Loaded::InProcess(sandbox, module) => sandbox.start(module, input).map(|run| Run::InProcess(Box::new(run))),
            #[cfg(all(feature = "isolate", unix))]
            Loaded::Isolated(isolation, wasm, _) => {
                isolation.start(wasm, input.as_bytes()).map(|run| Run::Isolated(Box::new(run)))
            }
        }
    }

    /// Starts a call of an export.
    pub fn start_call(&self, name: &str, arguments: &[Value], input: Input) -> Result<Run, Error> {
        match self {
            Loaded::InProcess(sandbox, module) => {
                sandbox.start_call(module, name, arguments, input, ()).map(|run| Run::InProcess(Box::new(run)))
            }
            #[cfg(all(feature = "isolate", unix))]
            Loaded::Isolated(isolation, wasm, _) => {
                isolation.start_call(wasm, name, arguments, input.as_bytes()).map(|run| Run::Isolated(Box::new(run)))
            }
        }
    }
}

impl Run {
    /// Returns the execution, if it is in this process.
    pub fn in_process(&mut self) -> Option<&mut Execution> {
        match self {
            Run::InProcess(run) => Some(run),
            #[cfg(all(feature = "isolate", unix))]
            Run::Isolated(_) => None,
        }
    }

    /// Runs for some milliseconds, or to the end.
    pub fn step(&mut self) -> Result<Step, Error> {
        match self {
            Run::InProcess(run) => run.step(STEP),
            #[cfg(all(feature = "isolate", unix))]
            Run::Isolated(run) => run.wait(),
        }
    }

    /// Returns whether a step may wait for the host: for a worker process, or for what a configuration grants.
    pub fn may_block(&self, config: &Config) -> bool {
        !matches!(self, Run::InProcess(_)) || config.effect().is_some()
    }

    /// Returns a handle that cancels the run.
    pub fn cancel_handle(&self) -> Cancel {
        match self {
            Run::InProcess(run) => run.cancel_handle(),
            #[cfg(all(feature = "isolate", unix))]
            Run::Isolated(run) => run.cancel_handle(),
        }
    }

    /// Returns the usage so far.
    pub fn usage(&mut self) -> Usage {
        match self {
            Run::InProcess(run) => run.usage(),
            #[cfg(all(feature = "isolate", unix))]
            Run::Isolated(run) => run.usage(),
        }
    }

    /// Returns the output and the log so far.
    pub fn written(&self) -> (&[u8], &[LogEntry]) {
        match self {
            Run::InProcess(run) => (run.output(), &run.log().entries),
            #[cfg(all(feature = "isolate", unix))]
            Run::Isolated(run) => (run.output(), run.log()),
        }
    }

    /// Returns the elapsed time so far.
    pub fn wall_time(&self) -> Duration {
        match self {
            Run::InProcess(run) => run.wall_time(),
            #[cfg(all(feature = "isolate", unix))]
            Run::Isolated(run) => run.wall_time(),
        }
    }
}
