//! The operators of vectors that name lanes.

use wasm_encoder::{Instruction, ValType};

use super::body::Body;

impl Body<'_> {
    /// Applies an operator with lanes, one that gives a value of this type if one is named.
    pub fn lane(&mut self, ty: Option<ValType>, depth: usize) {
        let lane = self.random.below(16) as u8;
        let (v128, i32, i64) = (ValType::V128, ValType::I32, ValType::I64);
        let (f32, f64) = (ValType::F32, ValType::F64);
        let ty = ty.unwrap_or_else(|| *self.random.pick(&[v128, v128, i32, i64, f32, f64]));
        let (instruction, params): (_, &[ValType]) = match ty {
            ValType::I32 => (
                match self.random.below(5) {
                    0 => Instruction::I8x16ExtractLaneS(lane),
                    1 => Instruction::I8x16ExtractLaneU(lane),
                    2 => Instruction::I16x8ExtractLaneS(lane % 8),
                    3 => Instruction::I16x8ExtractLaneU(lane % 8),
                    _ => Instruction::I32x4ExtractLane(lane % 4),
                },
                &[v128],
            ),
            ValType::I64 => (Instruction::I64x2ExtractLane(lane % 2), &[v128]),
            ValType::F32 => (Instruction::F32x4ExtractLane(lane % 4), &[v128]),
            ValType::F64 => (Instruction::F64x2ExtractLane(lane % 2), &[v128]),
            _ => match self.random.below(8) {
                0 => (Instruction::I8x16ReplaceLane(lane), &[v128, i32]),
                1 => (Instruction::I16x8ReplaceLane(lane % 8), &[v128, i32]),
                2 => (Instruction::I32x4ReplaceLane(lane % 4), &[v128, i32]),
                3 => (Instruction::I64x2ReplaceLane(lane % 2), &[v128, i64]),
                4 => (Instruction::F32x4ReplaceLane(lane % 4), &[v128, f32]),
                5 => (Instruction::F64x2ReplaceLane(lane % 2), &[v128, f64]),
                _ => (Instruction::I8x16Shuffle(self.lanes()), &[v128, v128]),
            },
        };
        self.operands(params, depth);
        self.apply(instruction, params.len(), &[ty]);
    }

    fn lanes(&mut self) -> [u8; 16] {
        let bits = self.random.wide_bits();
        bits.to_le_bytes().map(|byte| byte % 32)
    }
}
