//! The changes to a module between validation and translation.
//!
//! * A start function becomes an export: the engine runs a start function during instantiation, where it can neither
//!   be sliced nor resumed. As an export it is called first, metered and interruptible like the rest.
//! * The memory that each run creates is imported instead, if the host can reuse one (`pool`).
//! * Function bodies are rewritten to the normal form (`form`). If that calls the host, before a `table.grow` or for
//!   the pieces of a bulk operator, a table for the host's functions and their types are added.
//!
//! Additions have indices that the original does not use.

#![expect(
    clippy::indexing_slicing,
    reason = "the parser has accepted the module, so its sections and bodies are within its bytes"
)]

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::ops::Range;

use super::{bodies::ModuleInfo, form::edit::Edits};
use crate::{
    data::binary::{append, export, leb, read_leb, section, sections},
    host::{pieces, pool},
};

/// A rewritten module and its additional exports.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub(super) bytes: Vec<u8>,
    /// The export that replaces the start function.
    pub(super) start: Option<String>,
    /// The exported table that the host puts its functions into.
    pub(super) host_table: Option<String>,
}

const TYPE: u8 = 1;
const IMPORT: u8 = 2;
const TABLE: u8 = 4;
const MEMORY: u8 = 5;
const EXPORT: u8 = 7;
const START: u8 = 8;
const CODE: u8 = 10;

/// Returns the rewritten module, or `None` if nothing has to change.
pub(super) fn rewrite(bytes: &[u8], info: &ModuleInfo, import_memory: bool) -> Option<Rewritten> {
    let edits = &info.edits;
    let uses_host_table = edits.uses_host_table;
    if info.start.is_none() && edits.list.is_empty() && !import_memory && !uses_host_table {
        return None;
    }
    let mut new = Rewritten::default();
    let mut exports = Vec::new();
    if let Some(function) = info.start {
        let name = free_name(info, "belljar.start");
        exports.push(export(&name, 0, function));
        new.start = Some(name);
    }
    if uses_host_table {
        let name = free_name(info, "belljar.reserve");
        exports.push(export(&name, 1, info.inspection.tables.len() as u32));
        new.host_table = Some(name);
    }
    let mut memory = import_memory.then(|| memory_import(bytes)).flatten();
    let mut table = uses_host_table;
    let mut pending = (!exports.is_empty()).then(|| exports.concat());
    let added = exports.len() as u32;

    let out = &mut new.bytes;
    out.reserve(bytes.len() + edits.bytes.len() + 8 * edits.list.len() + 64);
    out.extend_from_slice(&bytes[..8]);
    for (id, contents) in sections(bytes) {
        // A custom section may occur anywhere; the others occur in the order of their ids.
        if id > IMPORT
            && let Some(entry) = memory.take()
        {
            section(out, IMPORT, &[leb(1), entry].concat());
        }
        if id > TABLE && core::mem::take(&mut table) {
            section(out, TABLE, &[&leb(1), HOST_TABLE].concat());
        }
        if id > EXPORT
            && let Some(entries) = pending.take()
        {
            section(out, EXPORT, &[leb(added), entries].concat());
        }
        match id {
            TYPE if uses_host_table => section(out, TYPE, &append(&bytes[contents], 2, HOST_TYPES)),
            IMPORT if memory.is_some() => {
                section(out, IMPORT, &append(&bytes[contents], 1, &memory.take().unwrap_or_default()));
            }
            MEMORY if import_memory => {}
            TABLE if core::mem::take(&mut table) => section(out, TABLE, &append(&bytes[contents], 1, HOST_TABLE)),
            EXPORT => {
                let entries = pending.take().unwrap_or_default();
                let added = if entries.is_empty() { 0 } else { added };
                section(out, EXPORT, &append(&bytes[contents], added, &entries));
            }
            START => {}
            CODE if !edits.list.is_empty() => section(out, CODE, &code(bytes, contents, edits)),
            id => section(out, id, &bytes[contents]),
        }
    }
    if let Some(entries) = pending {
        section(out, EXPORT, &[leb(added), entries].concat());
    }
    Some(new)
}

/// Returns the import that replaces the only memory of the module.
fn memory_import(bytes: &[u8]) -> Option<Vec<u8>> {
    const KIND: u8 = 2;
    let (_, contents) = sections(bytes).find(|(id, _)| *id == MEMORY)?;
    let (_, header) = read_leb(&bytes[contents.clone()]);
    let ty = &bytes[contents.start + header..contents.end];
    let name = |name: &str| [leb(name.len() as u32), name.into()].concat();
    Some([&name(pool::IMPORT.0), &name(pool::IMPORT.1), &[KIND][..], ty].concat())
}

/// The types of the host's functions: `(func (param i32 i32 i32) (result i32))` tops up a slice,
/// `(func (param i32 i32 i32 i32) (result i32 i32 i32 i32))` returns the next piece.
const HOST_TYPES: &[u8] = &[
    0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f, //
    0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 4, 0x7f, 0x7f, 0x7f, 0x7f,
];
/// `(table 2 2 funcref)`
const HOST_TABLE: &[u8] = &[0x70, 1, pieces::SLOTS as u8, pieces::SLOTS as u8];

/// Returns the code section with the edits applied to its bodies.
fn code(bytes: &[u8], contents: Range<usize>, edits: &Edits) -> Vec<u8> {
    let (count, header) = read_leb(&bytes[contents.clone()]);
    let mut out = Vec::with_capacity(contents.len() + edits.bytes.len() + 8 * edits.list.len());
    let (mut at, mut rest) = (contents.start + header, edits.list.iter().peekable());
    // Bodies without edits are copied together.
    let mut copied = contents.start;
    let mut new = Vec::new();
    for _ in 0..count {
        if rest.peek().is_none() {
            break;
        }
        let (size, header) = read_leb(&bytes[at..contents.end]);
        let body = at + header..at + header + size as usize;
        let mut from = body.start;
        while let Some(edit) = rest.next_if(|edit| body.contains(&(edit.at as usize))) {
            new.extend_from_slice(bytes.get(from..edit.at as usize).unwrap_or_default());
            edits.write(&mut new, edit);
            from = from.max(edit.at as usize + edit.skip as usize);
        }
        if from > body.start {
            // An edit from a cache is only known to end within the module.
            new.extend_from_slice(bytes.get(from..body.end).unwrap_or_default());
            out.extend_from_slice(&bytes[copied..at]);
            out.extend(leb(new.len() as u32));
            out.append(&mut new);
            copied = body.end;
        }
        at = body.end;
    }
    out.extend_from_slice(&bytes[copied..contents.end]);
    out
}

/// Returns a name that no export has.
pub(super) fn free_name(info: &ModuleInfo, wanted: &str) -> String {
    let taken: BTreeSet<&str> = info.inspection.exports.iter().map(|export| export.name.as_str()).collect();
    let mut name = String::from(wanted);
    let mut n = 0u32;
    while taken.contains(name.as_str()) {
        n += 1;
        name = format!("{wanted}.{n}");
    }
    name
}
