//! A process of its own that a run could not have, or that died of it.

use alloc::string::String;
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::text::{SHOWN_BYTES, escape};

/// Why a run could not have a process of its own. Nothing of the guest has been run then.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IsolationError {
    /// This process is a worker, which came to ask for one of its own instead of doing its work.
    #[error("this process is a worker itself")]
    Nested,
    /// The worker could not be started.
    #[error("the worker {} could not be started: {}", escape(.program, SHOWN_BYTES), escape(.message, SHOWN_BYTES))]
    Start {
        /// The program that was to be started.
        program: String,
        /// The system's description; not part of the stable interface.
        message: String,
    },
    /// The program is there, but it is no worker of this version of belljar.
    #[error("{} is not a worker of this version of belljar: {}", escape(.program, SHOWN_BYTES), greeting(.found.as_deref()))]
    NotAWorker {
        /// The program that was started.
        program: String,
        /// The version it named, if it is a worker of another one.
        found: Option<String>,
    },
    /// A signal killed the worker before it said what it is.
    #[error("the worker {} ended before it began: {end}", escape(.program, SHOWN_BYTES))]
    Died {
        /// The program that was started.
        program: String,
        /// How it ended.
        end: WorkerEnd,
    },
    /// The worker could not lock itself in.
    #[error("the worker could not build the wall `{wall}`: {}", escape(.message, SHOWN_BYTES))]
    Wall {
        /// The wall, as `belljar::isolate::walls()` names it.
        wall: &'static str,
        /// The system's description; not part of the stable interface.
        message: String,
    },
}

/// How a worker ended that gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerEnd {
    /// A signal killed it.
    #[error("it was killed by signal {signal}{}", Named(*.signal))]
    Signal {
        /// The signal's number, as the system has it.
        signal: i32,
    },
    /// It left.
    #[error("it left with exit status {code}")]
    Exit {
        /// Its exit status.
        code: i32,
    },
    /// It said what no worker says, or more than it may; it was killed.
    #[error("it said what no worker says")]
    Garbage,
    /// It said nothing for too long; it was killed.
    #[error("it said nothing for {limit_ms} ms")]
    Silent {
        /// How long it was waited for, in milliseconds.
        limit_ms: u64,
    },
}

fn greeting(found: Option<&str>) -> String {
    match found {
        Some(found) => alloc::format!("it calls itself `{}`", escape(found, SHOWN_BYTES)),
        None => "it does not say so".into(),
    }
}

/// A signal's name, for those that have the same number on all systems or are Linux's.
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
            24 => "SIGXCPU: its time on the processor is used up",
            7 if cfg!(target_os = "linux") => "SIGBUS",
            31 if cfg!(target_os = "linux") => "SIGSYS: it asked the system for what it may not",
            _ => return Ok(()),
        };
        write!(f, " ({name})")
    }
}

impl IsolationError {
    pub(super) fn hint(&self) -> Option<String> {
        Some(match self {
            IsolationError::Nested | IsolationError::NotAWorker { .. } => {
                "a worker calls `belljar::isolate::worker()` first thing in `main`".into()
            }
            IsolationError::Start { .. } | IsolationError::Died { .. } => return None,
            IsolationError::Wall { .. } => {
                "the system, or what this process runs in, does not let it; without all walls nothing is run".into()
            }
        })
    }
}
