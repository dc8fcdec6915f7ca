//! The operators of tables.

use wasm_encoder::{Instruction, RefType, ValType};

use super::body::Body;

impl Body<'_> {
    /// Pushes the index of a slot of a table, or one past its end now and then.
    pub fn slot(&mut self, table: u32, depth: usize) {
        let size = self.plan.tables[table as usize].slots.len();
        let i32 = ValType::I32;
        match self.random.below(20) {
            0..11 => {
                let slot = self.random.below(size.max(1)) as i32;
                self.number(slot);
            }
            11..19 => {
                self.operands(&[i32], depth);
                self.number(if size >= 8 { 7 } else { 3 });
                self.apply(Instruction::I32And, 2, &[i32]);
            }
            _ => self.local_or_constant(i32),
        }
    }

    /// Pushes what a table of these references holds, or null where there is none.
    pub fn table_get(&mut self, ty: ValType) {
        let of = if ty == ValType::FUNCREF { RefType::FUNCREF } else { RefType::EXTERNREF };
        let tables = self.plan.tables_of(of);
        if tables.is_empty() {
            return self.null(of);
        }
        let table = *self.random.pick(&tables);
        self.slot(table, 1);
        self.apply(Instruction::TableGet(table), 1, &[ty]);
    }

    /// Applies an operator of tables.
    pub fn table(&mut self, depth: usize) {
        let table = self.random.below(self.plan.tables.len()) as u32;
        let of = self.plan.tables[table as usize].ty;
        let (ty, i32) = (ValType::Ref(of), ValType::I32);
        match self.random.below(14) {
            0..4 => {
                self.slot(table, depth);
                self.push(ty, depth);
                self.apply(Instruction::TableSet(table), 2, &[]);
            }
            4..6 => {
                self.slot(table, depth);
                self.apply(Instruction::TableGet(table), 1, &[ty]);
            }
            6..8 => {
                self.operands(&[ty], depth);
                let count = *self.random.pick(&[0, 1, 2, 3, 40, -1]);
                self.number(count);
                self.apply(Instruction::TableGrow(table), 2, &[i32]);
            }
            8..10 => {
                self.slot(table, depth);
                self.push(ty, depth);
                self.length(3);
                self.apply(Instruction::TableFill(table), 3, &[]);
            }
            10..12 => {
                let same = self.plan.tables_of(of);
                let src_table = *self.random.pick(&same);
                self.slot(table, depth);
                self.apart(|body| body.slot(src_table, depth));
                self.length(4);
                self.apply(Instruction::TableCopy { src_table, dst_table: table }, 3, &[]);
            }
            12 if of == RefType::FUNCREF => {
                // The passive ones come first; behind them stand those that count as dropped.
                let passive = self.plan.elements.len();
                let segment = self.random.below(passive);
                self.slot(table, depth);
                let len = self.plan.elements[segment].len();
                let from = self.random.below(len + 1);
                self.number(from as i32);
                self.length(len - from);
                self.apply(Instruction::TableInit { elem_index: segment as u32, table }, 3, &[]);
            }
            12 => self.apply(Instruction::TableSize(table), 0, &[i32]),
            _ => {
                let segment = self.random.below(self.plan.elements.len()) as u32;
                self.emit(Instruction::ElemDrop(segment));
            }
        }
    }
}
