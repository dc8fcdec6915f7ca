//! What operators take from the stack and leave there, and what is asked of what they take.

use wasmparser::{MemArg, Operator, Operator::*, VisitOperator, VisitSimdOperator};

use super::{
    Facts, Result, Rule,
    body::{Body, LOOKED_AT},
};
use crate::{
    host::pieces,
    module::{effect::divided, operators::unsupported},
};

/// What is known of a value on the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Computed,
    /// What the engine may know when it translates.
    Immediate,
    /// An immediate by a literal `i32.const` that is not negative.
    Address(u32),
}

/// What an operator does to the stack, beside what its function, type or label makes it do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effect {
    pub(super) takes: usize,
    pub(super) leaves: usize,
    pub(super) kind: Kind,
    memarg: Option<MemArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The result depends on nothing but the operands.
    Pure,
    /// Stores an integer.
    Store,
    Other,
}

/// The effect of an operator, by the names of its arguments and what the parser says of it.
macro_rules! effect {
    ([$($_:tt)*] arity $takes:literal -> $leaves:literal) => {
        ($takes, $leaves, Kind::Other, None)
    };
    ([$($_:tt)*] arity 1 $($__:tt)*) => {
        (1, 0, Kind::Other, None)
    };
    ([$($_:tt)*] arity $($__:tt)*) => {
        (0, 0, Kind::Other, None)
    };
    ([$memarg:ident $lane:ident] load $($_:tt)*) => {
        (2, 1, Kind::Other, Some($memarg))
    };
    ([$memarg:ident] load $($_:tt)*) => {
        (1, 1, Kind::Other, Some($memarg))
    };
    ([$memarg:ident] store i32) => {
        (2, 0, Kind::Store, Some($memarg))
    };
    ([$memarg:ident] store i64) => {
        (2, 0, Kind::Store, Some($memarg))
    };
    ([$memarg:ident $($lane:ident)?] store $($_:tt)*) => {
        (2, 0, Kind::Other, Some($memarg))
    };
    ([$($_:tt)*] $kind:ident $($__:tt)*) => {
        (const { operands(stringify!($kind)) }, 1, Kind::Pure, None)
    };
}

macro_rules! visit {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {$(
        fn $visit(&mut self $($(, $arg: $ty)*)?) -> Result {
            if const { unsupported(stringify!($proposal)).is_some() } {
                return Err(Rule::Malformed);
            }
            let (takes, leaves, kind, memarg) = effect!([$($($arg)*)?] $($ann)*);
            self.operator(&$op $({ $($arg),* })?, &Effect { takes, leaves, kind, memarg })
        }
    )*};
}

// Where the kind of operator is known when this crate is compiled, little is left of what is asked of it.
impl<'a> VisitOperator<'a> for Body<'_, '_> {
    type Output = Result;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Result>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visit);
}

impl VisitSimdOperator<'_> for Body<'_, '_> {
    wasmparser::for_each_visit_simd_operator!(visit);
}

impl Effect {
    /// Whether the result is immediate if the operands are.
    pub(super) fn is_pure(&self, operator: &Operator<'_>) -> bool {
        let also = matches!(operator, RefFunc { .. } | GlobalGet { .. } | LocalTee { .. } | RefIsNull);
        also || matches!(operator, I8x16Shuffle { .. } | Select | TypedSelect { .. }) || self.kind == Kind::Pure
    }
}

/// Returns how many values operators of a kind take. A kind that is not known does not compile.
const fn operands(kind: &str) -> usize {
    match kind.as_bytes() {
        b"push" => 0,
        b"test" | b"unary" | b"splat" | b"conversion" | b"extract" => 1,
        b"binary" | b"cmp" | b"shift" | b"replace" => 2,
        // What is atomic does not run.
        b"ternary" | b"atomic" => 3,
        _ => panic!("a kind of operators that is not known"),
    }
}

/// Checks what is asked of the values that an operator takes, and of the operators before it.
#[inline(always)]
pub(super) fn check<'m>(
    operator: &Operator<'_>,
    effect: &Effect,
    operands: &[Value],
    facts: &Facts<'m>,
    before: impl Fn() -> [Operator<'m>; LOOKED_AT],
) -> Result {
    let is_immediate = |at: usize| operands.get(at).is_some_and(|value| *value != Value::Computed);
    if let Some(MemArg { offset, memory, .. }) = effect.memarg {
        let size = facts.memories.get(memory as usize).copied().unwrap_or(0);
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
        TableGrow { table } if !is_reserved(*table, &before(), facts) && !is_told(&before(), facts) => Rule::TableGrow,
        operator => match divided(operator) {
            Some(kind) if !is_piece(kind.piece(), operands, &before(), facts) => Rule::Piece,
            _ => return Ok(()),
        },
    };
    Err(broken)
}

/// Whether a literal that is not zero was pushed last.
fn is_divisor(before: &[Operator<'_>]) -> bool {
    matches!(before, [.., I32Const { value: ..=-1 | 1.. } | I64Const { value: ..=-1 | 1.. }])
}

/// Whether the two values on top of the stack are not one local.
fn differ(before: &[Operator<'_>]) -> bool {
    match before {
        [.., LocalGet { local_index: pointer }, LocalGet { local_index: value }] => pointer != value,
        [.., I32Const { .. } | I64Const { .. }] | [.., I32Const { .. } | I64Const { .. }, LocalGet { .. }] => true,
        [.., I32Const { value: -1 }, I32Xor] | [.., I64Const { value: -1 }, I64Xor] => true,
        _ => false,
    }
}

/// Whether the host was called for a growth of this table.
fn is_reserved(table: u32, before: &[Operator<'_>], facts: &Facts<'_>) -> bool {
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
    *size == table && facts.is_of_host(*type_index, *table_index, 0)
}

/// Whether what is on top of the stack is no more than so much: by a literal, by a choice right before it, or by what
/// the host says.
fn is_piece(piece: u32, operands: &[Value], before: &[Operator<'_>], facts: &Facts<'_>) -> bool {
    if let Some(Value::Address(len)) = operands.last() {
        return *len <= piece;
    }
    is_told(before, facts) || is_chosen(piece, before)
}

/// Whether what is on top of the stack is what the host has said.
fn is_told(before: &[Operator<'_>], facts: &Facts<'_>) -> bool {
    let (slot, ty, table) = match before {
        [.., I32Const { value }, CallIndirect { type_index, table_index }] => (value, type_index, table_index),
        // It waits in a local where the host has not seen a value that is taken with it.
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
    *slot == pieces::NEXT as i32 && facts.is_of_host(*ty, *table, 1)
}

/// Whether a local was fetched last, at most two others before it, and a branch before those was taken if the local
/// is more than so much.
fn is_chosen(piece: u32, before: &[Operator<'_>]) -> bool {
    let fetched = before.iter().rev().take(3).take_while(|operator| matches!(operator, LocalGet { .. })).count();
    let (choice, fetched) = before.split_at(before.len() - fetched);
    let [.., LocalGet { local_index: chosen }, I32Const { value }, I32GtU, BrIf { .. }] = choice else { return false };
    matches!(fetched, [.., LocalGet { local_index }] if local_index == chosen) && *value as u32 <= piece
}
