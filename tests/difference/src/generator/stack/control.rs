//! Blocks, loops and ifs, with parameters and results, begun while values wait on the stack.

use wasm_encoder::{Instruction, ValType};

use super::{
    body::{Body, Counter, Frame, Kind, Use},
    plan::value_types,
};

impl Body<'_> {
    /// Makes a block, a loop or an `if`, with these results if they are given.
    pub fn block(&mut self, results: Option<Vec<ValType>>) {
        // Parameters are what is on the stack already, and perhaps a few values more.
        if self.random.percent(20) {
            for ty in value_types(self.random, 2, true) {
                self.push(ty, 1);
            }
        }
        let most = self.above().len().min(4);
        let count = match results {
            // What was pushed here is for it alone.
            Some(_) => self.above().len(),
            None if self.random.percent(45) => 0,
            None => self.random.below(most + 1),
        };
        let above = self.above();
        let params = above[above.len() - count..].to_vec();
        let what = self.random.below(20);
        let is_given = results.is_some();
        let results = match results {
            Some(results) => results,
            None if self.random.percent(25) => params.clone(),
            None => value_types(self.random, 4, true),
        };
        let (params, results) = self.known(params, results, is_given);
        match what {
            0..8 => self.plain_block(&params, &results),
            8..13 => self.bounded_loop(&params, &results),
            _ => self.either(&params, &results),
        }
    }

    /// Returns a type for a block: this one, or one that there is already. Wasmtime takes time for each.
    fn known(&mut self, params: Vec<ValType>, results: Vec<ValType>, is_given: bool) -> (Vec<ValType>, Vec<ValType>) {
        if is_given || self.types.has_room(&params, &results) {
            return (params, results);
        }
        let fits = |(params, _): &&(Vec<ValType>, Vec<ValType>)| self.above().ends_with(params);
        let fitting: Vec<_> = self.types.0.iter().filter(fits).collect();
        match fitting.len() {
            0 => (Vec::new(), results.into_iter().take(1).collect()),
            len => fitting[self.random.below(len)].clone(),
        }
    }

    /// Begins a frame: its parameters are on the stack.
    fn begin(&mut self, kind: Kind, params: &[ValType], results: &[ValType]) {
        let ty = self.block_type(params, results);
        self.emit(match kind {
            Kind::Loop(_) => Instruction::Loop(ty),
            Kind::If => Instruction::If(ty),
            _ => Instruction::Block(ty),
        });
        let base = self.stack.len() - params.len();
        self.frames.push(Frame { kind, params: params.to_vec(), results: results.to_vec(), base, dead: false });
    }

    /// Ends the innermost frame: its results are on the stack.
    fn end(&mut self) {
        self.fit();
        self.emit(Instruction::End);
        let frame = self.frames.pop().expect("it was begun");
        self.stack.truncate(frame.base);
        self.stack.extend(frame.results);
    }

    fn plain_block(&mut self, params: &[ValType], results: &[ValType]) {
        self.begin(Kind::Block, params, results);
        self.steps(7);
        self.end();
    }

    fn either(&mut self, params: &[ValType], results: &[ValType]) {
        self.condition(1);
        // Without an `else`, parameters are results.
        let alone = params == results && self.random.percent(60);
        self.take(1);
        self.begin(Kind::If, params, results);
        self.steps(6);
        if !alone {
            self.fit();
            self.emit(Instruction::Else);
            let frame = self.frames.last_mut().expect("it was begun");
            frame.dead = false;
            let base = frame.base;
            self.stack.truncate(base);
            self.stack.extend_from_slice(params);
            self.steps(6);
        }
        self.end();
    }

    fn bounded_loop(&mut self, params: &[ValType], results: &[ValType]) {
        let counter = self.counter();
        let turns = self.random.range(1, 5) as i32;
        self.number(turns);
        self.set(counter);
        self.begin(Kind::Loop(counter), params, results);
        self.steps(7);
        if !self.frame().dead && self.random.percent(85) {
            self.operands(params, 1);
            self.again(counter);
            self.apply(Instruction::BrIf(0), 1, &[]);
        }
        self.end();
    }

    /// Returns what counts the turns of a loop: nothing that an outer loop counts with.
    fn counter(&mut self) -> Counter {
        let taken = |counter| self.frames.iter().any(|frame| frame.kind == Kind::Loop(counter));
        let global = (0..)
            .zip(&self.plan.globals)
            .skip(1)
            .find(|(index, global)| global.counts && !taken(Counter::Global(*index)));
        match global {
            Some((index, _)) if self.random.percent(25) => Counter::Global(index),
            _ => Counter::Local(self.local(ValType::I32, Use::Counter)),
        }
    }

    fn set(&mut self, counter: Counter) {
        match counter {
            Counter::Local(local) => self.apply(Instruction::LocalSet(local), 1, &[]),
            Counter::Global(global) => self.apply(Instruction::GlobalSet(global), 1, &[]),
        }
    }

    /// Counts a turn, and pushes whether there may be another.
    pub fn again(&mut self, counter: Counter) {
        let i32 = ValType::I32;
        match counter {
            Counter::Local(local) => self.apply(Instruction::LocalGet(local), 0, &[i32]),
            Counter::Global(global) => self.apply(Instruction::GlobalGet(global), 0, &[i32]),
        }
        self.number(1);
        self.apply(Instruction::I32Sub, 2, &[i32]);
        match counter {
            Counter::Local(local) => self.apply(Instruction::LocalTee(local), 1, &[i32]),
            Counter::Global(global) => {
                self.apply(Instruction::GlobalSet(global), 1, &[]);
                self.apply(Instruction::GlobalGet(global), 0, &[i32]);
            }
        }
        self.number(0);
        self.apply(Instruction::I32GtS, 2, &[i32]);
        if self.random.percent(25) {
            self.condition(1);
            self.apply(Instruction::I32And, 2, &[i32]);
        }
    }

    /// Makes a block that ends a turn of a loop at a level: the label's values are on the stack.
    pub fn next_turn(&mut self, level: u32, counter: Counter, values: &[ValType]) {
        self.again(counter);
        if !self.types.has_room(values, values) {
            return self.apply(Instruction::BrIf(level), 1, &[]);
        }
        self.take(1);
        self.begin(Kind::If, values, values);
        self.apply(Instruction::Br(level + 1), values.len(), &[]);
        self.die();
        if self.random.percent(30) {
            self.steps(2);
        }
        self.end();
    }
}
