//! The provider of an import: a function of belljar or of the embedding program.

use alloc::string::ToString;

use wasmi::Linker;

use super::Policy;
use crate::{
    abi::builtin::Builtin,
    data::{inspect::Import, value::FuncType},
    error::ModuleError,
    host::{self, Host, env, function::HostFunction},
    wasi,
};

/// The provider of an import, which determines its type and the linked function.
#[derive(Clone, Copy)]
pub(super) enum Provider<'a> {
    Builtin(Builtin),
    /// A custom host function; those for HTTP requests are among them.
    Custom(&'a HostFunction),
}

impl<'a> Provider<'a> {
    /// Returns the provider of an import in this build under this policy, if there is one.
    pub(super) fn of(import: &Import, policy: &'a Policy) -> Option<Provider<'a>> {
        let custom = || policy.function(&import.module, &import.name).map(Provider::Custom);
        match Builtin::of(&import.module, &import.name) {
            Some(Builtin::Wasi(..)) if !wasi::IS_PROVIDED => None,
            Some(Builtin::Http(_)) | None => custom(),
            Some(builtin) => Some(Provider::Builtin(builtin)),
        }
    }

    /// Returns the type of the function.
    pub(super) fn ty(self) -> FuncType {
        match self {
            Provider::Builtin(builtin) => builtin.ty(),
            Provider::Custom(function) => function.ty.clone(),
        }
    }

    /// Checks whether the function needs the exported memory. A custom function fails when it is called instead.
    pub(super) fn needs_memory(self) -> bool {
        matches!(self, Provider::Builtin(builtin) if builtin.needs_memory())
    }

    /// Returns the function if it is async: a call of it leaves the engine and is resumed later.
    pub(super) fn async_function(self) -> Option<&'a HostFunction> {
        if let Provider::Custom(function) = self { Some(function).filter(|function| function.is_async) } else { None }
    }

    /// Links the function under the name that the module imports it by.
    pub(super) fn link(self, linker: &mut Linker<Host>, name: &str) -> Result<(), ModuleError> {
        let linked = match self {
            Provider::Builtin(Builtin::Env(function)) => env::link(linker, function, name),
            Provider::Builtin(Builtin::Wasi(snapshot, function)) => host::wasi::link(linker, snapshot, function),
            Provider::Builtin(Builtin::Http(_)) => Ok(()),
            Provider::Custom(function) => (function.bind)(linker),
        };
        linked.map_err(|error| ModuleError::Engine { message: error.to_string() })
    }
}
