#![doc = include_str!("docs/crate.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(not(feature = "pooling"), forbid(unsafe_code))]
#![deny(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod abi;
#[cfg(feature = "std")]
mod batch;
#[cfg(feature = "cache")]
mod cache;
mod config;
#[cfg(feature = "receipt")]
mod digest;
mod dispatch;
pub mod docs;
#[cfg(feature = "json")]
mod document;
mod error;
mod execution;
mod files;
mod hex;
mod host;
#[cfg(feature = "http")]
mod http;
#[cfg(not(feature = "http"))]
#[path = "http/disabled.rs"]
mod http;
mod input;
mod inspect;
mod instance;
#[cfg(all(feature = "isolate", unix))]
pub mod isolate;
mod machine;
#[cfg(feature = "json")]
mod manifest;
pub mod meter;
mod module;
mod observe;
mod outcome;
#[cfg(feature = "cache")]
mod pin;
#[cfg(feature = "json")]
mod policy;
mod pool;
mod recent;
#[cfg(feature = "receipt")]
mod record;
#[cfg_attr(not(feature = "receipt"), path = "recorder/disabled.rs")]
mod recorder;
mod running;
mod sandbox;
mod scheduler;
#[cfg(feature = "json")]
mod schema;
#[doc(hidden)]
#[cfg(feature = "selftest")]
pub mod selftest;
mod sync;
mod text;
#[cfg(feature = "json")]
mod tool;
mod types;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "rules need only parts of it"))]
mod url;
mod value;
mod wait;
#[cfg(feature = "wasi")]
mod wasi;
#[cfg(not(feature = "wasi"))]
#[path = "wasi/disabled.rs"]
mod wasi;
mod watch;

#[cfg(feature = "std")]
pub use crate::batch::{Batch, Results};
#[cfg(feature = "receipt")]
pub use crate::record::{Receipt, ReceiptError, Transcript, TranscriptError};
#[cfg(feature = "cache")]
pub use crate::{
    cache::{CacheError, ModuleCache},
    pin::{Pin, PinError},
};
pub use crate::{
    config::{
        Config, Faults, Key, Limits, MAX_TEXT_BYTES, ModuleLimits, OnGrowthLimit, Profile,
        bound::MemoryBound,
        dirs::{Access, HostDir},
        http::{Http, HttpRule},
        lines::SourceLines,
        log::LogLevel,
        preset::Preset,
        setting::Setting,
        wasi::{Clock, Random, Wasi},
    },
    error::{
        AbiFault, CallError, ConfigError, ConfigProblem, DirectoryProblem, Error, Fault, HostFunctionProblem,
        ImportProblem, IsolationError, ModuleError, Position, StopReason, Stopped, Trap, WorkerEnd,
    },
    execution::{Execution, Step},
    files::{Change, Changes, FileBytes},
    host::{
        async_function::IntoAsyncHostFunction,
        context::{Context, HostError},
        function::{HostResult, IntoHostFunction},
        pending_call::AsyncContext,
    },
    input::Input,
    inspect::{Capabilities, CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, TableType},
    instance::{Function, Instance},
    module::Module,
    outcome::{Level, Log, LogEntry, Outcome, Usage},
    running::Running,
    sandbox::{Builder, Sandbox, execute, execute_shared, validate},
    scheduler::Scheduler,
    text::{Escaped, escape, escape_lines},
    types::{Scalar, Scalars},
    url::Scheme,
    value::{FuncType, Value, ValueType},
    watch::Cancel,
};
#[cfg(feature = "json")]
pub use crate::{
    manifest::{Example, MAX_MANIFEST_BYTES, Manifest, ManifestError, Requested, RequestedDir},
    policy::{Ceiling, MissingCapability, Plan, PlanLine, Policy, Reason, Source},
    schema::{
        Mismatch, Schema,
        error::{SchemaError, SchemaProblem},
    },
    tool::{Tool, ToolError, ToolOutput, run_json},
};

/// Receipts: records of runs that anyone can verify.
#[cfg(feature = "receipt")]
pub mod receipt {
    pub use crate::{
        digest::Digest,
        record::{Difference, Entry, Excess, Given, MAX_RECEIPT_BYTES, RECEIPT_VERSION, Receipt, ReceiptError, Rules},
    };
}

/// Transcripts: records of what runs received from the host environment, to replay the runs without it.
#[cfg(feature = "receipt")]
pub mod transcript {
    pub use crate::{
        record::{Declared, Header, MAX_TRANSCRIPT_BYTES, TRANSCRIPT_VERSION, Transcript, TranscriptError},
        recorder::effect::{Bytes, Effect, HostAction, HostEnd},
    };
}
