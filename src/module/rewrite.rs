//! The few changes that are made to a module between validation and translation.
//!
//! * A start function becomes an export: the engine runs a start function inside the
//!   instantiation, where it can neither be sliced nor resumed. As an export it is called first,
//!   metered and interruptible like the rest.
//! * Before each `table.grow` the host tops up the slice (`PatchKind::Reserve`): it is the one operator
//!   at which the engine, out of fuel, forgets where it was.
//! * A function with many locals begins with a charge for zeroing them, which the engine does not make.
//! * Between an integer's last operator and its store at an offset the engine encodes the long way,
//!   two operators that change nothing keep value and pointer from being the same register, for
//!   which the engine has no code.
//! * Between an equality and a `select` an operator that keeps zero zero keeps the engine from taking
//!   them for one operator, which it does with the wrong condition.
//! * A memory that is made anew for each run is imported, where the host can recycle it (`pool`).
//! * `v128.store8_lane` and `v128.store16_lane` become an extraction and a store, which is what they
//!   mean: the engine's own code for them writes outside the memory.
//!
//! The original has been validated before, so nothing that is added can make an invalid module
//! valid; and what is added takes indices that the original cannot name.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::ops::Range;

use super::{
    encode::{append, export, i32_const, leb, read_leb, section, sections},
    validation::Facts,
};
use crate::pool;

/// Bytes to put before an operator, or in its place.
#[derive(Debug)]
pub(super) struct Patch {
    /// The bytes that are replaced, from the start of the module; empty at an operator that stays.
    pub(super) at: Range<usize>,
    pub(super) kind: PatchKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatchKind {
    /// Lets the host top up the slice for a growth of this table, whose size is on top of the stack.
    Reserve(u32),
    /// Charges so much fuel, by so many constants that are dropped: the engine prices a constant at
    /// one unit, and makes no code of one that is dropped.
    Charge(u32),
    /// Makes the `i32` on top of the stack a new value.
    Fresh32,
    /// Makes the `i64` on top of the stack a new value.
    Fresh64,
    /// Makes the condition on top of the stack a new value, which is zero if it was zero.
    Condition,
    /// Stores a lane of 8 bits by extracting it first.
    StoreLane8,
    /// Stores a lane of 16 bits by extracting it first.
    StoreLane16,
}

/// What a rewritten module exports beside its own.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub(super) bytes: Vec<u8>,
    /// The export that stands for the start function.
    pub(super) start: Option<String>,
    /// The exported table that the host puts its top-up function into.
    pub(super) reserve: Option<String>,
}

const TYPE: u8 = 1;
const IMPORT: u8 = 2;
const TABLE: u8 = 4;
const MEMORY: u8 = 5;
const EXPORT: u8 = 7;
const START: u8 = 8;
const CODE: u8 = 10;

/// `None` if there is nothing to change.
pub(super) fn rewrite(bytes: &[u8], facts: &Facts, import_memory: bool) -> Option<Rewritten> {
    let patches = &facts.patches[..];
    let reserves = patches.iter().any(|patch| matches!(patch.kind, PatchKind::Reserve(_)));
    if facts.start.is_none() && patches.is_empty() && !import_memory {
        return None;
    }
    let mut new = Rewritten::default();
    let mut exports = Vec::new();
    if let Some(function) = facts.start {
        let name = free_name(facts, "belljar.start");
        exports.push(export(&name, 0, function));
        new.start = Some(name);
    }
    if reserves {
        let name = free_name(facts, "belljar.reserve");
        exports.push(export(&name, 1, facts.inspection.tables.len() as u32));
        new.reserve = Some(name);
    }
    let mut memory = import_memory.then(|| memory_import(bytes)).flatten();
    let mut pending = (!exports.is_empty()).then(|| exports.concat());
    let added = exports.len() as u32;

    let out = &mut new.bytes;
    out.reserve(bytes.len() + 16 * patches.len() + 64);
    out.extend_from_slice(&bytes[..8]);
    for (id, contents) in sections(bytes) {
        // A custom section may stand anywhere; the others say how far the module has come.
        if id > IMPORT
            && let Some(entry) = memory.take()
        {
            section(out, IMPORT, &[leb(1), entry].concat());
        }
        if id > EXPORT
            && let Some(entries) = pending.take()
        {
            section(out, EXPORT, &[leb(added), entries].concat());
        }
        match id {
            TYPE if reserves => section(out, TYPE, &append(&bytes[contents], 1, RESERVE_TYPE)),
            IMPORT if memory.is_some() => {
                section(out, IMPORT, &append(&bytes[contents], 1, &memory.take().unwrap_or_default()));
            }
            MEMORY if import_memory => {}
            TABLE if reserves => section(out, TABLE, &append(&bytes[contents], 1, RESERVE_TABLE)),
            EXPORT => {
                let entries = pending.take().unwrap_or_default();
                let added = if entries.is_empty() { 0 } else { added };
                section(out, EXPORT, &append(&bytes[contents], added, &entries));
            }
            START => {}
            CODE if !patches.is_empty() => section(out, CODE, &code(bytes, contents, facts, patches)),
            id => section(out, id, &bytes[contents]),
        }
    }
    if let Some(entries) = pending {
        section(out, EXPORT, &[leb(added), entries].concat());
    }
    Some(new)
}

/// The import that takes the place of the module's only memory.
fn memory_import(bytes: &[u8]) -> Option<Vec<u8>> {
    const KIND: u8 = 2;
    let (_, contents) = sections(bytes).find(|(id, _)| *id == MEMORY)?;
    let (_, header) = read_leb(&bytes[contents.clone()]);
    let ty = &bytes[contents.start + header..contents.end];
    let name = |name: &str| [leb(name.len() as u32), name.into()].concat();
    Some([&name(pool::IMPORT.0), &name(pool::IMPORT.1), &[KIND][..], ty].concat())
}

/// `(func (param i32 i32 i32) (result i32))`
const RESERVE_TYPE: &[u8] = &[0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f];
/// `(table 1 1 funcref)`
const RESERVE_TABLE: &[u8] = &[0x70, 1, 1, 1];

impl Patch {
    fn bytes(&self, module: &[u8], facts: &Facts) -> Vec<u8> {
        // i32.const -1, i32.xor, twice; likewise for i64.
        const NOT_NOT_32: [u8; 6] = [0x41, 0x7f, 0x73, 0x41, 0x7f, 0x73];
        const NOT_NOT_64: [u8; 6] = [0x42, 0x7f, 0x85, 0x42, 0x7f, 0x85];
        match self.kind {
            PatchKind::Charge(fuel) => [0x41, 0, 0x1a].repeat(fuel as usize),
            PatchKind::Fresh32 => NOT_NOT_32.to_vec(),
            PatchKind::Fresh64 => NOT_NOT_64.to_vec(),
            // i32.popcnt: of the operators that keep zero zero, one that the engine never leaves out.
            PatchKind::Condition => alloc::vec![0x69],
            // i8x16.extract_lane_s or i16x8.extract_lane_s, then i32.store8 or i32.store16.
            PatchKind::StoreLane8 => self.store_lane(module, 0x15, 0x3a),
            PatchKind::StoreLane16 => self.store_lane(module, 0x18, 0x3b),
            PatchKind::Reserve(table) => reserve(table, facts),
        }
    }

    /// The lane is the last byte of the operator; the memory argument is what is before it, and the
    /// same in the store.
    fn store_lane(&self, module: &[u8], extract: u8, store: u8) -> Vec<u8> {
        let operator = &module[self.at.clone()];
        let Some((lane, rest)) = operator.split_last() else { return Vec::new() };
        let (_, opcode) = read_leb(rest.get(1..).unwrap_or_default());
        let memarg = rest.get(1 + opcode..).unwrap_or_default();
        [&[0xfd, extract, *lane, store], memarg].concat()
    }
}

/// Operators that hand the growth, the table's size and its maximum to the host, which gives the
/// growth back: `table.size`, `i32.const`, and `call_indirect` of what is at 0.
fn reserve(table: u32, facts: &Facts) -> Vec<u8> {
    let tables = &facts.inspection.tables;
    let max = tables.get(table as usize).and_then(|table| table.max).unwrap_or(u64::MAX);
    let max = u32::try_from(max).unwrap_or(u32::MAX);
    let size = [&[0xfc, 0x10], &leb(table)[..]].concat();
    let call = [&[0x41, 0, 0x11], &leb(facts.types)[..], &leb(tables.len() as u32)].concat();
    [size, i32_const(max as i32), call].concat()
}

/// The code section with the patches in their bodies.
fn code(bytes: &[u8], contents: Range<usize>, facts: &Facts, patches: &[Patch]) -> Vec<u8> {
    let (count, header) = read_leb(&bytes[contents.clone()]);
    let mut out = Vec::with_capacity(contents.len() + 16 * patches.len());
    let (mut at, mut next) = (contents.start + header, 0);
    // Bodies without patches are copied together.
    let mut copied = contents.start;
    let mut new = Vec::new();
    for _ in 0..count {
        if next == patches.len() {
            break;
        }
        let (size, header) = read_leb(&bytes[at..contents.end]);
        let body = at + header..at + header + size as usize;
        let mut from = body.start;
        while let Some(patch) = patches.get(next).filter(|patch| body.contains(&patch.at.start)) {
            new.extend_from_slice(&bytes[from..patch.at.start]);
            new.extend(patch.bytes(bytes, facts));
            from = patch.at.end;
            next += 1;
        }
        if from > body.start {
            new.extend_from_slice(&bytes[from..body.end]);
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

/// A name that no export has.
fn free_name(facts: &Facts, wanted: &str) -> String {
    let taken: BTreeSet<&str> = facts.inspection.exports.iter().map(|export| export.name.as_str()).collect();
    let mut name = String::from(wanted);
    let mut n = 0u32;
    while taken.contains(name.as_str()) {
        n += 1;
        name = format!("{wanted}.{n}");
    }
    name
}
