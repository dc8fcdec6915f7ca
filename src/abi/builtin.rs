//! The functions that belljar itself provides: one lookup over the tables of `env`, AssemblyScript, WASI and HTTP.

use super::{Function, assemblyscript, http, import, wasi};
use crate::data::value::FuncType;

/// A function that belljar provides, by the table that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Builtin {
    /// A function of the `env` ABI.
    Env(&'static Function),
    /// A function that AssemblyScript's standard library imports, which a build without the feature `wasi` does not
    /// provide. A host function of the embedding program takes precedence.
    AssemblyScript(&'static assemblyscript::Function),
    /// A function of WASI preview 1, which a build without the feature `wasi` does not provide.
    Wasi(wasi::Snapshot, &'static wasi::Function),
    /// A function for HTTP requests, which is provided where the configuration grants any.
    Http(&'static http::Function),
}

/// A capability that a function needs, or that a module has by importing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capability {
    /// Reads the input.
    Input,
    /// Writes output.
    Output,
    /// Writes to the log.
    Log,
    /// Reads the arguments.
    Arguments,
    /// Reads the environment variables.
    Variables,
    /// Reads a clock, or sleeps.
    Clock,
    /// Reads random bytes.
    Random,
    /// Reads, changes or lists files.
    Files,
    /// Sends HTTP requests.
    Requests,
    /// Ends the run.
    End,
}

impl Capability {
    /// All capabilities, in the order in which they are shown.
    pub const ALL: [Capability; 10] = [
        Capability::Input,
        Capability::Output,
        Capability::Log,
        Capability::Arguments,
        Capability::Variables,
        Capability::Clock,
        Capability::Random,
        Capability::Files,
        Capability::Requests,
        Capability::End,
    ];

    /// Returns its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Input => "input",
            Capability::Output => "output",
            Capability::Log => "log",
            Capability::Arguments => "arguments",
            Capability::Variables => "variables",
            Capability::Clock => "clock",
            Capability::Random => "random",
            Capability::Files => "files",
            Capability::Requests => "requests",
            Capability::End => "end",
        }
    }
}

impl Builtin {
    /// Returns the function that an import names, whether or not this build and the configuration provide it.
    pub fn of(module: &str, name: &str) -> Option<Builtin> {
        let env = || import(module, name).map(Builtin::Env);
        let script = || assemblyscript::import(module, name).map(Builtin::AssemblyScript);
        let wasi = || wasi::import(module, name).map(|(snapshot, function)| Builtin::Wasi(snapshot, function));
        let http = || http::import(module, name).map(Builtin::Http);
        env().or_else(script).or_else(wasi).or_else(http)
    }

    /// Returns its type.
    pub fn ty(self) -> FuncType {
        match self {
            Builtin::Env(function) => function.ty(),
            Builtin::AssemblyScript(function) => function.ty(),
            Builtin::Wasi(_, function) => function.ty(),
            Builtin::Http(function) => function.ty(),
        }
    }

    /// Returns the capabilities that it stands for.
    pub fn capabilities(self) -> &'static [Capability] {
        match self {
            Builtin::Env(function) => function.capabilities,
            Builtin::AssemblyScript(function) => function.capabilities,
            Builtin::Wasi(_, function) => function.capabilities,
            Builtin::Http(_) => &[Capability::Requests],
        }
    }

    /// Returns whether it takes pointers, and so needs the exported memory.
    pub(crate) fn needs_memory(self) -> bool {
        match self {
            Builtin::Env(function) => function.needs_memory(),
            Builtin::AssemblyScript(function) => function.needs_memory(),
            Builtin::Wasi(_, function) => function.needs_memory(),
            Builtin::Http(_) => true,
        }
    }
}
