//! The operators that only compute: what they take and what they give.

use std::sync::LazyLock;

use wasm_encoder::{Instruction, ValType};

use super::body::Body;

/// An operator that takes values from the stack, gives one, and does nothing else.
#[derive(Debug)]
pub struct Operator {
    pub instruction: Instruction<'static>,
    pub params: &'static [ValType],
    pub result: ValType,
}

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;
const F32: ValType = ValType::F32;
const F64: ValType = ValType::F64;
const V128: ValType = ValType::V128;

/// Makes a list of operators, by what they take and give.
macro_rules! operators {
    ($($params:expr => $result:expr, $($name:ident)*;)*) => {
        vec![$($(Operator { instruction: Instruction::$name, params: &$params, result: $result },)*)*]
    };
}

/// Those of scalars, without those that trap.
pub static SCALARS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    operators! {
        [I32] => I32, I32Eqz I32Eqz I32Clz I32Ctz I32Popcnt I32Extend8S I32Extend16S;
        [I32, I32] => I32, I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU;
        [I32, I32] => I32, I32Add I32Sub I32Mul I32And I32Or I32Xor I32Shl I32ShrS I32ShrU I32Rotl I32Rotr;
        [I64] => I32, I64Eqz I64Eqz I32WrapI64;
        [I64, I64] => I32, I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU;
        [I64] => I64, I64Clz I64Ctz I64Popcnt I64Extend8S I64Extend16S I64Extend32S;
        [I64, I64] => I64, I64Add I64Sub I64Mul I64And I64Or I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr;
        [I32] => I64, I64ExtendI32S I64ExtendI32U;
        [F32, F32] => I32, F32Eq F32Ne F32Lt F32Gt F32Le F32Ge;
        [F64, F64] => I32, F64Eq F64Ne F64Lt F64Gt F64Le F64Ge;
        [F32] => F32, F32Abs F32Neg F32Ceil F32Floor F32Trunc F32Nearest F32Sqrt;
        [F64] => F64, F64Abs F64Neg F64Ceil F64Floor F64Trunc F64Nearest F64Sqrt;
        [F32, F32] => F32, F32Add F32Sub F32Mul F32Div F32Min F32Max F32Copysign;
        [F64, F64] => F64, F64Add F64Sub F64Mul F64Div F64Min F64Max F64Copysign;
        [F32] => I32, I32TruncSatF32S I32TruncSatF32U I32ReinterpretF32;
        [F64] => I32, I32TruncSatF64S I32TruncSatF64U;
        [F32] => I64, I64TruncSatF32S I64TruncSatF32U;
        [F64] => I64, I64TruncSatF64S I64TruncSatF64U I64ReinterpretF64;
        [I32] => F32, F32ConvertI32S F32ConvertI32U F32ReinterpretI32;
        [I64] => F32, F32ConvertI64S F32ConvertI64U;
        [I32] => F64, F64ConvertI32S F64ConvertI32U;
        [I64] => F64, F64ConvertI64S F64ConvertI64U F64ReinterpretI64;
        [F64] => F32, F32DemoteF64;
        [F32] => F64, F64PromoteF32;
    }
});

/// Those that may trap.
pub static TRAPPING: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    operators! {
        [I32, I32] => I32, I32DivS I32DivU I32RemS I32RemU;
        [I64, I64] => I64, I64DivS I64DivU I64RemS I64RemU;
        [F32] => I32, I32TruncF32S I32TruncF32U;
        [F64] => I32, I32TruncF64S I32TruncF64U;
        [F32] => I64, I64TruncF32S I64TruncF32U;
        [F64] => I64, I64TruncF64S I64TruncF64U;
    }
});

/// Those of vectors, but for those with a lane.
pub static VECTORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    operators! {
        [V128, V128] => V128, I8x16Swizzle V128And V128AndNot V128Or V128Xor;
        [V128, V128, V128] => V128, V128Bitselect V128Bitselect;
        [V128] => V128, V128Not;
        [V128] => I32, V128AnyTrue I8x16AllTrue I16x8AllTrue I32x4AllTrue I64x2AllTrue;
        [V128] => I32, I8x16Bitmask I16x8Bitmask I32x4Bitmask I64x2Bitmask;
        [I32] => V128, I8x16Splat I16x8Splat I32x4Splat;
        [I64] => V128, I64x2Splat;
        [F32] => V128, F32x4Splat;
        [F64] => V128, F64x2Splat;
        [V128, V128] => V128, I8x16Eq I8x16Ne I8x16LtS I8x16LtU I8x16GtS I8x16GtU I8x16LeS I8x16LeU I8x16GeS I8x16GeU;
        [V128, V128] => V128, I16x8Eq I16x8Ne I16x8LtS I16x8LtU I16x8GtS I16x8GtU I16x8LeS I16x8LeU I16x8GeS I16x8GeU;
        [V128, V128] => V128, I32x4Eq I32x4Ne I32x4LtS I32x4LtU I32x4GtS I32x4GtU I32x4LeS I32x4LeU I32x4GeS I32x4GeU;
        [V128, V128] => V128, I64x2Eq I64x2Ne I64x2LtS I64x2GtS I64x2LeS I64x2GeS;
        [V128, V128] => V128, F32x4Eq F32x4Ne F32x4Lt F32x4Gt F32x4Le F32x4Ge;
        [V128, V128] => V128, F64x2Eq F64x2Ne F64x2Lt F64x2Gt F64x2Le F64x2Ge;
        [V128] => V128, I8x16Abs I8x16Neg I8x16Popcnt I16x8Abs I16x8Neg I32x4Abs I32x4Neg I64x2Abs I64x2Neg;
        [V128, I32] => V128, I8x16Shl I8x16ShrS I8x16ShrU I16x8Shl I16x8ShrS I16x8ShrU;
        [V128, I32] => V128, I32x4Shl I32x4ShrS I32x4ShrU I64x2Shl I64x2ShrS I64x2ShrU;
        [V128, V128] => V128, I8x16NarrowI16x8S I8x16NarrowI16x8U I16x8NarrowI32x4S I16x8NarrowI32x4U;
        [V128, V128] => V128, I8x16Add I8x16AddSatS I8x16AddSatU I8x16Sub I8x16SubSatS I8x16SubSatU;
        [V128, V128] => V128, I8x16MinS I8x16MinU I8x16MaxS I8x16MaxU I8x16AvgrU;
        [V128, V128] => V128, I16x8Add I16x8AddSatS I16x8AddSatU I16x8Sub I16x8SubSatS I16x8SubSatU I16x8Mul;
        [V128, V128] => V128, I16x8MinS I16x8MinU I16x8MaxS I16x8MaxU I16x8AvgrU I16x8Q15MulrSatS;
        [V128, V128] => V128, I32x4Add I32x4Sub I32x4Mul I32x4MinS I32x4MinU I32x4MaxS I32x4MaxU I32x4DotI16x8S;
        [V128, V128] => V128, I64x2Add I64x2Sub I64x2Mul;
        [V128] => V128, I16x8ExtAddPairwiseI8x16S I16x8ExtAddPairwiseI8x16U;
        [V128] => V128, I32x4ExtAddPairwiseI16x8S I32x4ExtAddPairwiseI16x8U;
        [V128] => V128, I16x8ExtendLowI8x16S I16x8ExtendHighI8x16S I16x8ExtendLowI8x16U I16x8ExtendHighI8x16U;
        [V128] => V128, I32x4ExtendLowI16x8S I32x4ExtendHighI16x8S I32x4ExtendLowI16x8U I32x4ExtendHighI16x8U;
        [V128] => V128, I64x2ExtendLowI32x4S I64x2ExtendHighI32x4S I64x2ExtendLowI32x4U I64x2ExtendHighI32x4U;
        [V128, V128] => V128, I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16S I16x8ExtMulLowI8x16U I16x8ExtMulHighI8x16U;
        [V128, V128] => V128, I32x4ExtMulLowI16x8S I32x4ExtMulHighI16x8S I32x4ExtMulLowI16x8U I32x4ExtMulHighI16x8U;
        [V128, V128] => V128, I64x2ExtMulLowI32x4S I64x2ExtMulHighI32x4S I64x2ExtMulLowI32x4U I64x2ExtMulHighI32x4U;
        [V128] => V128, F32x4Ceil F32x4Floor F32x4Trunc F32x4Nearest F32x4Abs F32x4Neg F32x4Sqrt;
        [V128] => V128, F64x2Ceil F64x2Floor F64x2Trunc F64x2Nearest F64x2Abs F64x2Neg F64x2Sqrt;
        [V128, V128] => V128, F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min F32x4Max F32x4PMin F32x4PMax;
        [V128, V128] => V128, F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min F64x2Max F64x2PMin F64x2PMax;
        [V128] => V128, I32x4TruncSatF32x4S I32x4TruncSatF32x4U F32x4ConvertI32x4S F32x4ConvertI32x4U;
        [V128] => V128, I32x4TruncSatF64x2SZero I32x4TruncSatF64x2UZero F64x2ConvertLowI32x4S F64x2ConvertLowI32x4U;
        [V128] => V128, F32x4DemoteF64x2Zero F64x2PromoteLowF32x4;
    }
});

impl Body<'_> {
    /// Applies any operator that only computes.
    pub fn compute(&mut self, depth: usize) {
        if self.random.percent(4) {
            self.compute_with_trap(None, depth);
        } else if self.random.percent(15) {
            self.lane(None, depth);
        } else {
            let list = if self.random.percent(70) { &*SCALARS } else { &*VECTORS };
            let at = self.random.below(list.len());
            self.operator(at, list, depth);
        }
    }

    /// Applies an operator that gives a value of a type; returns `false` where there is none.
    pub fn compute_a(&mut self, ty: ValType, depth: usize) -> bool {
        if !matches!(ty, I32 | I64 | F32 | F64 | V128) {
            return false;
        }
        if matches!(ty, I32 | I64) && self.random.percent(4) {
            self.compute_with_trap(Some(ty), depth);
            return true;
        }
        if self.random.percent(if ty == V128 { 25 } else { 5 }) {
            self.lane(Some(ty), depth);
            return true;
        }
        let list = if ty == V128 || self.random.percent(6) { &*VECTORS } else { &*SCALARS };
        let start = self.random.below(list.len());
        let found = (start..list.len()).chain(0..start).find(|at| list[*at].result == ty);
        if let Some(at) = found {
            self.operator(at, list, depth);
        }
        found.is_some()
    }

    fn operator(&mut self, at: usize, list: &'static [Operator], depth: usize) {
        let Operator { instruction, params, result } = &list[at];
        self.operands(params, depth);
        self.apply(instruction.clone(), params.len(), &[*result]);
    }

    /// Applies an operator that may trap, and mostly sees to it that it does not.
    fn compute_with_trap(&mut self, ty: Option<ValType>, depth: usize) {
        let start = self.random.below(TRAPPING.len());
        let mut order = (start..TRAPPING.len()).chain(0..start);
        let found = order.find(|at| ty.is_none_or(|ty| TRAPPING[*at].result == ty));
        let Operator { instruction, params, result } = &TRAPPING[found.expect("both types of integers have some")];
        self.operands(params, depth);
        let last = params[params.len() - 1];
        // A divisor of one or more; a float that is small.
        match last {
            I32 if self.random.percent(75) => {
                self.number(0xf1);
                self.apply(Instruction::I32And, 2, &[I32]);
                self.number(1);
                self.apply(Instruction::I32Or, 2, &[I32]);
            }
            I64 if self.random.percent(75) => {
                self.apply(Instruction::I64Const(1), 0, &[I64]);
                self.apply(Instruction::I64Or, 2, &[I64]);
            }
            F32 if self.random.percent(75) => {
                self.apply(Instruction::I32TruncSatF32U, 1, &[I32]);
                self.number(0xffff);
                self.apply(Instruction::I32And, 2, &[I32]);
                self.apply(Instruction::F32ConvertI32S, 1, &[F32]);
            }
            F64 if self.random.percent(75) => {
                self.apply(Instruction::I64TruncSatF64S, 1, &[I64]);
                self.apply(Instruction::I64Const(0xffff), 0, &[I64]);
                self.apply(Instruction::I64And, 2, &[I64]);
                self.apply(Instruction::F64ConvertI64U, 1, &[F64]);
            }
            _ => {}
        }
        self.apply(instruction.clone(), params.len(), &[*result]);
    }
}
