//! Errors of modules that were refused.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::{
    EndClass, Feature, FileFormat, Position, Unit, WorkerEnd, dotted, foreign,
    refused::{RefusedCapability, refused},
};
use crate::data::{extern_type::ExternType, text::quote, value::FuncType};

/// Reason why a module was refused.
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
        /// First bytes, at most 4.
        found: Vec<u8>,
        /// Format that the bytes resemble, if it is known.
        like: Option<FileFormat>,
    },
    /// The bytes are a WebAssembly component, not a core module.
    #[error("a WebAssembly component, not a core module")]
    Component,
    /// The version of the binary format is not 1.
    #[error("version {found} of the binary format; only version 1 is supported")]
    Version {
        /// Version found.
        found: u32,
    },
    /// The bytes end early or break the binary format.
    #[error("malformed at byte {offset}: {}", crate::data::text::escape(.message, crate::data::text::SHOWN_BYTES))]
    Malformed {
        /// Position in bytes from the start.
        offset: u64,
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The module breaks a validation rule of the WebAssembly specification.
    #[error("invalid at byte {offset}: {}", crate::data::text::escape(.message, crate::data::text::SHOWN_BYTES))]
    Invalid {
        /// Position in bytes from the start.
        offset: u64,
        /// The validator's description; not part of the stable interface.
        message: String,
    },
    /// The module is valid, but uses a proposal or an operator that belljar does not support.
    #[error("it needs {feature} (at byte {offset}), which belljar does not support")]
    Unsupported {
        /// Proposal or operator.
        feature: Feature,
        /// Position of the first use, in bytes from the start.
        offset: u64,
    },
    /// A quantity exceeds its limit.
    #[error("{found} {unit} exceed the limit `{key}` of {limit}")]
    Limit {
        /// Key of the limit in the configuration (`module.functions`).
        key: &'static str,
        /// The limit.
        limit: u64,
        /// Value of the module, or a lower bound of it.
        found: u64,
        /// Unit.
        unit: Unit,
    },
    /// Imports are not provided; sorted by module and name.
    #[error("{} of its imports cannot be provided: {}", .total, list(.imports, *.total))]
    Imports {
        /// First of these imports, at most 64.
        imports: Vec<ImportProblem>,
        /// Total number of these imports.
        total: u64,
    },
    /// A function that takes pointers is imported, but no memory is exported.
    #[error("it imports {} but does not export a memory named `memory`", quote(.import))]
    NoMemory {
        /// One of the imports.
        import: String,
    },
    /// An export with a meaning in the ABI has the wrong type.
    #[error("its export `{name}` is {found}, expected {expected}")]
    Entry {
        /// `execute`, `_start`, `_initialize`, `alloc` or `memory`.
        name: String,
        /// Type required by the ABI.
        expected: EntryType,
        /// Type found.
        #[serde(serialize_with = "displayed")]
        found: ExternType,
    },
    /// The text format has a syntax error.
    #[error("not valid WebAssembly text at {at}: {}", crate::data::text::escape(.message, crate::data::text::SHOWN_BYTES))]
    Text {
        /// Position.
        at: Position,
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The host has not enough memory to load the module.
    #[error("the host is out of memory: loading may take {bytes} bytes")]
    HostMemory {
        /// Bytes that were requested.
        bytes: u64,
    },
    /// The bytes do not match the pin.
    #[error("the module does not match its pin: its SHA-256 is {found}, expected {pinned}")]
    Pinned {
        /// SHA-256 of the pin, in hexadecimal digits.
        pinned: String,
        /// SHA-256 of the bytes.
        found: String,
    },
    /// The engine failed to translate a valid module: a bug in the engine.
    #[error("the engine failed to translate it: {}", crate::data::text::escape(.message, crate::data::text::SHOWN_BYTES))]
    Engine {
        /// The engine's description; not part of the stable interface.
        message: String,
    },
    /// The worker process died while it loaded the module.
    #[error("the worker died while loading: {0}")]
    Worker(WorkerEnd),
}

/// Import that cannot be provided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImportProblem {
    /// Module name.
    pub module: String,
    /// Name.
    pub name: String,
    /// Kind and type of the import.
    #[serde(serialize_with = "displayed")]
    pub found: ExternType,
    /// Type that is provided under this name, if any.
    #[serde(serialize_with = "displayed_if_any")]
    pub expected: Option<ExternType>,
    /// Capability that is never granted ([`REFUSED`](crate::abi::refused::REFUSED)), if the import needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedCapability>,
    /// Function that is provided under a similar name, if there is one (`env.read_input`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near: Option<String>,
}

impl ImportProblem {
    /// Returns what to do about it: why it is refused, for what host the module was built, or which function was meant.
    pub fn hint(&self) -> Option<String> {
        if self.refused.is_some() {
            return refused(&self.module, &self.name).map(|refused| refused.why.into());
        }
        if self.expected.is_some() {
            return Some("declare it in the guest with the type that is expected".into());
        }
        let near = || self.near.as_ref().map(|near| alloc::format!("did you mean `{near}`?"));
        near().or_else(|| foreign::hint(&self.module, &self.name, &self.found).map(String::from))
    }
}

/// Type that the ABI requires of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryType {
    /// A function of this type.
    Function(FuncType),
    /// A memory of any type.
    Memory,
}

impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryType::Function(ty) => write!(f, "{ty}"),
            EntryType::Memory => f.write_str("a memory"),
        }
    }
}

impl Serialize for EntryType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        displayed(self, serializer)
    }
}

/// Serializes a value as it is displayed.
fn displayed<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn displayed_if_any<S: Serializer>(value: &Option<impl fmt::Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

impl fmt::Display for ImportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dotted(&self.module, &self.name))?;
        match (&self.expected, self.refused) {
            (Some(expected), _) => write!(f, " has type {}, expected {expected}", self.found),
            (None, Some(capability)) => write!(f, " ({}) is refused by design: {capability}", self.found),
            (None, None) => write!(f, " ({}) is unknown", self.found),
        }
    }
}

fn list(imports: &[ImportProblem], total: u64) -> String {
    use core::fmt::Write;
    /// The module chooses names and types: 64 of them could fill a hundred pages.
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

/// Returns the hint for imports that cannot be provided: of one that is refused by design, or of one that is unknown.
/// That of a wrong type is the last.
fn imports_hint(imports: &[ImportProblem]) -> Option<String> {
    let refused = imports.iter().filter(|import| import.refused.is_some());
    let unknown = || imports.iter().filter(|import| import.expected.is_none());
    let own = refused.chain(unknown()).find_map(ImportProblem::hint);
    if own.is_some() {
        return own;
    }
    let of_system =
        unknown().find(|import| matches!(&*import.module, "wasi_snapshot_preview1" | "wasi_unstable" | "http"));
    let Some(import) = of_system.or_else(|| unknown().next()) else { return imports.first()?.hint() };
    let hint = match &*import.module {
        "wasi_snapshot_preview1" | "wasi_unstable" if cfg!(feature = "wasi") => {
            "see `belljar::abi::wasi` for the functions of WASI preview 1 that belljar provides"
        }
        "wasi_snapshot_preview1" | "wasi_unstable" => {
            "the module was built for WASI: use a build of belljar with the feature `wasi`"
        }
        "env" => "see `belljar::abi` for the functions of `env`; register others on the sandbox builder",
        "http" if cfg!(feature = "http") => {
            "grant requests with `http.allow`; see `belljar::abi::http` for the functions"
        }
        "http" => "register the function on the sandbox builder, or grant requests in a build with the feature `http`",
        _ => "register the function on the sandbox builder, or build the guest without it",
    };
    Some(hint.into())
}

impl ModuleError {
    /// Returns whether the same module is refused again.
    pub fn class(&self) -> EndClass {
        match self {
            ModuleError::Empty
            | ModuleError::NotWasm { .. }
            | ModuleError::Component
            | ModuleError::Version { .. }
            | ModuleError::Malformed { .. }
            | ModuleError::Invalid { .. }
            | ModuleError::Unsupported { .. }
            | ModuleError::Limit { .. }
            | ModuleError::Imports { .. }
            | ModuleError::NoMemory { .. }
            | ModuleError::Entry { .. }
            | ModuleError::Text { .. }
            | ModuleError::Pinned { .. } => EndClass::Deterministic,
            ModuleError::HostMemory { .. } | ModuleError::Engine { .. } | ModuleError::Worker(_) => {
                EndClass::NotReproducible
            }
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        Some(match self {
            ModuleError::NotWasm { like: Some(FileFormat::WasmText), .. } => {
                "use `load_text` in code, or `--text` on the command line, to load the text format".into()
            }
            ModuleError::Component => {
                "build a core module for WASI preview 1: in Rust for the target `wasm32-wasip1`, in Go \
                 with `GOOS=wasip1`"
                    .into()
            }
            ModuleError::Unsupported { feature, .. } => feature.hint()?.into(),
            ModuleError::Limit { key, .. } => {
                alloc::format!("raise `{key}` in the configuration, or choose `profile = \"large\"`")
            }
            ModuleError::Imports { imports, .. } => imports_hint(imports)?,
            ModuleError::NoMemory { .. } => "export the guest's memory under the name `memory`".into(),
            _ => return None,
        })
    }
}
