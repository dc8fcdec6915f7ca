//! Capabilities of a module, according to its imports, exports and declarations.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use super::{Builtin, Capability};
use crate::{
    abi,
    data::inspect::{ExternType, Import, Inspection, PAGE},
};

/// Capabilities of a module, according to its imports, exports and declarations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Reads the input.
    pub reads_input: bool,
    /// Writes output.
    pub writes_output: bool,
    /// Logs.
    pub logs: bool,
    /// Ends the run with a message.
    pub fails: bool,
    /// Host functions it can call, without those of the ABI and WASI, as `module.name`, sorted.
    pub calls: Vec<String>,
    /// Reads a clock.
    pub reads_clock: bool,
    /// Has a start function.
    pub start_function: bool,
    /// Entry function: `execute`, `_start`, or none.
    pub entry: Option<&'static str>,
    /// Maximum size of its memories in bytes, if declared.
    pub memory_max_bytes: Option<u64>,
}

impl Inspection {
    /// Returns the name of the memory that the host accesses: the export `memory`, or the only exported memory.
    pub(crate) fn memory_export(&self) -> Option<&str> {
        let memories = || self.exports.iter().filter(|export| matches!(export.ty, ExternType::Memory(_)));
        let only = || memories().next().filter(|_| memories().count() == 1);
        memories().find(|export| export.name == abi::MEMORY).or_else(only).map(|export| export.name.as_str())
    }

    /// Returns the capabilities of the module.
    pub fn capabilities(&self) -> Capabilities {
        let builtin = |i: &Import| Builtin::of(&i.module, &i.name);
        let has = |capability: Capability, of: fn(Builtin) -> bool| {
            let stands = |b: Builtin| b.capabilities().contains(&capability) && of(b);
            self.imports.iter().filter_map(builtin).any(stands)
        };
        let is_http = |b: Builtin| matches!(b, Builtin::Http(_));
        let is_call = |i: &&Import| builtin(i).is_none_or(is_http);
        let mut calls: Vec<_> =
            self.imports.iter().filter(is_call).map(|i| alloc::format!("{}.{}", i.module, i.name)).collect();
        calls.sort_unstable();
        calls.dedup();
        let entry = [abi::EXECUTE, abi::START].into_iter().find(|name| self.function(name).is_some());
        // `execute` with `alloc` receives the input without an import.
        let handed_over = entry == Some(abi::EXECUTE) && self.function(abi::ALLOC).is_some();
        let max =
            self.memories.iter().try_fold(0u64, |sum, m| Some(sum.saturating_add(m.max_pages?.saturating_mul(PAGE))));
        Capabilities {
            reads_input: has(Capability::Input, |_| true) || handed_over,
            writes_output: has(Capability::Output, |_| true),
            logs: has(Capability::Log, |_| true),
            // The end of every WASI program says nothing.
            fails: has(Capability::End, |builtin| matches!(builtin, Builtin::Env(_))),
            calls,
            reads_clock: has(Capability::Clock, |_| true),
            start_function: self.start_function,
            entry,
            memory_max_bytes: max,
        }
    }
}
