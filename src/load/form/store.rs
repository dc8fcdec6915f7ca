//! Stores and table growths for which the engine has wrong code or none.

use alloc::vec::Vec;

use wasmparser::{MemArg, Operator};

use super::{Context, Form, Result, edit::Rank};
use crate::data::{
    binary::{i32_const, leb, leb64},
    value::ValueType,
};

/// The value that an operator may have left on top of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Local(u32),
    Constant { is_zero: bool },
    Other,
}

impl Last {
    #[inline(always)]
    pub(super) fn of(operator: &Operator<'_>) -> Last {
        match operator {
            Operator::LocalGet { local_index } => Last::Local(*local_index),
            Operator::I32Const { value } => Last::Constant { is_zero: *value == 0 },
            Operator::I64Const { value } => Last::Constant { is_zero: *value == 0 },
            _ => Last::Other,
        }
    }
}

/// `i32.const -1`, `i32.xor`, twice.
const NOT_NOT_32: &[u8] = &[0x41, 0x7f, 0x73, 0x41, 0x7f, 0x73];
/// `i64.const -1`, `i64.xor`, twice.
const NOT_NOT_64: &[u8] = &[0x42, 0x7f, 0x85, 0x42, 0x7f, 0x85];

/// Returns operators that copy the value of an integer store, if pointer and value may be one local in one register and
/// the engine uses the long encoding of the store: it has no code for that case. They may be one local unless the two
/// operators before the store exclude it.
#[inline(always)]
pub(super) fn copy_same_value(store: &Operator<'_>, last: [Last; 2]) -> Option<&'static [u8]> {
    let (memarg, fresh) = match store {
        Operator::I32Store { memarg } | Operator::I32Store8 { memarg } | Operator::I32Store16 { memarg } => {
            (memarg, NOT_NOT_32)
        }
        Operator::I64Store { memarg }
        | Operator::I64Store8 { memarg }
        | Operator::I64Store16 { memarg }
        | Operator::I64Store32 { memarg } => (memarg, NOT_NOT_64),
        _ => return None,
    };
    match last {
        _ if is_short(memarg) => None,
        [_, Last::Constant { .. }] | [Last::Constant { .. }, Last::Local(_)] => None,
        [Last::Local(pointer), Last::Local(value)] if pointer != value => None,
        _ => Some(fresh),
    }
}

fn is_short(memarg: &MemArg) -> bool {
    memarg.memory == 0 && memarg.offset <= u64::from(u16::MAX)
}

/// The opcodes of an extraction and of a store.
pub(super) type Lane = (u8, u8);

/// `i8x16.extract_lane_s` and `i32.store8`.
pub(super) const LANE_8: Lane = (0x15, 0x3a);
/// `i16x8.extract_lane_s` and `i32.store16`.
pub(super) const LANE_16: Lane = (0x18, 0x3b);

/// Replaces the store of a lane by an extraction and a store, which are equivalent: the engine's code for it writes
/// outside the memory.
pub(super) fn replace_lane_store(
    form: &mut Form<'_>,
    at: u32,
    height: u32,
    memarg: &MemArg,
    lane: u8,
    (extract, store): Lane,
) -> Result {
    if form.is_beyond(1, height, memarg) {
        form.through_locals(at, &[ValueType::I32, ValueType::V128])?;
    }
    let mut bytes = alloc::vec![0xfd, extract, lane];
    if !is_short(memarg) {
        bytes.extend_from_slice(NOT_NOT_32);
    }
    bytes.push(store);
    // An alignment of 64 or more means that the index of a memory follows.
    match memarg.memory {
        0 => bytes.extend(leb(memarg.align.into())),
        memory => bytes.extend([leb(u32::from(memarg.align) | 64), leb(memory)].concat()),
    }
    bytes.extend(leb64(memarg.offset));
    form.function.put(&mut form.edits, Rank::Replace, at, 0, &bytes);
    form.replaces = true;
    form.added += 2;
    form.immediates.pop(2);
    Ok(())
}

/// Returns operators that pass a growth, the size and the maximum of the table to the host, which returns the growth:
/// `table.size`, `i32.const`, and `call_indirect` of element 0 of the host's table.
pub(super) fn top_up(table: u32, context: &Context<'_>) -> Vec<u8> {
    let tables = context.tables;
    let max = tables.get(table as usize).and_then(|table| table.max).unwrap_or(u64::MAX);
    let max = u32::try_from(max).unwrap_or(u32::MAX);
    let size = [&[0xfc, 0x10], &leb(table)[..]].concat();
    let call = [&[0x41, 0, 0x11], &leb(context.types.len() as u32)[..], &leb(tables.len() as u32)].concat();
    [size, i32_const(max as i32), call].concat()
}
