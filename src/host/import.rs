//! What a module imports, and how it is made in a store.

use alloc::{sync::Arc, vec::Vec};

use wasmi::{Extern, Func, Memory, Store};

use super::{Bind, Host};
use crate::abi::name::Name;

/// An import of a rewritten module.
#[derive(Clone)]
pub(crate) enum Import {
    /// The memory that the host creates.
    Memory,
    /// A function of the host.
    Function(Name, Arc<Bind>),
}

impl Import {
    /// Makes the imports of a module in a store, with functions that take the place of others.
    pub(crate) fn make(
        imports: &[Import],
        store: &mut Store<Host>,
        memory: Option<Memory>,
        replaced: impl Fn(&Name) -> Option<Func>,
    ) -> Vec<Extern> {
        let import = |import: &Import| match import {
            Import::Memory => memory.map(Extern::Memory),
            Import::Function(name, bind) => Some(replaced(name).unwrap_or_else(|| bind(store)).into()),
        };
        // One that is missing makes the list too short, which the engine refuses.
        imports.iter().filter_map(import).collect()
    }
}
