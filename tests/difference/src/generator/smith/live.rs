//! Function bodies that go on: `wasm-smith` leaves a block after a few operators, and so most of what it makes is dead.
//! Here most of what leaves a block leaves it under a condition, and the dead code behind is left out. Conditions are
//! more often than not of the kinds that compilers make.

use wasm_encoder::{Function, HeapType, Ieee32, Ieee64, ValType, reencode::Reencode};
use wasmparser::{BlockType, FuncValidator, FunctionBody, Operator, ValidatorResources, WasmModuleResources};

use crate::random::Random;

/// What the hash of what is told is multiplied with for each value.
const FACTOR: i64 = 0x100_0000_01b3;

/// The globals that are added: a hash of what is told, and how often a block may be left yet.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    pub told: u32,
    pub turns: u32,
}

/// A body in the making.
pub struct Live<'r> {
    pub function: Function,
    pub validator: FuncValidator<ValidatorResources>,
    pub own: Own,
    pub random: &'r mut Random,
}

/// Where code is left out: the height of the frame that it is left out of, and the types that are on the stack there.
struct Dead {
    frames: u32,
    present: Vec<wasmparser::ValType>,
}

impl Live<'_> {
    /// Makes the body.
    pub fn body(mut self, body: &FunctionBody<'_>, encode: &mut impl Reencode) -> Result<Function, String> {
        let text = |error: wasmparser::BinaryReaderError| error.to_string();
        self.validator.read_locals(&mut body.get_binary_reader()).map_err(text)?;
        let mut operators = body.get_operators_reader().map_err(text)?;
        let mut dead: Option<Dead> = None;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset().map_err(text)?;
            let frames = self.validator.control_stack_height();
            if let Some(left) = &dead {
                if frames == left.frames && matches!(operator, Operator::End | Operator::Else) {
                    let Dead { present, .. } = dead.take().expect("it is there");
                    self.fit(present);
                } else {
                    self.validator.op(offset, &operator).map_err(text)?;
                    continue;
                }
            }
            self.mix(&operator);
            let top = self.validator.get_operand_type(0).flatten();
            match top {
                Some(ty) if matches!(operator, Operator::Drop) && self.random.percent(60) => self.tell(ty),
                _ => match self.present().filter(|_| self.random.percent(85)) {
                    Some(present) if self.leave(&operator) => {
                        let index = usize::from(matches!(operator, Operator::BrTable { .. }));
                        let present = present[..present.len() - index].to_vec();
                        dead = Some(Dead { frames, present });
                    }
                    _ => {
                        let instruction = encode.instruction(operator.clone()).map_err(|_| "it is encoded")?;
                        self.function.instruction(&instruction);
                    }
                },
            }
            self.validator.op(offset, &operator).map_err(text)?;
            if dead.is_none() && !operators.eof() {
                self.enrich();
            }
        }
        Ok(self.function)
    }

    /// Makes another condition of one, now and then: its negation, or that of a local.
    fn mix(&mut self, operator: &Operator<'_>) {
        let is_asked = matches!(
            operator,
            Operator::Select | Operator::TypedSelect { .. } | Operator::BrIf { .. } | Operator::If { .. }
        );
        if !is_asked || self.random.percent(50) {
            return;
        }
        let i32 = wasmparser::ValType::I32;
        if let Some(local) = self.local(i32).filter(|_| self.random.percent(60)) {
            self.tell(i32);
            self.function.instructions().local_get(local);
        }
        self.function.instructions().i32_eqz();
    }

    /// Puts the last value into a local, or selects between it and a local, now and then: values stay on the stack
    /// while a local that holds them is assigned.
    fn enrich(&mut self) {
        let Some(ty) = self.present().and_then(|present| present.last().copied()) else { return };
        let Some(local) = self.local(ty).filter(|_| !ty.is_reference_type() && self.random.percent(15)) else { return };
        let condition = self.local(wasmparser::ValType::I32).filter(|_| self.random.percent(60));
        let mut code = self.function.instructions();
        match condition {
            Some(condition) => code.local_get(local).local_get(condition).i32_eqz().select(),
            None => code.local_tee(local),
        };
    }

    /// Picks a local of a type.
    fn local(&mut self, ty: wasmparser::ValType) -> Option<u32> {
        let locals = 0..self.validator.len_locals();
        let locals: Vec<u32> = locals.filter(|at| self.validator.get_local_type(*at) == Some(ty)).collect();
        (!locals.is_empty()).then(|| *self.random.pick(&locals))
    }

    /// Returns the types on the stack of the innermost frame, where code is alive.
    fn present(&self) -> Option<Vec<wasmparser::ValType>> {
        let frame = self.validator.get_control_frame(0).filter(|frame| !frame.unreachable)?;
        let count = self.validator.operand_stack_height() as usize - frame.height;
        (0..count).rev().map(|at| self.validator.get_operand_type(at).flatten()).collect()
    }

    /// Leaves a block under a condition where this operator would always; returns `false` for all others.
    fn leave(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Br { relative_depth } => {
                self.condition();
                self.function.instructions().br_if(*relative_depth);
            }
            Operator::Return => {
                self.condition();
                let out = self.validator.control_stack_height() - 1;
                self.function.instructions().br_if(out);
            }
            Operator::BrTable { targets } => {
                self.condition();
                self.function.instructions().i32_and().br_if(targets.default());
            }
            Operator::Unreachable | Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } => {}
            _ => return false,
        }
        true
    }

    /// Pushes a condition that holds now and then, and at last no more.
    fn condition(&mut self) {
        let (Own { told, turns }, shift) = (self.own, self.random.below(60) as i64);
        let mut code = self.function.instructions();
        code.global_get(turns).i32_const(1).i32_sub().global_set(turns);
        code.global_get(told).i64_const(shift).i64_shr_u().i32_wrap_i64().i32_const(3).i32_and().i32_eqz();
        code.global_get(turns).i32_const(0).i32_gt_s().i32_and();
    }

    /// Makes what is on the stack the results of the innermost frame.
    fn fit(&mut self, mut present: Vec<wasmparser::ValType>) {
        let Some(frame) = self.validator.get_control_frame(0) else { return };
        let results = match frame.block_type {
            BlockType::Empty => Vec::new(),
            BlockType::Type(ty) => vec![ty],
            BlockType::FuncType(index) => {
                let ty = self.validator.resources().sub_type_at(index).expect("it is valid");
                ty.unwrap_func().results().to_vec()
            }
        };
        while !results.starts_with(&present) {
            let last = present.pop().expect("nothing is the beginning of anything");
            self.tell(last);
        }
        for ty in &results[present.len()..] {
            let mut code = self.function.instructions();
            match ty {
                wasmparser::ValType::I32 => code.i32_const(0),
                wasmparser::ValType::I64 => code.i64_const(0),
                wasmparser::ValType::F32 => code.f32_const(Ieee32::new(0)),
                wasmparser::ValType::F64 => code.f64_const(Ieee64::new(0)),
                wasmparser::ValType::V128 => code.v128_const(0),
                wasmparser::ValType::Ref(ty) if ty.is_func_ref() => code.ref_null(HeapType::FUNC),
                wasmparser::ValType::Ref(_) => code.ref_null(HeapType::EXTERN),
            };
        }
    }

    /// Takes a value off the stack and into the hash.
    fn tell(&mut self, ty: wasmparser::ValType) {
        let told = self.own.told;
        let mut code = self.function.instructions();
        match ty {
            wasmparser::ValType::I32 => code.i64_extend_i32_u(),
            wasmparser::ValType::I64 => &mut code,
            wasmparser::ValType::F32 => code.i32_reinterpret_f32().i64_extend_i32_u(),
            wasmparser::ValType::F64 => code.i64_reinterpret_f64(),
            wasmparser::ValType::V128 => code.i64x2_extract_lane(0),
            wasmparser::ValType::Ref(_) => code.ref_is_null().i64_extend_i32_u(),
        };
        code.global_get(told).i64_const(FACTOR).i64_mul().i64_add().global_set(told);
    }
}

/// The types of the globals that are added, in their order.
pub const OWN: [ValType; 2] = [ValType::I64, ValType::I32];
