//! Calls of every kind.

use wasm_encoder::{Instruction, RefType, ValType};

use super::{
    body::Body,
    plan::{Planned, Role, Signature},
};

impl Body<'_> {
    /// Picks a function that may be called from here.
    fn callee(&mut self, fits: impl Fn(&Signature) -> bool) -> Option<(u32, Signature)> {
        let callable = |of: &Planned| of.role != Role::Root && fits(&of.signature);
        let found: Vec<u32> =
            (0..).zip(&self.plan.functions).filter(|(_, f)| callable(f)).map(|(index, _)| index).collect();
        if found.is_empty() {
            return None;
        }
        let index = *self.random.pick(&found);
        Some((index, self.plan.functions[index as usize].signature.clone()))
    }

    /// Calls a function, by its index or through a table.
    pub fn call(&mut self, depth: usize) {
        if let Some((index, signature)) = self.callee(|_| true) {
            self.call_this(index, &signature, depth);
        }
    }

    /// Calls a function that gives one value of a type; returns `false` where there is none.
    pub fn call_for(&mut self, ty: ValType, depth: usize) -> bool {
        let found = self.callee(|signature| signature.results == [ty]);
        if let Some((index, signature)) = &found {
            self.call_this(*index, signature, depth);
        }
        found.is_some()
    }

    fn call_this(&mut self, index: u32, signature: &Signature, depth: usize) {
        self.operands(&signature.params, depth);
        let takes = signature.params.len();
        match self.indirect(index, depth) {
            Some(table_index) => {
                let type_index = signature.index;
                self.apply(Instruction::CallIndirect { type_index, table_index }, takes + 1, &signature.results);
            }
            None => self.apply(Instruction::Call(index), takes, &signature.results),
        }
    }

    /// Returns with what another function gives; returns `false` where none gives the same types.
    pub fn tail_call(&mut self, depth: usize) -> bool {
        let results = self.results.clone();
        let Some((index, signature)) = self.callee(|signature| signature.results == results) else { return false };
        self.operands(&signature.params, depth);
        match self.indirect(index, depth) {
            Some(table_index) => {
                self.emit(Instruction::ReturnCallIndirect { type_index: signature.index, table_index });
            }
            None => self.emit(Instruction::ReturnCall(index)),
        }
        self.die();
        true
    }

    /// Pushes the slot of a table in which a function stands at the start, for about half of all calls.
    fn indirect(&mut self, index: u32, depth: usize) -> Option<u32> {
        if self.random.percent(50) {
            return None;
        }
        let tables = self.plan.tables_of(RefType::FUNCREF);
        let table = *self.random.pick(&tables);
        let slots = &self.plan.tables[table as usize].slots;
        let slot = slots.iter().position(|function| *function == Some(index));
        match slot {
            _ if self.random.percent(4) => self.apart(|body| body.slot(table, depth)),
            // One table has the same function everywhere.
            Some(_) if slots.iter().all(|function| *function == Some(index)) => {
                self.apart(|body| body.slot(table, depth))
            }
            Some(slot) => self.apply(Instruction::I32Const(slot as i32), 0, &[ValType::I32]),
            None => return None,
        }
        Some(table)
    }
}
