//! Errors of isolated runs: processes that could not be set up, or that died.

use alloc::string::String;
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::data::text::{SHOWN_BYTES, escape};

/// Error of setting up the separate process of an isolated run. No code of the guest has run.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IsolationError {
    /// This process is a worker itself, and must not start another.
    #[error("this process is a worker, and cannot start another")]
    Nested,
    /// The worker could not be started.
    #[error("the worker {} could not be started: {}", escape(.program, SHOWN_BYTES), escape(.message, SHOWN_BYTES))]
    Start {
        /// Program of the worker.
        program: String,
        /// The system's description; not part of the stable interface.
        message: String,
    },
    /// The program is not a worker of this version of belljar.
    #[error("{} is not a worker of this version of belljar: {}", escape(.program, SHOWN_BYTES), greeting(.found.as_deref()))]
    NotAWorker {
        /// The program that was started.
        program: String,
        /// Version it reported, if it is a worker of another version.
        found: Option<String>,
    },
    /// A signal killed the worker before it started.
    #[error("the worker {} ended before it began: {end}", escape(.program, SHOWN_BYTES))]
    Died {
        /// The program that was started.
        program: String,
        /// End of the process.
        end: WorkerEnd,
    },
    /// The worker could not activate an isolation layer.
    #[error("the worker could not activate the isolation layer `{layer}`: {}", escape(.message, SHOWN_BYTES))]
    #[serde(rename = "wall")]
    Layer {
        /// Name of the layer, as in `belljar::isolate::layers()`.
        #[serde(rename = "wall")]
        layer: &'static str,
        /// The system's description; not part of the stable interface.
        message: String,
    },
}

/// End of a worker that did not reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerEnd {
    /// It was killed by a signal.
    #[error("it was killed by signal {signal}{}", Named(*.signal))]
    Signal {
        /// Number of the signal on this system.
        signal: i32,
    },
    /// It exited.
    #[error("it exited with status {code}")]
    Exit {
        /// Its exit status.
        code: i32,
    },
    /// It sent an invalid or oversized message, and was killed.
    #[error("it sent an invalid message")]
    Garbage,
    /// It sent nothing for too long, and was killed.
    #[error("it sent nothing for {limit_ms} ms")]
    Silent {
        /// Timeout in milliseconds.
        limit_ms: u64,
    },
}

fn greeting(found: Option<&str>) -> String {
    match found {
        Some(found) => alloc::format!("it reports `{}`", escape(found, SHOWN_BYTES)),
        None => "it sends no greeting".into(),
    }
}

/// Name of a signal, for signals with the same number on all systems and those of Linux.
struct Named(i32);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            4 => "SIGILL",
            6 => "SIGABRT",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            15 => "SIGTERM",
            24 => "SIGXCPU: its CPU time is used up",
            7 if cfg!(target_os = "linux") => "SIGBUS",
            31 if cfg!(target_os = "linux") => "SIGSYS: it made a forbidden system call",
            _ => return Ok(()),
        };
        write!(f, " ({name})")
    }
}

impl IsolationError {
    pub(super) fn hint(&self) -> Option<String> {
        Some(match self {
            IsolationError::Nested | IsolationError::NotAWorker { .. } => {
                "call `belljar::isolate::worker()` at the start of `main`".into()
            }
            IsolationError::Start { .. } | IsolationError::Died { .. } => return None,
            IsolationError::Layer { .. } => {
                "the system or the container of this process does not allow it; no guest runs without all layers".into()
            }
        })
    }
}
