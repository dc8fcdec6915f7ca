//! A function body in the making: its code, and the types on its operand stack.

use wasm_encoder::{BlockType, Function, Instruction, ValType};

use super::plan::{Plan, Signature, Types};
use crate::random::Random;

/// What a local is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Anything may be assigned to it.
    Free,
    /// It holds a small number, that is a place in a memory more often than not.
    Pointer,
    /// It counts the turns of a loop.
    Counter,
}

/// What counts the turns of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    Local(u32),
    Global(u32),
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Function,
    Block,
    Loop(Counter),
    If,
}

/// A block that has begun and not ended, or the function itself.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: Kind,
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
    /// The height of the operand stack below its parameters.
    pub base: usize,
    /// Whether what comes next is never reached.
    pub dead: bool,
}

/// A body in the making.
pub struct Body<'p> {
    pub plan: &'p Plan,
    pub types: &'p mut Types,
    pub random: &'p mut Random,
    pub results: Vec<ValType>,
    /// Parameters first.
    pub locals: Vec<(ValType, Use)>,
    params: usize,
    code: Vec<Instruction<'static>>,
    pub stack: Vec<ValType>,
    pub frames: Vec<Frame>,
    /// The height below which values wait for an operator that has begun to gather what it takes.
    floor: usize,
    /// How many operators it may still have, more or less.
    pub left: usize,
}

impl<'p> Body<'p> {
    /// Makes an empty body.
    pub fn new(plan: &'p Plan, types: &'p mut Types, random: &'p mut Random, of: &Signature) -> Self {
        let function =
            Frame { kind: Kind::Function, params: Vec::new(), results: of.results.clone(), base: 0, dead: false };
        Body {
            plan,
            types,
            random,
            results: of.results.clone(),
            locals: of.params.iter().map(|ty| (*ty, Use::Free)).collect(),
            params: of.params.len(),
            code: Vec::new(),
            stack: Vec::new(),
            frames: vec![function],
            floor: 0,
            left: 0,
        }
    }

    /// Ends the body.
    pub fn finish(mut self) -> Function {
        self.code.push(Instruction::End);
        let mut function = Function::new_with_locals_types(self.locals[self.params..].iter().map(|(ty, _)| *ty));
        for instruction in &self.code {
            function.instruction(instruction);
        }
        function
    }

    /// Adds a local, and returns its index.
    pub fn local(&mut self, ty: ValType, of: Use) -> u32 {
        self.locals.push((ty, of));
        self.locals.len() as u32 - 1
    }

    /// Picks a local of a type that passes a test.
    pub fn local_of(&mut self, ty: ValType, fits: impl Fn(Use) -> bool) -> Option<u32> {
        let found: Vec<u32> =
            (0..).zip(&self.locals).filter(|(_, (t, of))| *t == ty && fits(*of)).map(|(index, _)| index).collect();
        (!found.is_empty()).then(|| *self.random.pick(&found))
    }

    /// Adds an instruction; the types on the stack are for the caller to change.
    pub fn emit(&mut self, instruction: Instruction<'static>) {
        self.code.push(instruction);
        self.left = self.left.saturating_sub(1);
    }

    /// Adds an instruction that takes so many values, and gives these.
    pub fn apply(&mut self, instruction: Instruction<'static>, takes: usize, gives: &[ValType]) {
        self.emit(instruction);
        self.take(takes);
        self.stack.extend_from_slice(gives);
    }

    /// Pushes a constant number.
    pub fn number(&mut self, number: i32) {
        self.apply(Instruction::I32Const(number), 0, &[ValType::I32]);
    }

    /// Takes values off the stack; where code is dead, as many as there are.
    pub fn take(&mut self, count: usize) {
        let frame = self.frame();
        let (base, dead) = (frame.base, frame.dead);
        assert!(dead || self.stack.len() >= base + count, "it takes {count} values of {}", self.stack.len() - base);
        self.stack.truncate(self.stack.len().saturating_sub(count).max(base));
    }

    /// Returns the innermost frame.
    pub fn frame(&self) -> &Frame {
        self.frames.last().expect("the function's own frame is there to the end")
    }

    /// Returns the values that may be taken.
    pub fn above(&self) -> &[ValType] {
        &self.stack[self.frame().base.max(self.floor)..]
    }

    /// Returns how many of these types, from the first, are the last of those on the stack.
    pub fn matching(&self, types: &[ValType]) -> usize {
        let above = self.above();
        (0..=types.len().min(above.len())).rev().find(|n| above.ends_with(&types[..*n])).unwrap_or(0)
    }

    /// Makes these types the last on the stack, and uses what is there already where that fits.
    pub fn operands(&mut self, types: &[ValType], depth: usize) {
        let present = if self.random.percent(85) { self.matching(types) } else { 0 };
        let mut missing = &types[present..];
        // Where code is dead, values may be taken that nothing has put there.
        if self.is_open() && self.random.percent(50) {
            missing = &missing[self.random.below(missing.len() + 1)..];
        }
        for ty in missing {
            self.push(*ty, depth);
        }
    }

    /// Returns whether values may be taken that nothing has put there.
    pub fn is_open(&self) -> bool {
        self.frame().dead && self.stack.len() == self.frame().base
    }

    /// Does something that takes none of the values that are there.
    pub fn apart(&mut self, what: impl FnOnce(&mut Self)) {
        let floor = std::mem::replace(&mut self.floor, self.stack.len());
        what(self);
        self.floor = floor;
    }

    /// What follows is never reached.
    pub fn die(&mut self) {
        let frame = self.frames.last_mut().expect("the function's own frame is there to the end");
        frame.dead = true;
        self.stack.truncate(frame.base);
    }

    /// Returns the type of a block.
    pub fn block_type(&mut self, params: &[ValType], results: &[ValType]) -> BlockType {
        match (params, results) {
            ([], []) => BlockType::Empty,
            ([], [result]) => BlockType::Result(*result),
            _ => BlockType::FunctionType(self.types.index(params, results)),
        }
    }

    /// Makes the stack of the innermost frame hold exactly its results.
    pub fn fit(&mut self) {
        let results = self.frame().results.clone();
        if self.is_open() && self.random.percent(60) {
            return;
        }
        // What is there too much is folded into what is below, or put somewhere, as long as that helps.
        while !results.starts_with(self.above()) {
            self.consume();
        }
        for ty in &results[self.above().len()..] {
            self.push(*ty, 1);
        }
    }
}
