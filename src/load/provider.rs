//! The provider of an import: a function of belljar or of the embedding program.

use alloc::{sync::Arc, vec::Vec};

use super::Policy;
use crate::{
    abi::{builtin::Builtin, name::Name},
    data::{
        inspect::{Import, Inspection},
        value::FuncType,
    },
    host::{self, Bind, env, function::HostFunction},
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
            // These names were free for host functions before, and stay so.
            Some(builtin @ Builtin::AssemblyScript(_)) => {
                custom().or(wasi::IS_PROVIDED.then_some(Provider::Builtin(builtin)))
            }
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

    /// Returns what makes the function in a store, under the name that the module imports it by.
    fn bind(self, name: &Name) -> Option<Arc<Bind>> {
        Some(match self {
            Provider::Builtin(Builtin::Env(function)) => {
                let name = name.clone();
                Arc::new(move |store| env::make(store, function, &name))
            }
            Provider::Builtin(Builtin::AssemblyScript(function)) => {
                Arc::new(move |store| host::wasi::make_script(store, function))
            }
            Provider::Builtin(Builtin::Wasi(snapshot, function)) => {
                Arc::new(move |store| host::wasi::make(store, snapshot, function))
            }
            Provider::Builtin(Builtin::Http(_)) => return None,
            Provider::Custom(function) => Arc::clone(&function.bind),
        })
    }
}

/// Returns the functions that a module imports, in its order. All have a provider: the imports have been checked.
pub(super) fn imports(inspection: &Inspection, policy: &Policy) -> Vec<host::import::Import> {
    let function = |import: &Import| {
        let name = Name::new(&import.module, &import.name);
        let bind = Provider::of(import, policy)?.bind(&name)?;
        Some(host::import::Import::Function(name, bind))
    };
    inspection.imports.iter().filter_map(function).collect()
}
