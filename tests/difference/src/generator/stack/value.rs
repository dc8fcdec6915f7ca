//! Values from everywhere, conditions of every kind, and where values go.

use wasm_encoder::{HeapType, Ieee32, Ieee64, Instruction, RefType, ValType};

use super::body::{Body, Use};

/// Where a value comes from.
#[derive(Debug, Clone, Copy)]
enum Way {
    Leaf,
    Operator,
    Tee,
    Load,
    Select,
    Block,
    Call,
    Dead,
}

impl Body<'_> {
    /// Pushes a value of a type, by an expression of at most this depth.
    pub fn push(&mut self, ty: ValType, depth: usize) {
        self.apart(|body| body.value(ty, depth));
    }

    fn value(&mut self, ty: ValType, depth: usize) {
        use Way::*;
        if depth == 0 || self.left == 0 {
            return self.leaf(ty);
        }
        let numeric = !matches!(ty, ValType::Ref(_));
        let dead = if self.is_open() { 10 } else { 0 };
        let ways = [
            (45, Leaf),
            (if numeric { 35 } else { 0 }, Operator),
            (6, Tee),
            (8, Load),
            (5, Select),
            (if self.frames.len() < 8 { 4 } else { 0 }, Block),
            (3, Call),
            (dead, Dead),
        ];
        match self.random.weighted(&ways) {
            Operator if self.compute_a(ty, depth - 1) => {}
            Tee => {
                let Some(local) = self.local_of(ty, |of| of == Use::Free) else { return self.leaf(ty) };
                self.operands(&[ty], depth - 1);
                self.apply(Instruction::LocalTee(local), 1, &[ty]);
            }
            Load if numeric => self.load(ty, depth - 1),
            Load => self.table_get(ty),
            Select => self.select(Some(ty), depth - 1),
            Block => self.block(Some(vec![ty])),
            Call => {
                if !self.call_for(ty, depth - 1) {
                    self.leaf(ty);
                }
            }
            // Nothing need be there: where code is dead, a value of any type is.
            Dead if numeric => self.apply(Instruction::TypedSelect(ty), 3, &[ty]),
            _ => self.leaf(ty),
        }
    }

    /// Pushes a value that takes one operator.
    pub fn leaf(&mut self, ty: ValType) {
        match self.random.below(20) {
            0..11 => {
                if let Some(local) = self.local_of(ty, |_| true) {
                    return self.apply(Instruction::LocalGet(local), 0, &[ty]);
                }
            }
            11..14 => {
                if let Some(global) = self.global_of(ty, |_| true) {
                    return self.apply(Instruction::GlobalGet(global), 0, &[ty]);
                }
            }
            14 if ty == ValType::I32 => {
                let instruction = if self.random.percent(60) {
                    Instruction::MemorySize(self.memory())
                } else {
                    Instruction::TableSize(self.random.below(self.plan.tables.len()) as u32)
                };
                return self.apply(instruction, 0, &[ty]);
            }
            _ => {}
        }
        self.constant(ty);
    }

    /// Picks a global of a type that passes a test.
    pub fn global_of(&mut self, ty: ValType, fits: impl Fn(&super::plan::Global) -> bool) -> Option<u32> {
        let globals = (0..).zip(&self.plan.globals);
        let found: Vec<u32> = globals.filter(|(_, g)| g.ty == ty && fits(g)).map(|(index, _)| index).collect();
        (!found.is_empty()).then(|| *self.random.pick(&found))
    }

    /// Pushes a condition.
    pub fn condition(&mut self, depth: usize) {
        self.apart(|body| body.any_condition(depth));
    }

    fn any_condition(&mut self, depth: usize) {
        let i32 = ValType::I32;
        match self.random.below(16) {
            // An equality with zero of a local, which was assigned right before or not.
            0 | 1 => {
                if self.random.percent(30) {
                    self.assign(i32, depth);
                }
                self.local_or_constant(i32);
                self.apply(Instruction::I32Eqz, 1, &[i32]);
            }
            2 => {
                self.local_or_constant(ValType::I64);
                self.apply(Instruction::I64Eqz, 1, &[i32]);
            }
            3 => {
                self.push(i32, depth);
                self.apply(Instruction::I32Eqz, 1, &[i32]);
            }
            4 | 5 => {
                let ty = *self.random.pick(&[ValType::I32, ValType::I64, ValType::F32, ValType::F64]);
                self.local_or_constant(ty);
                let equal = self.random.percent(60);
                let (zero, compare) = match (ty, equal) {
                    (ValType::I32, true) => (Instruction::I32Const(0), Instruction::I32Eq),
                    (ValType::I32, false) => (Instruction::I32Const(0), Instruction::I32Ne),
                    (ValType::I64, true) => (Instruction::I64Const(0), Instruction::I64Eq),
                    (ValType::I64, false) => (Instruction::I64Const(0), Instruction::I64Ne),
                    (ValType::F32, true) => (Instruction::F32Const(Ieee32::new(0)), Instruction::F32Eq),
                    (ValType::F32, false) => (Instruction::F32Const(Ieee32::new(0)), Instruction::F32Lt),
                    (_, true) => (Instruction::F64Const(Ieee64::new(0)), Instruction::F64Eq),
                    (_, false) => (Instruction::F64Const(Ieee64::new(0)), Instruction::F64Le),
                };
                self.apply(zero, 0, &[ty]);
                self.apply(compare, 2, &[i32]);
            }
            6 | 7 => self.compared(depth),
            8 => {
                let decided = self.random.below(2) as i32;
                self.number(decided);
            }
            9 => {
                let ty = if self.random.percent(60) { ValType::FUNCREF } else { ValType::EXTERNREF };
                self.operands(&[ty], depth.min(1));
                self.apply(Instruction::RefIsNull, 1, &[i32]);
            }
            10 => {
                self.local_or_constant(i32);
                let bit = 1 << self.random.below(8);
                self.number(bit);
                self.apply(Instruction::I32And, 2, &[i32]);
            }
            11 => {
                self.operands(&[ValType::V128], depth.min(1));
                self.apply(Instruction::V128AnyTrue, 1, &[i32]);
            }
            12 => {
                // A condition of a condition.
                self.compared(depth);
                self.apply(Instruction::I32Eqz, 1, &[i32]);
            }
            13 | 14 => self.local_or_constant(i32),
            _ => self.push(i32, depth),
        }
    }

    /// Pushes the outcome of a comparison.
    fn compared(&mut self, depth: usize) {
        let list = &*super::operator::SCALARS;
        let compare: Vec<_> = list.iter().filter(|op| op.params.len() == 2 && op.result == ValType::I32).collect();
        let operator = *self.random.pick(&compare);
        self.operands(operator.params, depth.min(1));
        self.apply(operator.instruction.clone(), 2, &[ValType::I32]);
    }

    /// Pushes a local, or a constant where there is none of the type.
    pub fn local_or_constant(&mut self, ty: ValType) {
        match self.local_of(ty, |_| true) {
            Some(local) => self.apply(Instruction::LocalGet(local), 0, &[ty]),
            None => self.constant(ty),
        }
    }

    /// Selects one of two values.
    pub fn select(&mut self, ty: Option<ValType>, depth: usize) {
        let last = self.above().last().copied();
        let ty = ty.or(last).unwrap_or_else(|| super::plan::value_type(self.random, true));
        self.operands(&[ty, ty], depth.min(1));
        self.condition(depth.min(1));
        let instruction = match ty {
            ValType::Ref(_) => Instruction::TypedSelect(ty),
            _ if self.random.percent(30) => Instruction::TypedSelect(ty),
            _ => Instruction::Select,
        };
        self.apply(instruction, 3, &[ty]);
    }

    /// Assigns to a free local of a type, if there is one.
    pub fn assign(&mut self, ty: ValType, depth: usize) {
        let Some(local) = self.local_of(ty, |of| of == Use::Free) else { return };
        if self.random.percent(20) {
            // Of the kind `x = x + 1`, while older values of `x` wait on the stack.
            self.apply(Instruction::LocalGet(local), 0, &[ty]);
            self.over(ty, depth);
        } else {
            self.operands(&[ty], depth);
        }
        self.apply(Instruction::LocalSet(local), 1, &[]);
    }

    /// Changes the last value, and leaves its type.
    fn over(&mut self, ty: ValType, depth: usize) {
        let instruction = match ty {
            ValType::I32 => Instruction::I32Add,
            ValType::I64 => Instruction::I64Xor,
            ValType::F32 => Instruction::F32Mul,
            ValType::F64 => Instruction::F64Sub,
            ValType::V128 => Instruction::I32x4Add,
            _ => return,
        };
        self.push(ty, depth.min(1));
        self.apply(instruction, 2, &[ty]);
    }

    /// Takes the last value and puts it somewhere; some of what it folds is left on the stack.
    pub fn consume(&mut self) {
        let [.., last] = *self.above() else { return };
        let below = self.above().len().checked_sub(2).map(|at| self.above()[at]);
        match self.random.below(20) {
            0..9 => {
                let folded = below.and_then(|below| self.fold(below, last));
                if let Some((instruction, result)) = folded {
                    return self.apply(instruction, 2, &[result]);
                }
            }
            9..15 => {
                if let Some(local) = self.local_of(last, |of| of == Use::Free) {
                    return self.apply(Instruction::LocalSet(local), 1, &[]);
                }
            }
            15..18 => {
                if let Some(global) = self.global_of(last, |global| global.mutable && !global.counts) {
                    return self.apply(Instruction::GlobalSet(global), 1, &[]);
                }
            }
            _ => {}
        }
        self.apply(Instruction::Drop, 1, &[]);
    }

    /// Returns an operator that makes one value of two.
    fn fold(&mut self, below: ValType, last: ValType) -> Option<(Instruction<'static>, ValType)> {
        let all = super::operator::SCALARS.iter().chain(&*super::operator::VECTORS);
        let found: Vec<_> = all.filter(|op| op.params == [below, last]).collect();
        if found.is_empty() {
            return None;
        }
        let operator = *self.random.pick(&found);
        Some((operator.instruction.clone(), operator.result))
    }

    /// Pushes null.
    pub fn null(&mut self, ty: RefType) {
        let heap = if ty == RefType::FUNCREF { HeapType::FUNC } else { HeapType::EXTERN };
        self.apply(Instruction::RefNull(heap), 0, &[ValType::Ref(ty)]);
    }
}
