#![doc = include_str!("docs/crate.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(not(feature = "pooling"), forbid(unsafe_code))]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used,
        reason = "a test fails by a panic"
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod abi;
#[cfg(feature = "cache")]
pub mod cache;
pub mod config;
mod data;
pub mod docs;
mod engine;
pub mod error;
#[cfg(feature = "explain")]
pub mod explain;
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
pub mod record;
#[cfg_attr(not(feature = "receipt"), path = "recorder/disabled.rs")]
mod recorder;
mod run;
mod sandbox;
#[doc(hidden)]
#[cfg(feature = "selftest")]
pub mod selftest;
mod sync;
#[cfg(feature = "tool")]
pub mod tool;
#[cfg(feature = "wasi")]
mod wasi;
#[cfg(not(feature = "wasi"))]
#[path = "wasi/disabled.rs"]
mod wasi;

#[cfg(feature = "std")]
pub use crate::sandbox::batch;
pub use crate::{
    config::{
        limits::{Limits, ModuleLimits},
        profile::Profile,
        run_options::RunOptions,
        top_level::Config,
    },
    data::{
        files,
        input::Input,
        outcome::{Level, Log, LogEntry, Outcome, Usage},
        text,
        value::{FuncType, Value, ValueType},
    },
    engine::{
        dispatch::{Dispatch, dispatch},
        meter,
    },
    error::{
        call::CallError,
        config::ConfigError,
        module::ModuleError,
        phase::Error,
        stop::{GuestFault, HostStop, LimitExceeded, StopReason, Stopped, Trap},
    },
    host::{
        context::{Context, HostError},
        function::HostFunction,
        pending_call::AsyncContext,
    },
    load::Module,
    run::{
        execution::{Execution, Step},
        instance::{Function, Instance},
        running::Running,
        scheduler::Scheduler,
    },
    sandbox::{Sandbox, builder::Builder, execute, execute_shared, validate},
    sync::watch::Cancel,
};

/// Inspection of a module without running it: imports, exports, capabilities.
pub mod inspect {
    pub use crate::{
        abi::capabilities::Capabilities,
        data::inspect::{CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, TableType},
    };
}

/// Traits of host functions and of typed calls: closures and values that stand for WebAssembly functions and values.
pub mod traits {
    pub use crate::{
        engine::scalar::{Scalar, Scalars},
        host::{
            async_function::IntoAsyncHostFunction,
            function::{HostResult, IntoHostFunction},
        },
    };
}
