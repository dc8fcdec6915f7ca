//! Keys that are fixed when a module is loaded; all others may differ from run to run.

use alloc::{string::String, vec::Vec};

use super::{Config, keys};

impl Config {
    /// Returns whether a module that was loaded under another configuration can run under this one.
    pub(crate) fn loads_as(&self, other: &Config) -> bool {
        // The engine of a module has the sizes of its stacks.
        let stacks = |config: &Config| (config.limits.call_depth, config.limits.value_stack_bytes);
        self.module == other.module && stacks(self) == stacks(other)
    }

    /// Lists the keys that keep a module of another configuration from running under this one.
    pub(crate) fn loaded_differently(&self, other: &Config) -> Vec<String> {
        let is_fixed = |path: &str| {
            path.starts_with("module.") || ["limits.call_depth", "limits.value_stack_bytes"].contains(&path)
        };
        let differ = keys::scalars().filter(|key| is_fixed(key.path) && (key.get)(self) != (key.get)(other));
        differ.map(|key| key.path.into()).collect()
    }
}
