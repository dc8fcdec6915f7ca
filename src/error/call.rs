//! Errors of calls.

use alloc::{string::String, vec::Vec};

use serde::Serialize;
use thiserror::Error;

use super::StopReason;
use crate::data::{
    text::quote,
    value::{FuncType, ValueType},
};

/// Error of a call that the module or instance does not support.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallError {
    /// There is no entry function for `run`.
    #[error("the module exports neither `execute` nor `_start`")]
    NoEntry {
        /// Exported functions, sorted, at most 64.
        exports: Vec<String>,
    },
    /// No exported function has this name.
    #[error("the module exports no function {}", quote(.name))]
    NoFunction {
        /// Name in the call.
        name: String,
        /// Exported functions, sorted, at most 64.
        exports: Vec<String>,
    },
    /// The function has a different type than the call.
    #[error("the function {} is {expected}, called as {found}", quote(.name))]
    Signature {
        /// The function.
        name: String,
        /// Its type.
        expected: FuncType,
        /// Type of the call.
        found: FuncType,
    },
    /// A rerun did not end as the run did.
    #[error(
        "the run did not stop at fuel {expected} again but ended at {found}: its module, input, configuration or recorded effects differ"
    )]
    NotRepeated {
        /// Fuel of the run.
        expected: u64,
        /// Fuel of the rerun.
        found: u64,
    },
    /// The types of dynamic arguments are wrong.
    #[error("the function {} takes {}, called with {}", quote(.name), types(.expected), types(.found))]
    Arguments {
        /// The function.
        name: String,
        /// The parameter types.
        expected: Vec<ValueType>,
        /// Types of the arguments.
        found: Vec<ValueType>,
    },
    /// The function has a reference type, whose values are valid only in their store.
    #[error("the function {} has type {ty}: references cannot be passed to or from the host", quote(.name))]
    Reference {
        /// The function.
        name: String,
        /// Its type.
        ty: FuncType,
    },
    /// The module was loaded by another sandbox, and checked for its limits and host functions.
    #[error("the module was loaded by another sandbox")]
    OtherSandbox,
    /// The module was loaded under other values of the keys that are fixed when a module is loaded: `module.*`,
    /// `limits.call_depth` and `limits.value_stack_bytes`.
    #[error("the module was loaded under other values of {}", .keys.join(" and "))]
    OtherLimits {
        /// The keys, in the order of the documentation.
        keys: Vec<String>,
    },
    /// The instance was stopped by an earlier call; its state may be inconsistent.
    #[error("the instance was stopped by an earlier call: {0}")]
    Poisoned(StopReason),
    /// The execution has ended already.
    #[error("the execution has ended")]
    Ended,
}

/// The function that C programs have, and that is called by `_start`.
const MAIN: &str = "main";

/// Hint for a module without exported functions.
const NO_EXPORTS: &str = "it exports no functions: export one, in Rust with `#[unsafe(no_mangle)]` and `crate-type = \
                          [\"cdylib\"]`, in C with `__attribute__((export_name(\"execute\")))`";

fn types(types: &[ValueType]) -> String {
    use core::fmt::Write;
    let mut text = String::from("(");
    for (i, ty) in types.iter().enumerate() {
        let _ = write!(text, "{}{ty}", if i == 0 { "" } else { ", " });
    }
    text.push(')');
    text
}

impl CallError {
    pub(super) fn hint(&self) -> Option<String> {
        let (exports, how) = match self {
            CallError::NoEntry { exports } if exports.iter().any(|name| name == MAIN) => {
                let hint = "`main` is no entry: a compiler for WASI adds `_start`, which calls it; or export `execute`";
                return Some(hint.into());
            }
            CallError::NoEntry { exports } => (exports, "call one of its exports by name: "),
            CallError::NoFunction { exports, .. } => (exports, "it exports "),
            CallError::OtherSandbox => return Some("load the module with the sandbox that runs it".into()),
            CallError::OtherLimits { .. } => return Some("load the module with the sandbox that runs it".into()),
            CallError::Poisoned(_) => return Some("`reset` gives the instance fresh state".into()),
            _ => return None,
        };
        if exports.is_empty() {
            return Some(NO_EXPORTS.into());
        }
        let names: Vec<_> = exports.iter().take(12).map(|e| alloc::format!("{}", quote(e))).collect();
        let more = if exports.len() > 12 { ", …" } else { "" };
        Some(alloc::format!("{how}{}{more}", names.join(", ")))
    }
}
