//! What can go wrong, one variant per phase, causes as data.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::{
    outcome::{Log, Usage},
    text::quote,
    value::{FuncType, ValueType},
};

/// Why there is no [`Outcome`](crate::Outcome): one variant per phase.
///
/// Equal causes are equal values; nothing has to be read out of a message.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Error {
    /// The configuration, or the sandbox built from it, cannot be.
    #[error("configuration: {0}")]
    Config(Box<ConfigError>),
    /// The module was refused.
    #[error("module refused: {0}")]
    Module(Box<ModuleError>),
    /// The host asked for a call that the module does not offer.
    #[error("call: {0}")]
    Call(Box<CallError>),
    /// The guest was stopped. Its partial output, log and usage are inside.
    #[error("{}", .0.reason)]
    Stopped(Box<Stopped>),
}

macro_rules! boxed {
    ($($cause:ident => $variant:ident),*) => {$(
        impl From<$cause> for Error {
            fn from(cause: $cause) -> Self {
                Error::$variant(Box::new(cause))
            }
        }
    )*};
}
boxed!(ConfigError => Config, ModuleError => Module, CallError => Call, Stopped => Stopped);

impl Error {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Config(e) => e.hint(),
            Error::Module(e) => e.hint(),
            Error::Call(e) => e.hint(),
            Error::Stopped(stopped) => stopped.reason.hint(),
        }
    }

    /// Why the guest was stopped, if it was.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        match self {
            Error::Stopped(stopped) => Some(&stopped.reason),
            Error::Config(_) | Error::Module(_) | Error::Call(_) => None,
        }
    }
}

// ---------------------------------------------------------------------------------------- config

/// A configuration that cannot be: where, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConfigError {
    /// The key, as a path (`limits.fuel`); empty where the text has no keys.
    pub key: String,
    /// Line and column in the text, from 1; `None` for a configuration made in code.
    pub at: Option<Position>,
    /// What is wrong with it.
    pub problem: ConfigProblem,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl Position {
    pub(crate) fn of(text: &str, offset: usize) -> Position {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() as u64 + 1;
        Position { line, column: before[start..].chars().count() as u64 + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The text is not TOML.
    #[error("not valid TOML: {}", crate::text::escape(.message, crate::text::SHOWN_BYTES))]
    Syntax {
        /// The parser's description; not part of the stable interface.
        message: String,
    },
    /// The text is longer than a configuration may be.
    #[error("{size} bytes of text; at most {limit} are read")]
    TooLong {
        /// Size of the text in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// No such key.
    #[error("unknown key; valid here: {}", .valid.join(", "))]
    UnknownKey {
        /// The names that are valid at this place, sorted.
        valid: Vec<&'static str>,
    },
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The type that is expected, with its unit.
        expected: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// A number outside its range.
    #[error("{value} is outside {min} to {max} ({unit})")]
    OutOfRange {
        /// The value found.
        value: i128,
        /// The smallest valid value.
        min: u64,
        /// The largest valid value.
        max: u64,
        /// What the number counts.
        unit: &'static str,
    },
    /// A word that is not one of the valid ones.
    #[error("{} is not one of {}", quote(.value), .valid.join(", "))]
    UnknownWord {
        /// The word found.
        value: String,
        /// The valid words.
        valid: Vec<&'static str>,
    },
    /// This build cannot enforce the key.
    #[error("this build of belljar cannot enforce it: it needs the feature `{feature}`")]
    Unenforceable {
        /// The Cargo feature that can.
        feature: &'static str,
    },
    /// A host function cannot be registered under this name.
    #[error("a host function cannot be registered as {}: {why}", quote(.name))]
    HostFunction {
        /// `module.function`.
        name: String,
        /// Why not.
        why: HostFunctionProblem,
    },
}

/// Why a host function cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostFunctionProblem {
    /// The module name is belljar's own.
    #[error("the module name `env` is reserved")]
    Reserved,
    /// The name was registered before.
    #[error("it is registered already")]
    Duplicate,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{at}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", quote(&self.key))?;
        }
        write!(f, "{}", self.problem)
    }
}

impl core::error::Error for ConfigError {}

impl ConfigError {
    fn hint(&self) -> Option<String> {
        match &self.problem {
            ConfigProblem::UnknownKey { valid } => {
                let name = self.key.rsplit('.').next().unwrap_or_default();
                let near = valid.iter().min_by_key(|v| distance(name, v))?;
                (distance(name, near) <= 3).then(|| alloc::format!("did you mean `{near}`?"))
            }
            ConfigProblem::Unenforceable { feature } => {
                Some(alloc::format!("build belljar with the feature `{feature}`, or leave the key out"))
            }
            _ => None,
        }
    }
}

/// The number of single-character edits between two names (Levenshtein), for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

// ---------------------------------------------------------------------------------------- module

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
    /// The engine failed on a valid module: a bug in it, or memory it could not get.
    #[error("the engine failed to translate it: {}", crate::text::escape(.message, crate::text::SHOWN_BYTES))]
    Engine {
        /// The engine's description; not part of the stable interface.
        message: String,
    },
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
}

impl fmt::Display for ImportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dotted(&self.module, &self.name))?;
        match &self.expected {
            Some(expected) => write!(f, " has type {}, expected {expected}", self.found),
            None => write!(f, " ({}) is unknown", self.found),
        }
    }
}

/// Two names as one, in quotes.
fn dotted(module: &str, name: &str) -> String {
    alloc::format!("{}", quote(&alloc::format!("{module}.{name}")))
}

fn list(imports: &[ImportProblem], total: u64) -> String {
    use core::fmt::Write;
    let mut text = String::new();
    for (i, import) in imports.iter().enumerate() {
        let _ = write!(text, "{}{import}", if i == 0 { "" } else { "; " });
    }
    let left = total.saturating_sub(imports.len() as u64);
    if left > 0 {
        let _ = write!(text, "; and {left} more");
    }
    text
}

impl ModuleError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            ModuleError::NotWasm { like: Some("WebAssembly text"), .. } => {
                "text is read only where it is asked for: `load_text` in code, `--text` on the command line".into()
            }
            ModuleError::Component => "unpack its core module, for example with `wasm-tools component unbundle`".into(),
            ModuleError::Limit { key, .. } => {
                alloc::format!("raise `{key}` in the configuration, or choose `profile = \"large\"`")
            }
            ModuleError::Imports { imports, .. } => match imports.first()?.module.as_str() {
                "wasi_snapshot_preview1" | "wasi_unstable" => {
                    "the module was built for WASI, which this build does not provide".into()
                }
                "env" => "the functions of `env` are listed in the documentation of `belljar::abi`".into(),
                _ => "register the function on the sandbox builder, or build the guest without it".into(),
            },
            ModuleError::NoMemory { .. } => "export the guest's memory under the name `memory`".into(),
            _ => return None,
        })
    }
}

// ------------------------------------------------------------------------------------------ call

/// A call that the module does not offer.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallError {
    /// `run` needs an entry function.
    #[error("the module exports neither `execute` nor `_start`")]
    NoEntry {
        /// The functions it exports, sorted, at most 64.
        exports: Vec<String>,
    },
    /// No exported function has this name.
    #[error("the module exports no function {}", quote(.name))]
    NoFunction {
        /// The name asked for.
        name: String,
        /// The functions it exports, sorted, at most 64.
        exports: Vec<String>,
    },
    /// The function has another type than the call.
    #[error("the function {} is {expected}, called as {found}", quote(.name))]
    Signature {
        /// The function.
        name: String,
        /// Its type.
        expected: FuncType,
        /// The type the call has.
        found: FuncType,
    },
    /// Wrong arguments in a call by value.
    #[error("the function {} takes {}, called with {}", quote(.name), types(.expected), types(.found))]
    Arguments {
        /// The function.
        name: String,
        /// The parameter types.
        expected: Vec<ValueType>,
        /// The types of the arguments given.
        found: Vec<ValueType>,
    },
    /// A reference type, whose values cannot leave their store.
    #[error("the function {} has type {ty}: references cannot be passed to or from the host", quote(.name))]
    Reference {
        /// The function.
        name: String,
        /// Its type.
        ty: FuncType,
    },
    /// The module was loaded by another sandbox, whose limits and host functions it was checked for.
    #[error("the module was loaded by another sandbox")]
    OtherSandbox,
    /// The instance was stopped by an earlier call; its state may be half-written.
    #[error("the instance was stopped by an earlier call: {0}")]
    Poisoned(StopReason),
    /// The execution came to its end before.
    #[error("the execution has ended")]
    Ended,
}

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
    fn hint(&self) -> Option<String> {
        let (exports, how) = match self {
            CallError::NoEntry { exports } => (exports, "call one of its exports by name: "),
            CallError::NoFunction { exports, .. } => (exports, "it exports "),
            CallError::OtherSandbox => return Some("load the module with the sandbox that runs it".into()),
            CallError::Poisoned(_) => return Some("`reset` gives the instance fresh state".into()),
            _ => return None,
        };
        if exports.is_empty() {
            return Some("it exports no function at all".into());
        }
        let names: Vec<_> = exports.iter().take(12).map(|e| alloc::format!("{}", quote(e))).collect();
        let more = if exports.len() > 12 { ", …" } else { "" };
        Some(alloc::format!("{how}{}{more}", names.join(", ")))
    }
}

// --------------------------------------------------------------------------------------- stopped

/// A guest that was stopped: why, and what it had produced by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stopped {
    /// Why.
    pub reason: StopReason,
    /// What the guest had written.
    pub output: Vec<u8>,
    /// What the guest had logged.
    pub log: Log,
    /// What the run had used; `usage.fuel` is the fuel at which it stopped.
    pub usage: Usage,
}

/// Why a guest was stopped. Each limit carries the limit, each ABI fault both sides.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// The fuel is used up.
    #[error("stopped: the fuel limit of {limit} is used up")]
    Fuel {
        /// `limits.fuel`, in units.
        limit: u64,
    },
    /// The guest asked for more memory than it may have.
    #[error("stopped: memory of {asked} bytes asked for; the limit is {limit}")]
    Memory {
        /// `limits.memory_bytes`.
        limit: u64,
        /// The sum of all memories the growth would have made, in bytes.
        asked: u64,
    },
    /// The guest asked for larger tables than it may have.
    #[error("stopped: tables of {asked} elements asked for; the limit is {limit}")]
    Table {
        /// `limits.table_elements`.
        limit: u64,
        /// The sum of all tables the growth would have made, in elements.
        asked: u64,
    },
    /// Calls nested too deeply, or too many values on the stack: the engine does not tell which.
    #[error("stopped: stack overflow; the limits are {call_depth} calls and {value_stack_bytes} bytes of values")]
    Stack {
        /// `limits.call_depth`, in calls.
        call_depth: u64,
        /// `limits.value_stack_bytes`.
        value_stack_bytes: u64,
    },
    /// The guest wrote more output than it may.
    #[error("stopped: output of {asked} bytes; the limit is {limit}")]
    Output {
        /// `limits.output_bytes`.
        limit: u64,
        /// The size the output would have had, in bytes.
        asked: u64,
    },
    /// The guest called the host too often.
    #[error("stopped: more than {limit} host calls")]
    HostCalls {
        /// `limits.host_calls`.
        limit: u64,
    },
    /// The deadline passed. Not deterministic: `usage.fuel` tells where it struck.
    #[error("stopped: the deadline of {limit_ms} ms passed")]
    Deadline {
        /// `deadline_ms`.
        limit_ms: u64,
    },
    /// The host cancelled the run. Not deterministic: `usage.fuel` tells where it struck.
    #[error("stopped: cancelled by the host")]
    Cancelled,
    /// The guest did what WebAssembly answers with a trap.
    #[error("the guest trapped: {0}")]
    Trap(Trap),
    /// The guest ended its run with `fail`.
    #[error("the guest failed: {}", crate::text::escape(.message, 4096))]
    Failed {
        /// The guest's words, at most 4,096 bytes of them.
        message: String,
    },
    /// The guest ended its run with `abort`.
    #[error("the guest aborted: {} ({}:{line}:{column})", crate::text::escape(.message, 4096), crate::text::escape(.file, 256))]
    Aborted {
        /// The guest's words, at most 4,096 UTF-16 units of them.
        message: String,
        /// The source file, as the guest names it.
        file: String,
        /// Line in the source file.
        line: u32,
        /// Column in the source file.
        column: u32,
    },
    /// The entry function returned a status other than 0.
    #[error("the guest returned status {code}")]
    Status {
        /// The status.
        code: i32,
    },
    /// The guest broke the ABI.
    #[error("the guest broke the ABI: {0}")]
    Abi(AbiFault),
    /// A host function of the embedding program failed.
    #[error("host function {} failed: {}", dotted(.module, .function), crate::text::escape(.message, 4096))]
    HostFunction {
        /// The import's module name.
        module: String,
        /// The import's name.
        function: String,
        /// What the function said.
        message: String,
    },
    /// A host function, or a `tracing` subscriber it called, panicked; the panic was contained.
    #[error("host function {} panicked: {}", dotted(.module, .function), crate::text::escape(.message, 4096))]
    HostPanic {
        /// The import's module name; `env` for belljar's own functions.
        module: String,
        /// The import's name.
        function: String,
        /// The panic's message.
        message: String,
    },
    /// The host had no memory left for what the guest was allowed to use.
    #[error("the host is out of memory: {what}")]
    HostMemory {
        /// What the memory was for.
        what: &'static str,
    },
    /// The engine failed in a way that no guest should be able to cause.
    #[error("the engine failed: {}", crate::text::escape(.message, 4096))]
    Engine {
        /// The engine's description; not part of the stable interface.
        message: String,
    },
}

/// A trap, as the WebAssembly specification has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trap {
    /// `unreachable` was executed.
    #[error("unreachable executed")]
    Unreachable,
    /// A load, a store or a data segment beyond the end of a memory.
    #[error("out of bounds memory access")]
    MemoryOutOfBounds,
    /// An access or an element segment beyond the end of a table.
    #[error("out of bounds table access")]
    TableOutOfBounds,
    /// An indirect call of an empty table slot.
    #[error("indirect call of null")]
    IndirectCallToNull,
    /// An indirect call of a function of another type.
    #[error("indirect call type mismatch")]
    BadSignature,
    /// An integer division by zero.
    #[error("integer division by zero")]
    IntegerDivisionByZero,
    /// An integer division or conversion whose result does not fit.
    #[error("integer overflow")]
    IntegerOverflow,
    /// A conversion of a NaN to an integer.
    #[error("invalid conversion to integer")]
    BadConversionToInteger,
}

/// How a guest broke the ABI. Pointers and lengths are unsigned.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AbiFault {
    /// A range that does not lie in the memory.
    #[error("{}: the range at {ptr} of {len} bytes is outside the memory of {memory} bytes", quote(.function))]
    Range {
        /// The function that was called.
        function: String,
        /// Start of the range.
        ptr: u32,
        /// Length of the range in bytes.
        len: u32,
        /// Size of the memory in bytes.
        memory: u64,
    },
    /// Text that is not UTF-8.
    #[error("{}: the text at {ptr} of {len} bytes is not UTF-8 after byte {valid}", quote(.function))]
    Utf8 {
        /// The function that was called.
        function: String,
        /// Start of the text.
        ptr: u32,
        /// Length of the text in bytes.
        len: u32,
        /// How many bytes of it are UTF-8.
        valid: u32,
    },
    /// A log level that does not exist.
    #[error("{}: log level {level}; levels are 0 to 4", quote(.function))]
    Level {
        /// The function that was called.
        function: String,
        /// The level given.
        level: i32,
    },
    /// A host function was called before the guest's memory was there.
    #[error("{}: called without an exported memory", quote(.function))]
    NoMemory {
        /// The function that was called.
        function: String,
    },
}

impl StopReason {
    /// Whether the guest is to blame: not for a deadline, a cancel, or a failure of the host.
    pub fn is_guest_fault(&self) -> bool {
        match self {
            StopReason::Fuel { .. }
            | StopReason::Memory { .. }
            | StopReason::Table { .. }
            | StopReason::Stack { .. }
            | StopReason::Output { .. }
            | StopReason::HostCalls { .. }
            | StopReason::Trap(_)
            | StopReason::Failed { .. }
            | StopReason::Aborted { .. }
            | StopReason::Status { .. }
            | StopReason::Abi(_) => true,
            StopReason::Deadline { .. }
            | StopReason::Cancelled
            | StopReason::HostFunction { .. }
            | StopReason::HostPanic { .. }
            | StopReason::HostMemory { .. }
            | StopReason::Engine { .. } => false,
        }
    }

    /// Whether the same run stops the same way again, wherever it is run.
    pub fn is_deterministic(&self) -> bool {
        !matches!(
            self,
            StopReason::Deadline { .. }
                | StopReason::Cancelled
                | StopReason::HostFunction { .. }
                | StopReason::HostPanic { .. }
                | StopReason::HostMemory { .. }
                | StopReason::Engine { .. }
        )
    }

    fn hint(&self) -> Option<String> {
        let key = match self {
            StopReason::Fuel { .. } => "limits.fuel",
            StopReason::Memory { .. } => "limits.memory_bytes",
            StopReason::Table { .. } => "limits.table_elements",
            StopReason::Stack { .. } => "limits.call_depth` or `limits.value_stack_bytes",
            StopReason::Output { .. } => "limits.output_bytes",
            StopReason::HostCalls { .. } => "limits.host_calls",
            StopReason::Deadline { .. } => "deadline_ms",
            StopReason::Engine { .. } => return Some("please report this: no guest should reach it".into()),
            _ => return None,
        };
        Some(alloc::format!("raise `{key}` if the guest may use more"))
    }
}
