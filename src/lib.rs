#![doc = include_str!("docs/crate.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(not(feature = "pooling"), forbid(unsafe_code))]
#![deny(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod abi;
#[cfg(feature = "cache")]
mod cache;
mod config;
mod data;
pub mod docs;
mod engine;
mod error;
mod host;
#[cfg(feature = "http")]
mod http;
#[cfg(not(feature = "http"))]
#[path = "http/disabled.rs"]
mod http;
#[cfg(all(feature = "isolate", unix))]
pub mod isolate;
mod load;
mod observe;
#[cfg(feature = "receipt")]
mod record;
#[cfg_attr(not(feature = "receipt"), path = "recorder/disabled.rs")]
mod recorder;
mod run;
mod sandbox;
#[doc(hidden)]
#[cfg(feature = "selftest")]
pub mod selftest;
mod sync;
#[cfg(feature = "json")]
mod tool;
#[cfg(feature = "wasi")]
mod wasi;
#[cfg(not(feature = "wasi"))]
#[path = "wasi/disabled.rs"]
mod wasi;

#[cfg(feature = "receipt")]
pub use crate::record::{Receipt, ReceiptError, Transcript, TranscriptError};
#[cfg(feature = "std")]
pub use crate::sandbox::batch::{Batch, Results};
pub use crate::{
    abi::capabilities::Capabilities,
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
    data::{
        files::{Change, Changes, FileBytes},
        input::Input,
        inspect::{CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, TableType},
        outcome::{Level, Log, LogEntry, Outcome, Usage},
        text::{Escaped, escape, escape_lines},
        url::Scheme,
        value::{FuncType, Value, ValueType},
    },
    engine::{
        meter,
        scalar::{Scalar, Scalars},
    },
    error::{
        AbiFault, CallError, ConfigError, ConfigProblem, DirectoryProblem, Error, Fault, HostFunctionProblem,
        ImportProblem, IsolationError, ModuleError, Position, StopReason, Stopped, Trap, WorkerEnd,
    },
    host::{
        async_function::IntoAsyncHostFunction,
        context::{Context, HostError},
        function::{HostFunction, HostResult, IntoHostFunction},
        pending_call::AsyncContext,
    },
    load::Module,
    run::{
        execution::{Execution, Step},
        instance::{Function, Instance},
        running::Running,
        scheduler::Scheduler,
    },
    sandbox::{Builder, Sandbox, execute, execute_shared, validate},
    sync::watch::Cancel,
};
#[cfg(feature = "cache")]
pub use crate::{
    cache::pin::{Pin, PinError},
    cache::{CacheError, ModuleCache},
};
#[cfg(feature = "json")]
pub use crate::{
    tool::manifest::{Example, MAX_MANIFEST_BYTES, Manifest, ManifestError, Requested, RequestedDir},
    tool::policy::{Ceiling, MissingCapability, Plan, PlanLine, Policy, Reason, Source},
    tool::schema::{
        Mismatch, Schema,
        error::{SchemaError, SchemaProblem},
    },
    tool::{Tool, ToolError, ToolOutput, run_json},
};

/// Receipts: records of runs that anyone can verify.
#[cfg(feature = "receipt")]
pub mod receipt {
    pub use crate::{
        data::digest::Digest,
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
