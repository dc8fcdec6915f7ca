//! The operands and results of operators, and the rules for operands.

use wasmparser::{MemArg, Operator, Operator::*};

use super::{Context, Result, Rule};
use crate::{host::pieces, load::stack_effect::piece_kind};

/// The number of preceding operators that rules read.
pub(super) const LOOKBACK: usize = 7;

/// The knowledge about a value on the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Computed,
    /// A value that the engine may know at translation.
    Immediate,
    /// An immediate from a literal `i32.const` that is not negative.
    Address(u32),
}

/// The effect of an operator on the stack, without the operands and results of its function, type or label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effect {
    pub(super) takes: usize,
    pub(super) leaves: usize,
    pub(super) kind: Kind,
    pub(super) memarg: Option<MemArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The result depends on nothing but the operands.
    Pure,
    /// Stores an integer.
    Store,
    Other,
}

impl Effect {
    /// Checks whether the result is immediate if the operands are.
    pub(super) fn is_pure(&self, operator: &Operator<'_>) -> bool {
        let also = matches!(operator, RefFunc { .. } | GlobalGet { .. } | LocalTee { .. } | RefIsNull);
        also || matches!(operator, I8x16Shuffle { .. } | Select | TypedSelect { .. }) || self.kind == Kind::Pure
    }
}

/// Returns the number of operands of operators of a kind. An unknown kind does not compile.
#[expect(clippy::panic, reason = "at compile time")]
pub(super) const fn operands(kind: &str) -> usize {
    match kind.as_bytes() {
        b"push" => 0,
        b"test" | b"unary" | b"splat" | b"conversion" | b"extract" => 1,
        b"binary" | b"cmp" | b"shift" | b"replace" => 2,
        // Atomic operators are not supported.
        b"ternary" | b"atomic" => 3,
        _ => panic!("unknown kind of operators"),
    }
}

/// Checks the rules for the operands of an operator and for the operators before it.
#[inline(always)]
pub(super) fn check<'m>(
    operator: &Operator<'_>,
    effect: &Effect,
    operands: &[Value],
    context: &Context<'m>,
    before: impl Fn() -> [Operator<'m>; LOOKBACK],
) -> Result {
    let is_immediate = |at: usize| operands.get(at).is_some_and(|value| *value != Value::Computed);
    if let Some(MemArg { offset, memory, .. }) = effect.memarg {
        let size = context.memories.get(memory as usize).copied().unwrap_or(0);
        let is_inside = match operands.first() {
            Some(Value::Address(address)) => u64::from(*address).saturating_add(offset) <= size,
            _ => false,
        };
        if is_immediate(0) && !is_inside {
            return Err(Rule::Immediate);
        }
        let is_long = offset > u16::MAX.into() || memory != 0;
        if effect.kind == Kind::Store && is_long && !differ(&before()) {
            return Err(Rule::Store);
        }
    }
    let broken = match operator {
        If { .. } | BrIf { .. } | BrTable { .. } if is_immediate(0) => Rule::Immediate,
        I32TruncF32S | I32TruncF32U | I32TruncF64S | I32TruncF64U | I64TruncF32S | I64TruncF32U | I64TruncF64S
        | I64TruncF64U
            if is_immediate(0) =>
        {
            Rule::Immediate
        }
        I32DivS | I32DivU | I32RemS | I32RemU | I64DivS | I64DivU | I64RemS | I64RemU
            if is_immediate(1) && (is_immediate(0) || !is_divisor(&before())) =>
        {
            Rule::Immediate
        }
        Select | TypedSelect { .. } if !matches!(before(), [.., LocalGet { .. }]) => Rule::Select,
        Nop | RefNull { .. } => Rule::Charge,
        V128Store8Lane { .. } | V128Store16Lane { .. } => Rule::LaneStore,
        TableGrow { table } if !is_topped_up(*table, &before(), context) && !is_from_host(&before(), context) => {
            Rule::TableGrow
        }
        operator => match piece_kind(operator) {
            Some(kind) if context.probes == 0 && !is_piece(kind.piece(), operands, &before(), context) => Rule::Piece,
            _ => return Ok(()),
        },
    };
    Err(broken)
}

/// Checks whether the last operator pushed a literal other than zero.
fn is_divisor(before: &[Operator<'_>]) -> bool {
    matches!(before, [.., I32Const { value: ..=-1 | 1.. } | I64Const { value: ..=-1 | 1.. }])
}

/// Checks that the two values on top of the stack are not one local.
fn differ(before: &[Operator<'_>]) -> bool {
    match before {
        [.., LocalGet { local_index: pointer }, LocalGet { local_index: value }] => pointer != value,
        [.., I32Const { .. } | I64Const { .. }] | [.., I32Const { .. } | I64Const { .. }, LocalGet { .. }] => true,
        [.., I32Const { value: -1 }, I32Xor] | [.., I64Const { value: -1 }, I64Xor] => true,
        _ => false,
    }
}

/// Checks whether the host was called for a growth of this table.
fn is_topped_up(table: u32, before: &[Operator<'_>], context: &Context<'_>) -> bool {
    let [
        ..,
        TableSize { table: size },
        I32Const { .. },
        I32Const { value: 0 },
        CallIndirect { type_index, table_index },
    ] = before
    else {
        return false;
    };
    *size == table && context.is_of_host(*type_index, *table_index, 0)
}

/// Checks that the value on top of the stack is at most `piece`: it is a literal, a branch right before it excludes
/// more, or the host returned it.
fn is_piece(piece: u32, operands: &[Value], before: &[Operator<'_>], context: &Context<'_>) -> bool {
    if let Some(Value::Address(len)) = operands.last() {
        return *len <= piece;
    }
    is_from_host(before, context) || is_bounded_by_branch(piece, before)
}

/// Checks whether the host returned the value on top of the stack.
fn is_from_host(before: &[Operator<'_>], context: &Context<'_>) -> bool {
    let (slot, ty, table) = match before {
        [.., I32Const { value }, CallIndirect { type_index, table_index }] => (value, type_index, table_index),
        // It is stored in a local while a value that the host does not get is pushed below it.
        [
            ..,
            I32Const { value },
            CallIndirect { type_index, table_index },
            LocalSet { local_index: set },
            Drop,
            LocalGet { .. },
            LocalGet { local_index: len },
        ] if set == len => (value, type_index, table_index),
        [
            ..,
            I32Const { value },
            CallIndirect { type_index, table_index },
            LocalSet { local_index: set },
            LocalSet { local_index: other },
            Drop,
            LocalGet { .. },
            LocalGet { local_index: len },
        ] if set == len && other != len => (value, type_index, table_index),
        _ => return false,
    };
    *slot == pieces::NEXT as i32 && context.is_of_host(*ty, *table, 1)
}

/// Checks whether the last operators are up to three `local.get`, and a branch before them is taken if the local of the
/// last is more than `piece`.
fn is_bounded_by_branch(piece: u32, before: &[Operator<'_>]) -> bool {
    let fetched = before.iter().rev().take(3).take_while(|operator| matches!(operator, LocalGet { .. })).count();
    let (choice, fetched) = before.split_at(before.len() - fetched);
    let [.., LocalGet { local_index: chosen }, I32Const { value }, I32GtU, BrIf { .. }] = choice else { return false };
    matches!(fetched, [.., LocalGet { local_index }] if local_index == chosen) && *value as u32 <= piece
}
