//! The `env` ABI, version 1: one table for linking, import checks, documentation and tests.
#![doc = include_str!("docs/guest_abi.md")]

use crate::data::value::{FuncType, ValueType};

pub use self::builtin::{Builtin, Capability};

pub mod assemblyscript;
pub(crate) mod builtin;
pub(crate) mod capabilities;
pub mod http;
pub(crate) mod name;
pub(crate) mod near;
pub mod refused {
    //! Imports that are refused by design, with the reasons.
    pub use crate::error::refused::{MODULES, REFUSED, Refused, RefusedCapability};
}
pub mod wasi;

/// Version of the ABI. It changes with the table.
pub const VERSION: u32 = 1;

/// Module name of the ABI's imports. Custom host functions can use it with other names.
pub const MODULE: &str = "env";

/// Name of the exported memory that pointers refer to.
pub const MEMORY: &str = "memory";

/// Function of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// Names of the import; the first is preferred.
    pub names: &'static [&'static str],
    /// Parameter types.
    pub params: &'static [ValueType],
    /// Result types.
    pub results: &'static [ValueType],
    /// Description.
    pub meaning: &'static str,
    /// The capabilities that it stands for.
    pub capabilities: &'static [Capability],
    pub(crate) call: Call,
}

/// Host function that implements an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    InputLen,
    ReadInput,
    WriteOutput,
    Log,
    LogAt,
    Fail,
    Abort,
}

use ValueType::I32;

/// All functions of the ABI.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["input_len", "host_get_input_len"],
        params: &[],
        results: &[I32],
        meaning: "input size in bytes",
        capabilities: &[Capability::Input],
        call: Call::InputLen,
    },
    Function {
        names: &["read_input", "host_read_input"],
        params: &[I32, I32],
        results: &[I32],
        meaning: "copies the next at most `len` input bytes to `ptr`, advances the cursor, returns the count; 0 at the end",
        capabilities: &[Capability::Input],
        call: Call::ReadInput,
    },
    Function {
        names: &["write_output", "host_write_output"],
        params: &[I32, I32],
        results: &[],
        meaning: "appends `len` bytes at `ptr` to the output",
        capabilities: &[Capability::Output],
        call: Call::WriteOutput,
    },
    Function {
        names: &["log", "host_log"],
        params: &[I32, I32],
        results: &[],
        meaning: "one UTF-8 message at level info",
        capabilities: &[Capability::Log],
        call: Call::Log,
    },
    Function {
        names: &["log_at"],
        params: &[I32, I32, I32],
        results: &[],
        meaning: "one UTF-8 message at a level: 0 error, 1 warn, 2 info, 3 debug, 4 trace",
        capabilities: &[Capability::Log],
        call: Call::LogAt,
    },
    Function {
        names: &["fail"],
        params: &[I32, I32],
        results: &[],
        meaning: "ends the run with a UTF-8 message from the guest; does not return",
        capabilities: &[Capability::End],
        call: Call::Fail,
    },
    Function {
        names: &["abort"],
        params: &[I32, I32, I32, I32],
        results: &[],
        meaning: "ends the run with message, file, line and column, as AssemblyScript calls it (UTF-16 strings); does not return",
        capabilities: &[Capability::End],
        call: Call::Abort,
    },
];

impl Function {
    /// Returns its type.
    pub fn ty(&self) -> FuncType {
        FuncType::new(self.params, self.results)
    }

    /// Returns whether it takes pointers, and so needs the exported memory.
    pub(crate) fn needs_memory(&self) -> bool {
        !self.params.is_empty()
    }
}

/// Returns the function of the ABI with this name.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.names.contains(&name))
}

/// Returns the function of the ABI for an import. Other names of `env` are free for custom host functions.
pub(crate) fn import(module: &str, name: &str) -> Option<&'static Function> {
    if module == MODULE { function(name) } else { None }
}

/// Export with a meaning in the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Name.
    pub name: &'static str,
    /// Parameter types.
    pub params: &'static [ValueType],
    /// Result types.
    pub results: &'static [ValueType],
    /// Type as text.
    pub signature: &'static str,
    /// Description.
    pub meaning: &'static str,
}

/// `execute`: the entry function.
pub const EXECUTE: &str = "execute";
/// `_start`: the entry function where there is no `execute`.
pub const START: &str = "_start";
/// `_initialize`: called once, before everything else.
pub const INITIALIZE: &str = "_initialize";
/// `alloc`: allocates memory for the input.
pub const ALLOC: &str = "alloc";

/// Exports with a meaning, in the order in which they are called.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: INITIALIZE,
        params: &[],
        results: &[],
        signature: "() -> ()",
        meaning: "called once, before everything else",
    },
    Entry {
        name: ALLOC,
        params: &[I32],
        results: &[I32],
        signature: "(i32) -> i32",
        meaning: "returns a place for the input of the given length; called only by a run of `execute`",
    },
    Entry {
        name: EXECUTE,
        params: &[I32, I32],
        results: &[I32],
        signature: "(i32, i32) -> i32",
        meaning: "the entry: pointer and length of the input (pointer 0 without `alloc`); returns the status, 0 for success",
    },
    Entry {
        name: START,
        params: &[],
        results: &[],
        signature: "() -> ()",
        meaning: "the entry where there is no `execute`",
    },
];
