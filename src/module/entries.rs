//! How a module is entered: found when it is loaded, asked before each run.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::NAMED;
use crate::{
    abi::{self, wasi::Snapshot},
    error::{CallError, Error, ModuleError},
    inspect::{ExternType, Import, Inspection},
    wasi,
};

/// How a module is entered by `run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `execute`, with or without `alloc`.
    Execute { alloc: bool },
    /// `_start`.
    Start,
}

/// How `run` enters a module.
pub(super) fn entry(inspection: &Inspection) -> Result<Entry, Error> {
    if has(inspection, abi::EXECUTE)? {
        return Ok(Entry::Execute { alloc: has(inspection, abi::ALLOC)? });
    }
    if has(inspection, abi::START)? {
        return Ok(Entry::Start);
    }
    Err(CallError::NoEntry { exports: function_names(inspection) }.into())
}

/// Whether an entry of the ABI is exported; an error if it has another type.
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
            Err(ModuleError::Entry { name: entry.name, expected: entry.signature, found: other.to_string() }.into())
        }
    }
}

/// The snapshot of WASI that a module imports from, if it does; of both, the older.
pub(super) fn snapshot(inspection: &Inspection) -> Option<Snapshot> {
    let import = |i: &Import| abi::wasi::import(&i.module, &i.name).filter(|_| wasi::IS_PROVIDED);
    let mut snapshots = inspection.imports.iter().filter_map(import).map(|(snapshot, _)| snapshot);
    let first = snapshots.next()?;
    Some(if snapshots.any(|other| other == Snapshot::Unstable) { Snapshot::Unstable } else { first })
}

/// The functions that can be called by name, for who asked for one that is not there.
pub(super) fn function_names(inspection: &Inspection) -> Vec<String> {
    let exports = inspection.exports.iter();
    let mut names: Vec<_> =
        exports.filter(|e| matches!(e.ty, ExternType::Function(_))).map(|e| e.name.clone()).collect();
    names.sort_unstable();
    names.truncate(NAMED);
    names
}
