//! Names of host functions.

use alloc::{string::String, sync::Arc};

/// The name of a host function, for errors and events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) module: Arc<str>,
    pub(crate) function: Arc<str>,
}

impl Name {
    pub(crate) fn new(module: &str, function: &str) -> Self {
        Name { module: module.into(), function: function.into() }
    }

    /// Returns `module.function`.
    #[cfg(feature = "receipt")]
    pub(crate) fn dotted(&self) -> String {
        alloc::format!("{}.{}", self.module, self.function)
    }

    /// Returns the name for ABI faults: the function only in `env`, with its module elsewhere.
    pub(crate) fn in_faults(&self) -> String {
        if &*self.module == crate::abi::MODULE {
            (&*self.function).into()
        } else {
            alloc::format!("{}.{}", self.module, self.function)
        }
    }
}
