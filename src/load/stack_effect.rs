//! The effects of operators on the operand stack, and the classes of operators: loads, stores, divisions, truncations,
//! bulk operators.

use wasmparser::{MemArg, Operator};

use crate::{data::value::ValueType, host::pieces::Kind};

/// The operands that an operator pops and the results that it pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A constant.
    Constant,
    /// One value, computed from nothing but the operands.
    Compute { operands: u32 },
    /// A value loaded from memory; the address is the first operand.
    Load { operands: u32 },
    /// A store to memory; the operands are the address and the value.
    Store { value: ValueType },
    /// Any other operator with a fixed number of operands.
    Other { operands: u32, results: u32 },
    /// An operator whose operands depend on types.
    Variable,
}

/// Converts the annotation of an operator in the parser's table to an effect.
macro_rules! effect {
    (push $($_:tt)*) => { $crate::load::stack_effect::Effect::Constant };
    (load lane $($_:tt)*) => { $crate::load::stack_effect::Effect::Load { operands: 2 } };
    (load atomic $($_:tt)*) => { $crate::load::stack_effect::Effect::Variable };
    (load $($_:tt)*) => { $crate::load::stack_effect::Effect::Load { operands: 1 } };
    (store lane $($_:tt)*) => { effect!(@store v128) };
    (store atomic $($_:tt)*) => { $crate::load::stack_effect::Effect::Variable };
    (store $ty:ident) => { effect!(@store $ty) };
    (@store i32) => { $crate::load::stack_effect::Effect::Store { value: $crate::data::value::ValueType::I32 } };
    (@store i64) => { $crate::load::stack_effect::Effect::Store { value: $crate::data::value::ValueType::I64 } };
    (@store f32) => { $crate::load::stack_effect::Effect::Store { value: $crate::data::value::ValueType::F32 } };
    (@store f64) => { $crate::load::stack_effect::Effect::Store { value: $crate::data::value::ValueType::F64 } };
    (@store v128) => { $crate::load::stack_effect::Effect::Store { value: $crate::data::value::ValueType::V128 } };
    (test $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 1 } };
    (unary $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 1 } };
    (conversion $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 1 } };
    (splat $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 1 } };
    (extract $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 1 } };
    (binary $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 2 } };
    (cmp $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 2 } };
    (shift $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 2 } };
    (replace $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 2 } };
    (ternary $($_:tt)*) => { $crate::load::stack_effect::Effect::Compute { operands: 3 } };
    (arity $operands:literal -> $results:literal) => {
        $crate::load::stack_effect::Effect::Other { operands: $operands, results: $results }
    };
    ($($_:tt)*) => { $crate::load::stack_effect::Effect::Variable };
}
pub(super) use effect;

impl Effect {
    /// Corrects the effect of operators for which the parser's table has only the arity.
    #[inline(always)]
    pub(super) const fn of(operator: &Operator<'_>, by_table: Effect) -> Effect {
        match operator {
            Operator::GlobalGet { .. } | Operator::RefFunc { .. } => Effect::Constant,
            Operator::RefIsNull => Effect::Compute { operands: 1 },
            Operator::I8x16Shuffle { .. } => Effect::Compute { operands: 2 },
            _ => by_table,
        }
    }

    /// Returns the number of operands; 0 if it depends on types.
    #[inline(always)]
    pub(super) const fn operands(self) -> u32 {
        match self {
            Effect::Constant | Effect::Variable => 0,
            Effect::Store { .. } => 2,
            Effect::Compute { operands } | Effect::Load { operands } | Effect::Other { operands, .. } => operands,
        }
    }

    /// Returns the number of results; 0 if it depends on types.
    #[inline(always)]
    pub(super) const fn results(self) -> u32 {
        match self {
            Effect::Constant | Effect::Compute { .. } | Effect::Load { .. } => 1,
            Effect::Other { results, .. } => results,
            Effect::Store { .. } | Effect::Variable => 0,
        }
    }
}

/// Checks whether an operator loads from memory.
#[inline(always)]
pub(super) fn is_load(operator: &Operator<'_>) -> bool {
    load_memarg(operator).is_some()
}

/// Returns the memory argument of an operator that loads.
#[inline(always)]
pub(super) fn load_memarg<'o>(operator: &'o Operator<'_>) -> Option<&'o MemArg> {
    use Operator::{
        F32Load, F64Load, I32Load, I32Load8S, I32Load8U, I32Load16S, I32Load16U, I64Load, I64Load8S, I64Load8U,
        I64Load16S, I64Load16U, I64Load32S, I64Load32U, V128Load, V128Load8Lane, V128Load8Splat, V128Load8x8S,
        V128Load8x8U, V128Load16Lane, V128Load16Splat, V128Load16x4S, V128Load16x4U, V128Load32Lane, V128Load32Splat,
        V128Load32Zero, V128Load32x2S, V128Load32x2U, V128Load64Lane, V128Load64Splat, V128Load64Zero,
    };
    match operator {
        I32Load { memarg }
        | I64Load { memarg }
        | F32Load { memarg }
        | F64Load { memarg }
        | I32Load8S { memarg }
        | I32Load8U { memarg }
        | I32Load16S { memarg }
        | I32Load16U { memarg }
        | I64Load8S { memarg }
        | I64Load8U { memarg }
        | I64Load16S { memarg }
        | I64Load16U { memarg }
        | I64Load32S { memarg }
        | I64Load32U { memarg }
        | V128Load { memarg }
        | V128Load8x8S { memarg }
        | V128Load8x8U { memarg }
        | V128Load16x4S { memarg }
        | V128Load16x4U { memarg }
        | V128Load32x2S { memarg }
        | V128Load32x2U { memarg }
        | V128Load8Splat { memarg }
        | V128Load16Splat { memarg }
        | V128Load32Splat { memarg }
        | V128Load64Splat { memarg }
        | V128Load32Zero { memarg }
        | V128Load64Zero { memarg }
        | V128Load8Lane { memarg, .. }
        | V128Load16Lane { memarg, .. }
        | V128Load32Lane { memarg, .. }
        | V128Load64Lane { memarg, .. } => Some(memarg),
        _ => None,
    }
}

/// Returns the memory argument of an operator that stores.
#[inline(always)]
pub(super) fn store_memarg<'o>(operator: &'o Operator<'_>) -> Option<&'o MemArg> {
    use Operator::{
        F32Store, F64Store, I32Store, I32Store8, I32Store16, I64Store, I64Store8, I64Store16, I64Store32, V128Store,
        V128Store8Lane, V128Store16Lane, V128Store32Lane, V128Store64Lane,
    };
    match operator {
        I32Store { memarg }
        | I64Store { memarg }
        | F32Store { memarg }
        | F64Store { memarg }
        | I32Store8 { memarg }
        | I32Store16 { memarg }
        | I64Store8 { memarg }
        | I64Store16 { memarg }
        | I64Store32 { memarg }
        | V128Store { memarg }
        | V128Store8Lane { memarg, .. }
        | V128Store16Lane { memarg, .. }
        | V128Store32Lane { memarg, .. }
        | V128Store64Lane { memarg, .. } => Some(memarg),
        _ => None,
    }
}

/// Returns the type of an integer division or remainder, which traps at a divisor of zero.
#[inline(always)]
pub(super) fn division_type(operator: &Operator<'_>) -> Option<ValueType> {
    use Operator::{I32DivS, I32DivU, I32RemS, I32RemU, I64DivS, I64DivU, I64RemS, I64RemU};
    match operator {
        I32DivS | I32DivU | I32RemS | I32RemU => Some(ValueType::I32),
        I64DivS | I64DivU | I64RemS | I64RemU => Some(ValueType::I64),
        _ => None,
    }
}

/// Returns the operand type of a truncation that traps where the result is not representable.
#[inline(always)]
pub(super) fn truncation_type(operator: &Operator<'_>) -> Option<ValueType> {
    use Operator::{
        I32TruncF32S, I32TruncF32U, I32TruncF64S, I32TruncF64U, I64TruncF32S, I64TruncF32U, I64TruncF64S, I64TruncF64U,
    };
    match operator {
        I32TruncF32S | I32TruncF32U | I64TruncF32S | I64TruncF32U => Some(ValueType::F32),
        I32TruncF64S | I32TruncF64U | I64TruncF64S | I64TruncF64U => Some(ValueType::F64),
        _ => None,
    }
}

/// Returns the kind of an operator that is done piece by piece, if it is one of these.
#[inline(always)]
pub(super) fn piece_kind(operator: &Operator<'_>) -> Option<Kind> {
    Some(match operator {
        Operator::MemoryFill { .. } => Kind::FillBytes,
        Operator::MemoryCopy { dst_mem, src_mem } if dst_mem == src_mem => Kind::CopyBytes,
        Operator::MemoryCopy { .. } | Operator::MemoryInit { .. } => Kind::MoveBytes,
        Operator::TableFill { .. } => Kind::FillElements,
        Operator::TableCopy { dst_table, src_table } if dst_table == src_table => Kind::CopyElements,
        Operator::TableCopy { .. } | Operator::TableInit { .. } => Kind::MoveElements,
        Operator::MemoryGrow { .. } => Kind::GrowMemory,
        _ => return None,
    })
}
