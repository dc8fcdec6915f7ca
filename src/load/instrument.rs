//! Instruments: operators in a module in normal form that record where a run is and what its fuel was spent on.
//!
//! An instrument changes neither the outcome of a run nor its fuel: the engine charges nothing for what is added, which
//! has no loop and no arm of an `if`. It writes to a memory, to globals and through functions of the host that are
//! added to the module, with indices that the module does not use. It adds values to the value stack, for which the engine
//! can have more room ([`Plan::has_more_stack`]).

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::ops::Range;

use wasmparser::{BinaryReader, FunctionBody, Operator, Parser, Payload, TypeRef, ValType};

use self::{
    body::Body,
    code::Indices,
    origins::Origins,
    steps::{Places, RESERVED, Steps},
};
pub(crate) use self::{
    body::{CALLING, CALLS, FRAME, FUEL, OCCUPIED, SLOTS},
    code::Global,
};
use super::{
    bodies::ModuleInfo,
    refusal::malformed,
    rewrite::{Rewritten, free_name},
    stack_effect::piece_kind,
};
use crate::{
    data::{
        binary::{append, export, i32_const, leb, leb64, read_leb, section, sections},
        inspect::PAGE,
        value::ValueType,
    },
    error::ModuleError,
    host::pieces,
};

mod body;
mod code;
mod origins;
pub(crate) mod steps;

/// What an instrument records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    /// The functions that are being called, and the operator that runs next.
    Stack,
    /// The calls and the fuel of each function, separately for each way to it.
    Tree,
    /// As [`Stack`](Kind::Stack), and the operands and locals at some operators.
    Values,
    /// How often each block of code has begun to run, and each entry of a `br_table` was taken.
    Counts,
    /// As [`Stack`](Kind::Stack), and how many operators have begun. At some places the host decides whether the run
    /// goes on.
    Steps,
}

/// What an instrument records, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// The offsets in the original module of the operators whose operands and locals are recorded.
    pub(crate) sites: BTreeSet<u32>,
    /// Where the host decides whether the run goes on.
    pub(crate) places: Places,
    /// Bytes for the records, besides what is needed for each function.
    pub(crate) room: u64,
    /// Whether the stacks have room for what the instrument adds to them. Without it a run with an instrument is out of
    /// stack earlier than one without, and never later.
    pub(crate) has_more_stack: bool,
}

impl Kind {
    /// Returns whether the functions that are being called are recorded.
    pub(crate) fn has_stack(self) -> bool {
        matches!(self, Kind::Stack | Kind::Values | Kind::Steps)
    }

    /// Returns the size of what is before the first frame in the added memory.
    pub(crate) fn base(self) -> u32 {
        if self == Kind::Steps { RESERVED } else { 0 }
    }
}

/// A function of the host that an instrument calls. Its slot in the host's table follows those of the other functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Returns the node of a function that begins.
    Enter = 0,
    /// Marks the beginning of an operator whose fuel only the host knows.
    Before = 1,
    /// Marks its end.
    After = 2,
    /// Records a value of type `i32`; those of other types follow.
    I32 = 3,
    I64 = 4,
    F32 = 5,
    F64 = 6,
    V128 = 7,
    /// Asks the host at a place whether the run goes on.
    Stop = 8,
    /// Tells the host about an operator that may have written to a memory.
    Wrote = 9,
}

impl Probe {
    pub(crate) const COUNT: usize = 10;

    /// Returns the function that records a value of this type.
    fn of(ty: ValueType) -> Option<Probe> {
        Some(match ty {
            ValueType::I32 => Probe::I32,
            ValueType::I64 => Probe::I64,
            ValueType::F32 => Probe::F32,
            ValueType::F64 => Probe::F64,
            ValueType::V128 => Probe::V128,
            ValueType::FuncRef | ValueType::ExternRef => return None,
        })
    }
}

/// The types of the probes: `(func (param i32 i32) (result i32))`, `(func (param i32 i32))`, `(func)`,
/// `(func (param i32 T))` for each type of values, and twice `(func (param i32 i32))`.
#[rustfmt::skip]
const TYPES: &[u8] = &[
    0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 0, 0x60, 0, 0,
    0x60, 2, 0x7f, 0x7f, 0, 0x60, 2, 0x7f, 0x7e, 0, 0x60, 2, 0x7f, 0x7d, 0, 0x60, 2, 0x7f, 0x7c, 0, 0x60, 2, 0x7f, 0x7b, 0,
    0x60, 2, 0x7f, 0x7f, 0, 0x60, 2, 0x7f, 0x7f, 0,
];

/// The number of the record that begins the values of an operator, and that of its first operand; those of locals are
/// their indices.
pub(crate) const BEGIN_VALUES: u32 = u32::MAX;
pub(crate) const FIRST_OPERAND: u32 = 1 << 16;

/// The most locals of a function that are recorded.
pub(crate) const MOST_LOCALS: usize = 64;

/// What an instrument has added to a module, and what belongs to the numbers that it records.
#[derive(Debug, Default)]
pub(crate) struct Instrument {
    pub(crate) kind: Kind,
    /// The names of the exports of the added memory and globals.
    pub(crate) memory: String,
    pub(crate) globals: [String; Global::COUNT as usize],
    /// The initial and the largest size of the added memory in bytes.
    pub(crate) bytes: u64,
    pub(crate) most_bytes: u64,
    /// The number of imported functions.
    pub(crate) imported: u32,
    /// The names of the exports of the guest's memories, globals and tables, in their order.
    pub(crate) shown: Shown,
    pub(crate) tables: Tables,
}

/// The names under which what the guest has is exported, too.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) memories: Vec<String>,
    pub(crate) globals: Vec<String>,
    pub(crate) tables: Vec<String>,
}

/// What belongs to the numbers that an instrument records.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// For each function that the module defines, whether each of its calls of functions of the guest is indirect.
    pub(crate) slots: Vec<Vec<bool>>,
    /// What is counted, in the order of the counters, which begin at byte 8 of the added memory. The last of a `br_table`
    /// is that of the default.
    pub(crate) counters: Vec<Counter>,
    /// The number of counters.
    pub(crate) counted: u32,
    /// The steps, and what the numbers of writes stand for.
    pub(crate) steps: Steps,
}

/// A counter of a block, or the counters of the entries of a `br_table`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) function: u32,
    /// The offset in the original module of the operator that begins the counted block right behind it, or of the
    /// `br_table`; [`ENTRY_OF_FUNCTION`] for the first block of a function.
    pub(crate) opener: u32,
    /// The number of the first counter.
    pub(crate) number: u32,
}

/// Stands for the operator that begins the first block of a function. No operator is there.
pub(crate) const ENTRY_OF_FUNCTION: u32 = 0;

const TYPE: u8 = 1;
const TABLE: u8 = 4;
const MEMORY: u8 = 5;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const CODE: u8 = 10;

/// Adds an instrument to a module in normal form that has the host's table.
pub(super) fn instrument(
    original: &[u8],
    info: &ModuleInfo,
    normal: &mut Rewritten,
    plan: &Plan,
) -> Result<Instrument, ModuleError> {
    let Plan { kind, room, .. } = *plan;
    let (indices, imported) = indices(&normal.bytes).map_err(malformed)?;
    let names =
        ["belljar.pointer", "belljar.position", "belljar.tail", "belljar.segment"].map(|name| free_name(info, name));
    let mut instrument = Instrument {
        kind,
        memory: free_name(info, "belljar.records"),
        globals: names,
        bytes: 0,
        most_bytes: 0,
        imported,
        shown: if kind == Kind::Steps { Shown::new(info, indices) } else { Shown::default() },
        tables: Tables::default(),
    };
    let code = instrument.code((original, info), &normal.bytes, indices, plan).map_err(malformed)?;
    let needed: u64 = match kind {
        Kind::Stack | Kind::Values => 0,
        Kind::Steps => u64::from(RESERVED),
        Kind::Tree => instrument.tables.slots.iter().map(|slots| node_bytes(slots.len())).sum(),
        Kind::Counts => 8 * (u64::from(instrument.tables.counted) + 1),
    };
    instrument.most_bytes = (room + needed).next_multiple_of(PAGE);
    if instrument.most_bytes > MOST {
        let message = "what its instrument records takes more than 1 GiB";
        return Err(ModuleError::Engine { message: message.into() });
    }
    // The engine writes zeros over all of it, which would take longer than a short run. A tree grows with its nodes.
    instrument.bytes = if kind == Kind::Tree { PAGE } else { instrument.most_bytes };
    normal.bytes = instrument.module(&normal.bytes, indices, &code);
    Ok(instrument)
}

/// The largest memory that an instrument adds.
const MOST: u64 = 1 << 30;

/// Returns the size of the node of a function that has this number of calls.
pub(crate) fn node_bytes(slots: usize) -> u64 {
    (u64::from(SLOTS) + 4 * slots as u64).next_multiple_of(8)
}

/// Returns the indices of what is added, and the number of imported functions.
fn indices(normal: &[u8]) -> wasmparser::Result<(Indices, u32)> {
    let (mut indices, mut imported) = (Indices::default(), 0);
    for payload in Parser::new(0).parse_all(normal) {
        match payload? {
            Payload::TypeSection(types) => indices.types = types.count(),
            Payload::ImportSection(imports) => {
                for import in imports {
                    match import?.ty {
                        TypeRef::Func(_) => imported += 1,
                        TypeRef::Table(_) => indices.table += 1,
                        TypeRef::Memory(_) => indices.memory += 1,
                        TypeRef::Global(_) => indices.globals += 1,
                        TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::TableSection(tables) => indices.table += tables.count(),
            Payload::MemorySection(memories) => indices.memory += memories.count(),
            Payload::GlobalSection(globals) => indices.globals += globals.count(),
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    // The host's table is the last.
    indices.table = indices.table.saturating_sub(1);
    Ok((indices, imported))
}

impl Instrument {
    /// Returns the contents of the code section with the instrument in each function.
    fn code(
        &mut self,
        (original, info): (&[u8], &ModuleInfo),
        normal: &[u8],
        indices: Indices,
        plan: &Plan,
    ) -> wasmparser::Result<Vec<u8>> {
        let mut origins = Origins::default();
        let mut edits = &info.edits.list[..];
        let mut originals = bodies(original);
        let mut types = Types { imported: self.imported, ..Types::default() };
        let (mut out, mut count) = (Vec::new(), 0);
        for payload in Parser::new(0).parse_all(normal) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        let ty = ty?;
                        types.params.push(ty.params().iter().map(|ty| value_type(*ty)).collect());
                        types.results.push(ty.results().iter().map(|ty| value_type(*ty)).collect());
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports {
                        if let TypeRef::Func(ty) = import?.ty {
                            types.functions.push(ty);
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        types.functions.push(ty?);
                    }
                }
                Payload::CodeSectionEntry(parsed) => {
                    let original_body = originals.next().unwrap_or_default();
                    origins.next(&original_body, &info.edits, &mut edits);
                    let declared = declared_locals(original.get(original_body).unwrap_or_default())?;
                    let function = self.imported + count;
                    self.tables.slots.push(Vec::new());
                    let body = Body::new(plan, indices, &types, &origins, &mut self.tables);
                    let body = body.rewrite(function, declared, &parsed, normal)?;
                    out.extend(leb(body.len() as u32));
                    out.extend(body);
                    count += 1;
                }
                _ => {}
            }
        }
        Ok([leb(count), out].concat())
    }

    /// Returns the module with the code and what it refers to.
    fn module(&self, normal: &[u8], indices: Indices, code: &[u8]) -> Vec<u8> {
        let slots = (pieces::SLOTS + Probe::COUNT as u64) as u32;
        let memory = [&[1], &leb64(self.bytes / PAGE)[..], &leb64(self.most_bytes / PAGE)].concat();
        // Mutable, of type i32. The first is at first the end of the reserved bytes.
        let global = |value: u32| [&[0x7f, 1][..], &i32_const(value as i32), &[0x0b]].concat();
        let globals = (0..Global::COUNT).flat_map(|i| global(if i == 0 { self.kind.base() } else { 0 })).collect();
        let exports = (indices.globals..).zip(&self.globals).map(|(i, name)| export(name, 3, i));
        let shown = |names, kind| (0..).zip(names).map(move |(i, name): (u32, &String)| export(name, kind, i));
        let Shown { memories, globals: shown_globals, tables } = &self.shown;
        let shown = shown(memories, 2).chain(shown(shown_globals, 3)).chain(shown(tables, 1));
        let exports: Vec<_> =
            [export(&self.memory, 2, indices.memory)].into_iter().chain(exports).chain(shown).collect();
        let mut pending =
            [(MEMORY, 1, memory), (GLOBAL, Global::COUNT, globals), (EXPORT, exports.len() as u32, exports.concat())]
                .into_iter()
                .peekable();
        let mut out = normal.get(..8).unwrap_or_default().to_vec();
        for (id, contents) in sections(normal) {
            let contents = normal.get(contents).unwrap_or_default();
            // A custom section may occur anywhere; the others occur in the order of their ids.
            while let Some((missing, count, entries)) = pending.next_if(|(wanted, ..)| id != 0 && *wanted < order(id)) {
                section(&mut out, missing, &[leb(count), entries].concat());
            }
            match id {
                TYPE => section(&mut out, TYPE, &append(contents, Probe::COUNT as u32, TYPES)),
                TABLE => {
                    // The last is the host's.
                    let others = contents.len().saturating_sub(2);
                    let size = [leb(slots), leb(slots)].concat();
                    section(&mut out, TABLE, &[contents.get(..others).unwrap_or_default(), &size].concat());
                }
                CODE => section(&mut out, CODE, code),
                id => match pending.next_if(|(wanted, ..)| *wanted == id) {
                    Some((_, count, entries)) => section(&mut out, id, &append(contents, count, &entries)),
                    None => section(&mut out, id, contents),
                },
            }
        }
        for (id, count, entries) in pending {
            section(&mut out, id, &[leb(count), entries].concat());
        }
        out
    }
}

impl Shown {
    fn new(info: &ModuleInfo, indices: Indices) -> Shown {
        let mut prefix = String::from("belljar.");
        // No name of the guest begins with it.
        while info.inspection.exports.iter().any(|export| export.name.starts_with(&prefix)) {
            prefix.push('.');
        }
        let names = |kind: &str, count| (0..count).map(|i| format!("{prefix}.{kind}.{i}")).collect();
        Shown {
            memories: names("memory", indices.memory),
            globals: names("global", indices.globals),
            tables: names("table", indices.table),
        }
    }
}

/// Returns the number of locals that a body declares.
fn declared_locals(body: &[u8]) -> wasmparser::Result<usize> {
    let mut reader = FunctionBody::new(BinaryReader::new(body, 0)).get_locals_reader()?;
    let mut count = 0;
    for _ in 0..reader.get_count() {
        count += reader.read()?.0 as usize;
    }
    Ok(count)
}

/// The types of functions.
#[derive(Debug, Default)]
struct Types {
    /// The parameters and the results of each type.
    params: Vec<Vec<ValueType>>,
    results: Vec<Vec<ValueType>>,
    /// Type indices of all functions.
    functions: Vec<u32>,
    /// The number of imported functions.
    imported: u32,
}

impl Types {
    /// Returns the results of a function.
    fn results(&self, function: u32) -> &[ValueType] {
        let ty = self.functions.get(function as usize).and_then(|ty| self.results.get(*ty as usize));
        ty.map_or(&[], |results| results)
    }

    /// Returns the parameters of a type.
    fn of_type(&self, ty: u32) -> &[ValueType] {
        self.params.get(ty as usize).map_or(&[], |params| params)
    }

    /// Returns the parameters of a function.
    fn of_function(&self, function: u32) -> &[ValueType] {
        self.functions.get(function as usize).map_or(&[], |ty| self.of_type(*ty))
    }
}

fn value_type(ty: ValType) -> ValueType {
    ValueType::from_parser(ty).unwrap_or(ValueType::FuncRef)
}

/// Returns whether the fuel of an operator depends on what it moves or grows.
pub(crate) fn is_bulk(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::TableGrow { .. }) || piece_kind(operator).is_some()
}

/// Returns the place of a section in the order of sections: that of the data count is before the code.
fn order(id: u8) -> u8 {
    const DATA_COUNT: u8 = 12;
    if id == DATA_COUNT { CODE } else { id }
}

/// Returns the function bodies of a module, without their sizes.
fn bodies(module: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let contents = sections(module).find(|(id, _)| *id == CODE).map(|(_, contents)| contents).unwrap_or_default();
    let (count, header) = read_leb(module.get(contents.clone()).unwrap_or_default());
    let mut at = contents.start + header;
    (0..count).map(move |_| {
        let (size, header) = read_leb(module.get(at..contents.end).unwrap_or_default());
        let body = at + header..at + header + size as usize;
        at = body.end;
        body
    })
}
