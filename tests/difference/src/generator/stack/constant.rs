//! Constants, more often than not such as stand at the end of a range.

use wasm_encoder::{HeapType, Ieee32, Ieee64, Instruction, ValType};

use super::body::Body;
use crate::arguments;

impl Body<'_> {
    /// Pushes a constant of a type.
    pub fn constant(&mut self, ty: ValType) {
        let instruction = match ty {
            ValType::I32 => Instruction::I32Const(self.small().unwrap_or_else(|bits| bits as i32)),
            ValType::I64 => Instruction::I64Const(self.small().map_or_else(|bits| bits as i64, i64::from)),
            ValType::F32 => Instruction::F32Const(Ieee32::new(match self.small() {
                Ok(number) => (number as f32).to_bits(),
                Err(bits) => bits as u32,
            })),
            ValType::F64 => Instruction::F64Const(Ieee64::new(match self.small() {
                Ok(number) => f64::from(number).to_bits(),
                Err(bits) => bits as u64,
            })),
            ValType::V128 => Instruction::V128Const(arguments::bits(self.random) as i128),
            ValType::FUNCREF if self.random.percent(70) => {
                let of = self.plan.inner();
                Instruction::RefFunc(*self.random.pick(&of))
            }
            ValType::FUNCREF => Instruction::RefNull(HeapType::FUNC),
            _ => Instruction::RefNull(HeapType::EXTERN),
        };
        self.apply(instruction, 0, &[ty]);
    }

    /// Returns a small number, or any bits.
    fn small(&mut self) -> Result<i32, u128> {
        match self.random.below(10) {
            0..5 => Ok(self.random.range(0, 12) as i32 - 2),
            5..7 => Ok(self.random.below(1 << 12) as i32),
            _ => Err(arguments::bits(self.random)),
        }
    }
}
