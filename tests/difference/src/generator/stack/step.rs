//! What comes next in a body: chosen by weights, with what is on the stack already.

use wasm_encoder::{Instruction, ValType};

use super::{
    body::{Body, Use},
    plan::value_type,
};

/// What a step does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Push,
    Compute,
    Assign,
    Consume,
    Block,
    Pending,
    BranchIf,
    Depart,
    Call,
    Store,
    Select,
    Bulk,
    Table,
    Grow,
    Global,
    Point,
    Tee,
    Nothing,
}

impl Body<'_> {
    /// Makes steps until the budget is used up.
    pub fn fill(&mut self) {
        while self.left > 0 {
            self.step();
            // What follows is never reached: a little of it is enough.
            if self.frame().dead && self.random.percent(60) {
                return;
            }
        }
    }

    /// Makes up to so many steps.
    pub fn steps(&mut self, most: usize) {
        for _ in 0..self.random.below(most) + 1 {
            if self.left == 0 || self.frame().dead && self.random.percent(50) {
                return;
            }
            self.step();
        }
    }

    fn step(&mut self) {
        use Step::*;
        let nested = self.frames.len() > 1;
        let ways = [
            (24, Push),
            (16, Compute),
            (12, Assign),
            (if self.above().len() > 8 { 200 } else { 3 }, Consume),
            (if self.frames.len() < 8 { 13 } else { 0 }, Block),
            (if self.frames.len() < 8 { 4 } else { 0 }, Pending),
            (7, BranchIf),
            (if nested { 4 } else { 0 }, Depart),
            (5, Call),
            (7, Store),
            (6, Select),
            (2, Bulk),
            (3, Table),
            (1, Grow),
            (3, Global),
            (2, Point),
            (4, Tee),
            (1, Nothing),
        ];
        match self.random.weighted(&ways) {
            Push => {
                let ty = value_type(self.random, true);
                self.push(ty, 3);
            }
            Compute => self.compute(2),
            Assign => {
                let ty = value_type(self.random, true);
                self.assign(ty, 2);
            }
            Consume => self.consume(),
            Block => self.block(None),
            Pending => self.pending(),
            BranchIf => self.branch_if(2),
            Depart => self.depart(2),
            Call => self.call(2),
            Store => self.store(2),
            Select => self.select(None, 2),
            Bulk => self.bulk(1),
            Table => self.table(1),
            Grow => self.grow(1),
            Global => {
                let ty = value_type(self.random, true);
                if let Some(global) = self.global_of(ty, |global| global.mutable && !global.counts) {
                    self.operands(&[ty], 2);
                    self.apply(Instruction::GlobalSet(global), 1, &[]);
                }
            }
            Point => {
                let pointer = self.local_of(ValType::I32, |of| of == Use::Pointer).expect("every body has one");
                self.operands(&[ValType::I32], 2);
                let mask = *self.random.pick(&[0xff, 0x7ff8, 0xfffc]);
                self.number(mask);
                self.apply(Instruction::I32And, 2, &[ValType::I32]);
                self.apply(Instruction::LocalSet(pointer), 1, &[]);
            }
            Tee => {
                let ty = value_type(self.random, true);
                if let Some(local) = self.local_of(ty, |of| of == Use::Free) {
                    self.operands(&[ty], 2);
                    self.apply(Instruction::LocalTee(local), 1, &[ty]);
                }
            }
            Nothing => self.emit(Instruction::Nop),
        }
    }

    /// Pushes locals, and begins a block in which they are assigned while their old values wait.
    fn pending(&mut self) {
        let ty = value_type(self.random, true);
        let Some(local) = self.local_of(ty, |of| of == Use::Free) else { return };
        self.apply(Instruction::LocalGet(local), 0, &[ty]);
        if self.random.percent(40) {
            let other = value_type(self.random, true);
            self.local_or_constant(other);
        }
        if self.random.percent(30) {
            self.push(ty, 1);
            self.apply(Instruction::LocalSet(local), 1, &[]);
        }
        self.block(None);
        if self.random.percent(50) {
            self.push(ty, 1);
            self.apply(Instruction::LocalSet(local), 1, &[]);
        }
    }
}
