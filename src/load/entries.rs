//! The entry points of a module, found when it is loaded.

use alloc::{string::String, vec::Vec};

use super::NAMED;
use crate::{
    abi::{self, Builtin, wasi::Snapshot},
    data::{
        inspect::{ExternType, Import, Inspection},
        value::FuncType,
    },
    error::{CallError, EntryType, Error, ModuleError},
    wasi,
};

/// The function that `run` calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `execute`, with or without `alloc`.
    Execute { alloc: bool },
    /// `_start`.
    Start,
}

/// Returns the entry that `run` calls, or an error if the module has no entry.
pub(super) fn entry(inspection: &Inspection) -> Result<Entry, Error> {
    if has(inspection, abi::EXECUTE)? {
        return Ok(Entry::Execute { alloc: has(inspection, abi::ALLOC)? });
    }
    if has(inspection, abi::START)? {
        return Ok(Entry::Start);
    }
    Err(CallError::NoEntry { exports: function_names(inspection) }.into())
}

/// Checks whether a function of the ABI is exported; returns an error if the export has another type.
pub(super) fn has(inspection: &Inspection, name: &str) -> Result<bool, Error> {
    let Some(export) = inspection.exports.iter().find(|export| export.name == name) else {
        return Ok(false);
    };
    let Some(entry) = abi::ENTRIES.iter().find(|entry| entry.name == name) else {
        return Ok(false);
    };
    match &export.ty {
        ExternType::Function(ty) if ty.params == entry.params && ty.results == entry.results => Ok(true),
        other => {
            let expected = EntryType::Function(FuncType::new(entry.params, entry.results));
            Err(ModuleError::Entry { name: name.into(), expected, found: other.clone() }.into())
        }
    }
}

/// Returns the WASI snapshot that a module imports from, if any; of both, the older. AssemblyScript's functions are of the
/// newer, whose clocks and random bytes they read.
pub(super) fn snapshot(inspection: &Inspection) -> Option<Snapshot> {
    let import = |i: &Import| match Builtin::of(&i.module, &i.name).filter(|_| wasi::IS_PROVIDED)? {
        Builtin::Wasi(snapshot, _) => Some(snapshot),
        Builtin::AssemblyScript(_) => Some(Snapshot::Preview1),
        _ => None,
    };
    let mut snapshots = inspection.imports.iter().filter_map(import);
    let first = snapshots.next()?;
    Some(if snapshots.any(|other| other == Snapshot::Unstable) { Snapshot::Unstable } else { first })
}

/// Returns the names of the exported functions, for errors about a function that does not exist.
pub(super) fn function_names(inspection: &Inspection) -> Vec<String> {
    let exports = inspection.exports.iter();
    let mut names: Vec<_> =
        exports.filter(|e| matches!(e.ty, ExternType::Function(_))).map(|e| e.name.clone()).collect();
    names.sort_unstable();
    names.truncate(NAMED);
    names
}
