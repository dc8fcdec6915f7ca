//! The rewriting of functions with operands on the stack where control branches or joins: locals hold them instead.
//!
//! A segment is a sequence of operators without a boundary in it; boundaries are control operators, growths, and
//! calls with several results. An operand that is used in the segment that produced it stays on the stack. Any other
//! is stored in a local where it is produced, and loaded at the start of the segment that uses it; a constant, or a
//! local that is not written in between, is produced there only. The values that a branch carries, and the parameters
//! and results of blocks, are stored in one local for each position in the list of values.

use alloc::{vec, vec::Vec};

use wasmparser::{
    BlockType, FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, ValType,
    ValidatorResources,
};

use super::{
    Form, Result,
    edit::Rank,
    frame::{Frame, Kind},
    immediate::Immediates,
    locals::Purpose,
    operand::{FROM_LABEL, Made, Operand},
    region::RegionId,
};
use crate::{
    data::{
        binary::{local_get, local_set},
        value::ValueType,
    },
    engine::config::parser_features,
    load::{
        refusal::{invalid, malformed},
        stack_effect::piece_kind,
    },
};

/// A function, for the second pass that some need.
pub(in crate::load) struct Function<'a> {
    /// The bytes of the module.
    pub(in crate::load) module: &'a [u8],
    pub(in crate::load) body: &'a FunctionBody<'a>,
    /// Length in bytes of the number of groups of locals.
    pub(in crate::load) header: usize,
    pub(in crate::load) function: &'a FuncToValidate<ValidatorResources>,
}

/// Moves the operands of a function from the stack to locals at all boundaries; returns the work.
pub(super) fn move_to_locals(function: &Function<'_>, form: &mut Form<'_>) -> Result<u64> {
    let FuncToValidate { resources, index, ty, features } = function.function;
    let validator = FuncToValidate { resources, index: *index, ty: *ty, features: *features };
    let mut validator = validator.into_validator(FuncValidatorAllocations::default());
    let mut reader = function.body.get_binary_reader();
    reader.set_features(parser_features());
    validator.read_locals(&mut reader).map_err(invalid)?;
    let mut stack = Stack {
        module: function.module,
        written: vec![0; validator.len_locals() as usize],
        validator,
        form,
        operands: Vec::new(),
        frames: Vec::new(),
        now: 0,
        segment: Segment::default(),
        dead: None,
        is_wrapped: false,
    };
    stack.open(Kind::Block, BlockType::FuncType(*ty));
    stack.begin(reader.original_position() as u32);
    while !reader.eof() {
        let at = reader.original_position();
        let operator = reader.read_operator().map_err(malformed)?;
        stack.operator(&operator, at as u32, reader.original_position() as u32)?;
    }
    stack.validator.finish(reader.original_position()).map_err(invalid)?;
    if stack.is_wrapped {
        let start = stack.form.start;
        stack.put(Rank::Begin, start, 0, &BLOCK);
    }
    Ok(u64::from(stack.now) / 4)
}

mod labels;

const BLOCK: [u8; 2] = [0x02, EMPTY];
const EMPTY: u8 = 0x40;
const UNREACHABLE: u8 = 0x00;
const END: u8 = 0x0b;
const RETURN: u8 = 0x0f;
const DROP: u8 = 0x1a;

struct Stack<'s, 'm> {
    module: &'s [u8],
    validator: FuncValidator<&'s ValidatorResources>,
    form: &'s mut Form<'m>,
    /// The time at which each local was last written.
    written: Vec<u32>,
    operands: Vec<Operand>,
    /// The function, and its open blocks.
    frames: Vec<Open>,
    /// The number of operators seen so far.
    now: u32,
    segment: Segment,
    dead: Option<Dead>,
    /// Whether the body is wrapped in a block, which is the target of branches that carry results.
    is_wrapped: bool,
}

/// An open block, and the number of operands below it.
struct Open {
    frame: Frame,
    height: usize,
}

/// Unreachable code.
struct Dead {
    from: u32,
    /// The number of open blocks in it.
    blocks: u32,
    /// Whether it begins right behind an `end`, where validation considers it reachable.
    is_end: bool,
}

#[derive(Default)]
struct Segment {
    number: u32,
    /// The number of the segment if bulk operators were no boundaries.
    stretch: u32,
    at: u32,
    /// The operators that load its operands from earlier segments, the last operand first.
    fetched: Vec<Vec<u8>>,
    /// The first operand that arrived at a label.
    first_label: usize,
    /// The number of operands that arrived at a label.
    labels: usize,
}

impl<'m> Stack<'_, 'm> {
    fn operator(&mut self, operator: &Operator<'_>, at: u32, end: u32) -> Result {
        self.now += 1;
        if self.dead.is_some() {
            self.dead_operator(operator, at, end)?;
            return self.validator.op(at as usize, operator).map_err(invalid);
        }
        let arity = self.arity(operator, at);
        match operator {
            Operator::Block { blockty } => self.block(Kind::Block, *blockty, at, end)?,
            Operator::Loop { blockty } => self.block(Kind::Loop, *blockty, at, end)?,
            Operator::If { blockty } => self.block(Kind::If, *blockty, at, end)?,
            Operator::Else => self.handle_else(at, end, true)?,
            Operator::End => self.end(at, end, true)?,
            Operator::Br { relative_depth } => {
                let target = self.target(*relative_depth);
                if target == 0 && !self.label(0).is_empty() {
                    self.take(self.label(0).len())?;
                    self.put(Rank::Replace, at, end - at, &[RETURN]);
                } else {
                    self.store_branch_values(target, at, 0)?;
                }
                self.leave(end)?;
            }
            Operator::BrIf { relative_depth } => {
                let target = self.target(*relative_depth);
                self.store_branch_values(target, at, 1)?;
                self.boundary(end)?;
                // If the branch is not taken, the values stay.
                self.push_label_values(self.label(target))?;
            }
            Operator::BrTable { targets } => {
                for depth in targets.targets().map_while(core::result::Result::ok) {
                    let target = self.target(depth);
                    self.mark(target);
                }
                let target = self.target(targets.default());
                self.store_branch_values(target, at, 1)?;
                self.leave(end)?;
            }
            Operator::Return | Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } => {
                self.take(arity.0)?;
                self.leave(end)?;
            }
            Operator::Unreachable => self.leave(end)?,
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                self.take(1)?;
                if let Some(written) = self.written.get_mut(*local_index as usize) {
                    *written = self.now;
                }
            }
            _ => self.take(arity.0)?,
        }
        self.validator.op(at as usize, operator).map_err(invalid)?;
        if self.dead.is_some() || is_control(operator) {
            return Ok(());
        }
        let made = match operator {
            Operator::LocalGet { local_index } => Made::Local { local: *local_index, at, end },
            Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
            | Operator::V128Const { .. } => Made::Constant { at, end },
            _ => Made::Computed { end },
        };
        self.make(arity.1, made);
        match operator {
            Operator::MemoryGrow { .. } | Operator::TableGrow { .. } => self.store_results(1, end)?,
            operator if piece_kind(operator).is_some() => self.divide(end)?,
            _ if arity.1 > 1 => self.store_results(arity.1, end)?,
            _ => {}
        }
        Ok(())
    }

    /// Returns the numbers of operands and results of an operator.
    fn arity(&mut self, operator: &Operator<'_>, at: u32) -> (usize, usize) {
        let arity = operator.operator_arity(&self.validator.visitor(at as usize));
        arity.map_or((0, 0), |(operands, results)| (operands as usize, results as usize))
    }

    /// Handles an operator in dead code, which is removed.
    fn dead_operator(&mut self, operator: &Operator<'_>, at: u32, end: u32) -> Result {
        let Some(dead) = &mut self.dead else { return Ok(()) };
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => dead.blocks += 1,
            Operator::End if dead.blocks > 0 => dead.blocks -= 1,
            Operator::Else if dead.blocks > 0 => {}
            Operator::Else | Operator::End => {
                let Dead { from, is_end, .. } = *dead;
                if at > from {
                    self.put(Rank::Replace, from, at - from, &[]);
                }
                self.dead = None;
                let is_last = self.frames.len() == 1 && !self.is_wrapped;
                if is_end && is_last && !self.label(0).is_empty() {
                    self.put(Rank::Before, at, 0, &[UNREACHABLE]);
                }
                match operator {
                    Operator::Else => self.handle_else(at, end, false)?,
                    _ => self.end(at, end, false)?,
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Opens a block after its parameters have been popped.
    fn open(&mut self, kind: Kind, ty: BlockType) {
        let frame = Frame::new(kind, ty, RegionId::FIRST, 0, Immediates::default());
        self.frames.push(Open { frame, height: self.operands.len() });
    }

    /// Handles `block`, `loop` or `if`.
    fn block(&mut self, kind: Kind, ty: BlockType, at: u32, end: u32) -> Result {
        let params = self.form.context.params(ty);
        self.store_label_values(params, at, usize::from(kind == Kind::If))?;
        if ty != BlockType::Empty {
            let opcode = self.module.get(at as usize).copied().unwrap_or_default();
            self.put(Rank::Replace, at, end - at, &[opcode, EMPTY]);
        }
        self.open(kind, ty);
        self.boundary(end)?;
        self.push_label_values(params)
    }

    /// Handles an `else`; `arm_ends` is whether the end of the first arm is reachable.
    fn handle_else(&mut self, at: u32, end: u32, arm_ends: bool) -> Result {
        let Some(Open { frame, height }) = self.frames.last() else { return Ok(()) };
        let (ty, height) = (frame.ty, *height);
        if arm_ends {
            let results = self.form.context.results(ty);
            self.store_label_values(results, at, 0)?;
        }
        self.discard(height);
        if let Some(open) = self.frames.last_mut() {
            open.frame.kind = Kind::Else;
            open.frame.arm_ends = arm_ends;
        }
        self.boundary(end)?;
        self.push_label_values(self.form.context.params(ty))
    }

    /// Handles an `end`; `ends` is whether it is reachable from the operator before it.
    fn end(&mut self, at: u32, end: u32, ends: bool) -> Result {
        let Some(Open { frame, height }) = self.frames.pop() else { return Ok(()) };
        let results = self.form.context.results(frame.ty);
        if self.frames.is_empty() {
            return self.finish(results, at, ends);
        }
        if ends {
            self.store_label_values(results, at, 0)?;
        }
        self.discard(height);
        self.boundary(end)?;
        if !frame.continues(ends) {
            self.dead = Some(Dead { from: end, blocks: 0, is_end: true });
            return Ok(());
        }
        self.push_label_values(results)
    }

    /// Handles the last `end` of the function.
    fn finish(&mut self, results: &[ValueType], at: u32, ends: bool) -> Result {
        if ends && self.is_wrapped {
            self.store_label_values(results, at, 0)?;
        } else if ends {
            self.take(results.len())?;
        }
        self.discard(0);
        self.boundary(at)?;
        if !self.is_wrapped {
            return Ok(());
        }
        let mut bytes = vec![END];
        for (number, ty) in results.iter().enumerate() {
            bytes.extend(local_get(self.form.locals.get(Purpose::Label(number as u32), *ty)?));
        }
        self.put(Rank::Before, at, 0, &bytes);
        Ok(())
    }

    /// Handles the end of the reachable code of a block.
    fn leave(&mut self, end: u32) -> Result {
        self.discard(self.frames.last().map_or(0, |open| open.height));
        self.boundary(end)?;
        self.dead = Some(Dead { from: end, blocks: 0, is_end: false });
        Ok(())
    }

    /// Removes operands down to this height, which are never used: their uses are unreachable.
    fn discard(&mut self, height: usize) {
        while self.operands.len() > height {
            let Some(operand) = self.operands.pop() else { break };
            match operand.made {
                Made::Constant { at, end } | Made::Local { at, end, .. } => self.put(Rank::Replace, at, end - at, &[]),
                Made::Computed { end } => self.put(Rank::After, end, 0, &[DROP]),
                Made::InLocal { .. } => {}
            }
        }
    }

    /// Pushes operands.
    fn make(&mut self, count: usize, made: Made) {
        for depth in (0..count).rev() {
            let ty = match self.validator.get_operand_type(depth).flatten() {
                // `ref.func` pushes a reference of a narrower type, which no local has.
                Some(ValType::Ref(ty)) if !ty.is_extern_ref() => ValueType::FuncRef,
                ty => ty.and_then(ValueType::from_parser).unwrap_or(ValueType::I32),
            };
            let Segment { number: segment, stretch, .. } = self.segment;
            self.operands.push(Operand { ty, made, time: self.now, segment, stretch });
        }
    }

    /// Pops operands: those of earlier segments are loaded at the start of this one.
    fn take(&mut self, count: usize) -> Result {
        for _ in 0..count {
            let Some(operand) = self.operands.pop() else { break };
            if operand.segment != self.segment.number {
                let fetch = self.fetch(operand)?;
                self.segment.fetched.push(fetch);
            }
        }
        Ok(())
    }

    /// Returns the operator that loads an operand, which is the next above those on the stack.
    fn fetch(&mut self, operand: Operand) -> Result<Vec<u8>> {
        Ok(match operand.made {
            Made::InLocal { local } => local_get(local),
            Made::Constant { at, end } => self.move_from(at, end),
            Made::Local { local, at, end } if self.written.get(local as usize).is_some_and(|w| *w < operand.time) => {
                self.move_from(at, end)
            }
            Made::Local { end, .. } | Made::Computed { end } => {
                let height = Purpose::Height(self.operands.len() as u32);
                let local = self.for_pieces(operand.stretch == self.segment.stretch, height, operand.ty)?;
                self.put(Rank::After, end, 0, &local_set(local));
                local_get(local)
            }
        })
    }

    /// Removes an operator; returns its bytes.
    fn move_from(&mut self, at: u32, end: u32) -> Vec<u8> {
        self.put(Rank::Replace, at, end - at, &[]);
        self.module.get(at as usize..end as usize).unwrap_or_default().to_vec()
    }

    /// Stores the last results of an operator that ends at `end` in locals.
    fn store_results(&mut self, count: usize, end: u32) -> Result {
        let first = self.operands.len() - count.min(self.operands.len());
        let mut bytes = Vec::new();
        for (height, operand) in self.operands.iter_mut().enumerate().skip(first).rev() {
            let local = self.form.locals.get(Purpose::Height(height as u32), operand.ty)?;
            operand.made = Made::InLocal { local };
            bytes.extend(local_set(local));
        }
        self.put(Rank::After, end, 0, &bytes);
        self.boundary(end)?;
        Ok(())
    }

    /// Returns a local, which calls are not charged for if it is for pieces only.
    fn for_pieces(&mut self, is: bool, purpose: Purpose, ty: ValueType) -> Result<u32> {
        let before = self.form.locals.is_for_pieces;
        self.form.locals.is_for_pieces |= is;
        let local = self.form.locals.get(purpose, ty);
        self.form.locals.is_for_pieces = before;
        local
    }

    /// Ends the current segment behind a bulk operator.
    fn divide(&mut self, end: u32) -> Result {
        let stretch = self.segment.stretch;
        self.boundary(end)?;
        self.segment.stretch = stretch;
        Ok(())
    }

    /// Ends the current segment and begins the next.
    fn boundary(&mut self, at: u32) -> Result {
        let mut bytes = Vec::new();
        let labels = self.segment.first_label..self.segment.first_label + self.segment.labels;
        // Unused operands from a label are copied out of the label's locals, which other labels use too.
        for (height, operand) in self.operands.iter_mut().enumerate().take(labels.end).skip(labels.start) {
            let (Made::InLocal { local }, FROM_LABEL) = (operand.made, operand.segment) else { continue };
            let home = self.form.locals.get(Purpose::Height(height as u32), operand.ty)?;
            bytes.extend([local_get(local), local_set(home)].concat());
            operand.made = Made::InLocal { local: home };
        }
        while let Some(fetch) = self.segment.fetched.pop() {
            bytes.extend(fetch);
        }
        if !bytes.is_empty() {
            self.put(Rank::Begin, self.segment.at, 0, &bytes);
        }
        self.begin(at);
        Ok(())
    }

    /// Begins a segment.
    fn begin(&mut self, at: u32) {
        self.segment.number += 1;
        self.segment.stretch += 1;
        self.segment.at = at;
        self.segment.labels = 0;
    }

    fn put(&mut self, rank: Rank, at: u32, skip: u32, bytes: &[u8]) {
        self.form.function.put(&mut self.form.edits, rank, at, skip, bytes);
    }
}

fn is_control(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::BrIf { .. }
    )
}
