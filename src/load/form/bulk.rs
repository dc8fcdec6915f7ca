//! Bulk operators and growths, which the engine does in one step whatever their length.
//!
//! An operator that may move more than a piece is replaced by a choice: up to a piece the original operator runs; for
//! more a loop asks the host for one piece after the other ([`crate::host::pieces`]).

use alloc::vec::Vec;

use wasmparser::Operator;

use super::{Form, Result, locals::Purpose, store::top_up};
use crate::{
    data::{
        binary::{i32_const, leb, local_get, local_set},
        value::ValueType,
    },
    host::pieces::{self, Kind},
};

const BLOCK: &[u8] = &[0x02, 0x40];
const LOOP: &[u8] = &[0x03, 0x40];
const END: &[u8] = &[0x0b];
const BR_OUT: &[u8] = &[0x0c, 1];
const BR_IF: &[u8] = &[0x0d, 0];
const DROP: &[u8] = &[0x1a];
const GREATER: &[u8] = &[0x4b];

/// Replaces an operator of this kind by a choice and a loop; returns `false` if its length is a literal of at most a
/// piece, so that nothing has to change.
pub(super) fn divide(form: &mut Form<'_>, operator: &Operator<'_>, kind: Kind, at: u32, height: u32) -> Result<bool> {
    let literal = form.literal(height.wrapping_sub(1));
    if form.immediates.is_literal(0) && literal <= kind.piece() {
        return Ok(false);
    }
    let bytes = match operator {
        Operator::MemoryGrow { mem } => memory_growth(form, *mem)?,
        Operator::TableGrow { table } => table_growth(form, *table)?,
        _ => range(form, operator, kind)?,
    };
    form.edits.uses_host_table = true;
    form.added += 24;
    form.replace(at, &bytes);
    Ok(true)
}

fn range(form: &mut Form<'_>, operator: &Operator<'_>, kind: Kind) -> Result<Vec<u8>> {
    let (op, value) = encoded(form, operator);
    let to = form.locals.get(Purpose::Piece(0), ValueType::I32)?;
    let from = form.locals.get(Purpose::Piece(1), value)?;
    let len = form.locals.get(Purpose::Piece(2), ValueType::I32)?;
    let next = next(form, kind);
    let mut out = [local_set(len), local_set(from), local_set(to)].concat();
    out.extend(choice(len, kind, &[local_get(to), local_get(from), local_get(len), op.clone()].concat()));
    out.extend_from_slice(LOOP);
    if let Kind::FillElements = kind {
        // The host does not need the reference.
        let piece = form.locals.get(Purpose::Piece(3), ValueType::I32)?;
        out.extend([local_get(to), i32_const(0), local_get(len), next].concat());
        out.extend([&local_set(piece), DROP, &local_get(from), &local_get(piece)].concat());
    } else {
        out.extend([local_get(to), local_get(from), local_get(len), next].concat());
    }
    out.extend([&op, BR_IF, END, END].concat());
    Ok(out)
}

fn memory_growth(form: &mut Form<'_>, memory: u32) -> Result<Vec<u8>> {
    let [len, result] = [2, 4].map(|number| form.locals.get(Purpose::Piece(number), ValueType::I32));
    let (len, result) = (len?, result?);
    let op = [&[0x40], &leb(memory)[..]].concat();
    let size = [&[0x3f], &leb(memory)[..]].concat();
    let max = form.context.memories.get(memory as usize).and_then(|memory| memory.max_pages).unwrap_or(u64::MAX);
    let max = u32::try_from(max).unwrap_or(u32::MAX);
    let mut out = local_set(len);
    out.extend(choice(len, Kind::GrowMemory, &[local_get(len), op.clone(), local_set(result)].concat()));
    out.extend_from_slice(LOOP);
    out.extend([size, i32_const(max as i32), local_get(len), next(form, Kind::GrowMemory)].concat());
    // The host returns the size before the first piece.
    out.extend([&op, DROP, &local_set(result), DROP, BR_IF, END, END, &local_get(result)].concat());
    Ok(out)
}

fn table_growth(form: &mut Form<'_>, table: u32) -> Result<Vec<u8>> {
    let ty = form.context.tables.get(table as usize);
    let element = ty.map_or(ValueType::FuncRef, |ty| ty.element);
    let max = u32::try_from(ty.and_then(|ty| ty.max).unwrap_or(u64::MAX)).unwrap_or(u32::MAX);
    let init = form.locals.get(Purpose::Piece(1), element)?;
    let [len, piece, result] = [2, 3, 4].map(|number| form.locals.get(Purpose::Piece(number), ValueType::I32));
    let (len, piece, result) = (len?, piece?, result?);
    let op = [&[0xfc, 0x0f], &leb(table)[..]].concat();
    let size = [&[0xfc, 0x10], &leb(table)[..]].concat();
    let top_up = top_up(table, &form.context);
    let mut out = [local_set(len), local_set(init)].concat();
    let small = [local_get(init), local_get(len), top_up, op.clone(), local_set(result)].concat();
    out.extend(choice(len, Kind::GrowTable, &small));
    out.extend_from_slice(LOOP);
    out.extend([size, i32_const(max as i32), local_get(len), next(form, Kind::GrowTable)].concat());
    out.extend([&local_set(piece), &local_set(result)[..], DROP, &local_get(init), &local_get(piece)].concat());
    out.extend([&op, DROP, BR_IF, END, END, &local_get(result)].concat());
    Ok(out)
}

/// Returns the start of a block: up to a piece it runs the operators `small` and leaves the block; for more it
/// continues behind the returned operators.
fn choice(len: u32, kind: Kind, small: &[u8]) -> Vec<u8> {
    let piece = i32_const(kind.piece() as i32);
    [BLOCK, BLOCK, &local_get(len), &piece, GREATER, BR_IF, small, BR_OUT, END].concat()
}

/// Returns the operators that call the host for the next piece.
fn next(form: &Form<'_>, kind: Kind) -> Vec<u8> {
    let (types, tables) = (form.context.types.len() as u32, form.context.tables.len() as u32);
    let call = [&[0x11], &leb(types + 1)[..], &leb(tables)].concat();
    [i32_const(kind as i32), i32_const(pieces::NEXT as i32), call].concat()
}

/// Encodes an operator; also returns the type of its second operand.
fn encoded(form: &Form<'_>, operator: &Operator<'_>) -> (Vec<u8>, ValueType) {
    let bytes = |code: u8, indices: &[u32]| {
        let mut bytes = alloc::vec![0xfc, code];
        indices.iter().for_each(|index| bytes.extend(leb(*index)));
        bytes
    };
    let bytes = match operator {
        Operator::MemoryInit { data_index, mem } => bytes(8, &[*data_index, *mem]),
        Operator::MemoryCopy { dst_mem, src_mem } => bytes(10, &[*dst_mem, *src_mem]),
        Operator::MemoryFill { mem } => bytes(11, &[*mem]),
        Operator::TableInit { elem_index, table } => bytes(12, &[*elem_index, *table]),
        Operator::TableCopy { dst_table, src_table } => bytes(14, &[*dst_table, *src_table]),
        Operator::TableFill { table } => {
            let element = form.context.tables.get(*table as usize).map_or(ValueType::FuncRef, |table| table.element);
            return (bytes(17, &[*table]), element);
        }
        _ => Vec::new(),
    };
    (bytes, ValueType::I32)
}
