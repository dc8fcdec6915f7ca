//! A module that was refused.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use super::{Position, WorkerEnd, dotted, refused::refused};
use crate::text::quote;

/// Why a module was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModuleError {
    /// There are no bytes.
    #[error("the module is empty: 0 bytes")]
    Empty,
    /// The bytes are not WebAssembly.
    #[error("not a WebAssembly module: it starts with {found:02x?}, expected [00, 61, 73, 6d]{}", .like.map(|l| alloc::format!("; it looks like {l}")).unwrap_or_default())]
    NotWasm {
        /// The first bytes, at most 4.
        found: Vec<u8>,
        /// What the bytes look like, where that is known.
        like: Option<&'static str>,
    },
    /// A WebAssembly component, not a core module.
    #[error("a WebAssembly component, not a core module")]
    Component,
    /// A version of the binary format that is not 1.
    #[error("version {found} of the binary format; only version 1 is supported")]
    Version {
        /// The version found.
        found: u32,
    },
    /// The bytes end early or break the binary format.
    #[error("malformed at byte {offset}: {}", crate::text::escape(.message, crate::text::SHOWN_BYTES))]
    Malformed {
        /// Where, in bytes from the start.
        offset: u64,
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The module breaks a validation rule of the WebAssembly specification.
    #[error("invalid at byte {offset}: {}", crate::text::escape(.message, crate::text::SHOWN_BYTES))]
    Invalid {
        /// Where, in bytes from the start.
        offset: u64,
        /// The validator's description; not part of the stable interface.
        message: String,
    },
    /// A valid module of a proposal, or an operator, that belljar does not run.
    #[error("it needs {feature} (at byte {offset}), which belljar does not run")]
    Unsupported {
        /// The proposal or operator.
        feature: &'static str,
        /// Where it is needed first, in bytes from the start.
        offset: u64,
    },
    /// A quantity is beyond its limit.
    #[error("{found} {unit} exceed the limit `{key}` of {limit}")]
    Limit {
        /// The key of the limit in the configuration (`module.functions`).
        key: &'static str,
        /// The limit.
        limit: u64,
        /// What the module has, or has at least.
        found: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// Imports that nothing provides, sorted by module and name.
    #[error("{} of its imports cannot be provided: {}", .total, list(.imports, *.total))]
    Imports {
        /// The first of them, at most 64.
        imports: Vec<ImportProblem>,
        /// How many there are.
        total: u64,
    },
    /// A function that takes pointers is imported, but there is no memory to point into.
    #[error("it imports {} but does not export a memory named `memory`", quote(.import))]
    NoMemory {
        /// One of the imports.
        import: String,
    },
    /// An export that the ABI gives a meaning has another type.
    #[error("its export `{name}` is {found}, expected {expected}")]
    Entry {
        /// `execute`, `_start`, `_initialize`, `alloc` or `memory`.
        name: &'static str,
        /// The type the ABI asks for.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// The text form is wrong.
    #[error("not valid WebAssembly text at {at}: {}", crate::text::escape(.message, crate::text::SHOWN_BYTES))]
    Text {
        /// Where.
        at: Position,
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The host had no memory left for what loading it may take.
    #[error("the host is out of memory: loading it may take {bytes} bytes")]
    HostMemory {
        /// How much was asked for.
        bytes: u64,
    },
    /// The bytes are not those that were pinned.
    #[error("not the module that is pinned: its SHA-256 is {found}, expected {pinned}")]
    Pinned {
        /// The SHA-256 of the pin, in hexadecimal digits.
        pinned: String,
        /// That of the bytes.
        found: String,
    },
    /// The engine failed on a valid module: a bug in it.
    #[error("the engine failed to translate it: {}", crate::text::escape(.message, crate::text::SHOWN_BYTES))]
    Engine {
        /// The engine's description; not part of the stable interface.
        message: String,
    },
    /// The process that was to load it, isolated, died of it.
    #[error("the worker died of it: {0}")]
    Worker(WorkerEnd),
}

/// An import that cannot be provided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct ImportProblem {
    /// The import's module name.
    pub module: String,
    /// The import's name.
    pub name: String,
    /// What is imported, with its type.
    pub found: String,
    /// The type that is provided under this name; `None` if none is.
    pub expected: Option<String>,
    /// The power that it asks for, if it is one that no guest gets ([`REFUSED`](crate::abi::refused::REFUSED)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'static str>,
}

impl fmt::Display for ImportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dotted(&self.module, &self.name))?;
        match (&self.expected, self.refused) {
            (Some(expected), _) => write!(f, " has type {}, expected {expected}", self.found),
            (None, Some(power)) => write!(f, " ({}) is refused by design: {power}", self.found),
            (None, None) => write!(f, " ({}) is unknown", self.found),
        }
    }
}

fn list(imports: &[ImportProblem], total: u64) -> String {
    use core::fmt::Write;
    /// Names and types are the module's to choose: 64 of them could fill a hundred pages.
    const SHOWN: usize = 4096;
    let mut text = String::new();
    let mut shown = 0;
    for import in imports {
        let _ = write!(text, "{}{import}", if shown == 0 { "" } else { "; " });
        shown += 1;
        if text.len() >= SHOWN {
            break;
        }
    }
    let left = total.saturating_sub(shown);
    if left > 0 {
        let _ = write!(text, "; and {left} more");
    }
    text
}

impl ModuleError {
    pub(super) fn hint(&self) -> Option<String> {
        Some(match self {
            ModuleError::NotWasm { like: Some("WebAssembly text"), .. } => {
                "text is read only where it is asked for: `load_text` in code, `--text` on the command line".into()
            }
            ModuleError::Component => "unpack its core module, for example with `wasm-tools component unbundle`".into(),
            ModuleError::Limit { key, .. } => {
                alloc::format!("raise `{key}` in the configuration, or choose `profile = \"large\"`")
            }
            ModuleError::Imports { imports, .. } if imports.iter().any(|import| import.refused.is_some()) => {
                let import = imports.iter().find(|import| import.refused.is_some())?;
                refused(&import.module, &import.name)?.why.into()
            }
            ModuleError::Imports { imports, .. } => match imports.first()?.module.as_str() {
                "wasi_snapshot_preview1" | "wasi_unstable" if cfg!(feature = "wasi") => {
                    "`belljar::abi::wasi` lists what belljar provides of WASI preview 1".into()
                }
                "wasi_snapshot_preview1" | "wasi_unstable" => {
                    "the module was built for WASI: a build of belljar with the feature `wasi` runs it".into()
                }
                "env" => {
                    "`belljar::abi` lists what belljar provides in `env`; register others on the sandbox builder".into()
                }
                "http" if cfg!(feature = "http") => {
                    "grant it requests with `http.allow`; `belljar::abi::http` lists what it can import then".into()
                }
                "http" => {
                    "register the function on the sandbox builder, or grant requests in a build with the feature `http`"
                        .into()
                }
                _ => "register the function on the sandbox builder, or build the guest without it".into(),
            },
            ModuleError::NoMemory { .. } => "export the guest's memory under the name `memory`".into(),
            _ => return None,
        })
    }
}
