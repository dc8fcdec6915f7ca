//! Functions in which operands wait on the stack where control parts or joins: they wait in locals instead.
//!
//! A segment is a stretch of operators without a boundary in it; boundaries are control operators, growths, and
//! calls with several results. An operand that is used in the segment in which it was made stays where it is.
//! Any other leaves the stack where it was made, for a local, and is fetched from there at the beginning of
//! the segment that uses it; a constant, or a local that nothing is written to in between, is not made before.
//! What a branch takes along is put into locals that belong to its place in the list of values, and so are
//! parameters and results of blocks.

use alloc::{vec, vec::Vec};

use wasmparser::{
    BlockType, FuncToValidate, FuncValidator, FuncValidatorAllocations, Operator, ValType, ValidatorResources,
};

use super::{
    Form, Function, Result,
    charge::RegionId,
    edit::Rank,
    frame::{Frame, Kind},
    immediate::Immediates,
    locals::Purpose,
    operand::{FROM_LABEL, Made, Operand},
};
use crate::{
    module::{
        effect::divided,
        encode::{local_get, local_set},
        scan::malformed,
        validation::{features, invalid},
    },
    value::ValueType,
};

/// Takes the operands of a function from the stack wherever they would wait there; returns the work of it.
pub(super) fn unstack(function: &Function<'_>, form: &mut Form<'_>) -> Result<u64> {
    let validator = FuncToValidate {
        resources: function.validator.resources(),
        index: function.validator.index(),
        ty: function.ty,
        features: features(),
    };
    let mut validator = validator.into_validator(FuncValidatorAllocations::default());
    let mut reader = function.body.get_binary_reader();
    reader.set_features(features());
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
    stack.open(Kind::Block, BlockType::FuncType(function.ty));
    stack.begin(reader.original_position() as u32);
    while !reader.eof() {
        let at = reader.original_position();
        let operator = reader.read_operator().map_err(malformed)?;
        stack.operator(&operator, at as u32, reader.original_position() as u32)?;
    }
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
    /// When each local was last written to.
    written: Vec<u32>,
    operands: Vec<Operand>,
    /// The function, and the blocks that are open in it.
    frames: Vec<Open>,
    /// How many operators have been seen.
    now: u32,
    segment: Segment,
    dead: Option<Dead>,
    /// Whether the body is in a block, to whose end branches lead that take results along.
    is_wrapped: bool,
}

/// A block that is open, and how many operands are below it.
struct Open {
    frame: Frame,
    height: usize,
}

/// Code that no run comes by.
struct Dead {
    from: u32,
    /// Blocks that are open in it.
    blocks: u32,
    /// Whether it begins right behind an `end`, where validation takes it for code that can be reached.
    is_end: bool,
}

#[derive(Default)]
struct Segment {
    number: u32,
    /// As that, where bulk operators end no segment.
    stretch: u32,
    at: u32,
    /// Operators that fetch what it uses of before, the last operand first.
    fetched: Vec<Vec<u8>>,
    /// The first operand that came by a label.
    first_label: usize,
    /// The number of operands that came by a label.
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
            Operator::Else => self.alternative(at, end, true)?,
            Operator::End => self.end(at, end, true)?,
            Operator::Br { relative_depth } => {
                let target = self.target(*relative_depth);
                if target == 0 && !self.label(0).is_empty() {
                    self.take(self.label(0).len())?;
                    self.put(Rank::Replace, at, end - at, &[RETURN]);
                } else {
                    self.carry(target, at, 0)?;
                }
                self.leave(end)?;
            }
            Operator::BrIf { relative_depth } => {
                let target = self.target(*relative_depth);
                self.carry(target, at, 1)?;
                self.boundary(end)?;
                // Where it is not taken, the values are still there.
                self.arrive(self.label(target))?;
            }
            Operator::BrTable { targets } => {
                for depth in targets.targets().map_while(core::result::Result::ok) {
                    let target = self.target(depth);
                    self.mark(target);
                }
                let target = self.target(targets.default());
                self.carry(target, at, 1)?;
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
            Operator::MemoryGrow { .. } | Operator::TableGrow { .. } => self.keep(1, end)?,
            operator if divided(operator).is_some() => self.divide(end)?,
            _ if arity.1 > 1 => self.keep(arity.1, end)?,
            _ => {}
        }
        Ok(())
    }

    /// Returns the numbers of operands and results.
    fn arity(&mut self, operator: &Operator<'_>, at: u32) -> (usize, usize) {
        let arity = operator.operator_arity(&self.validator.visitor(at as usize));
        arity.map_or((0, 0), |(operands, results)| (operands as usize, results as usize))
    }

    /// Looks at an operator in dead code, all of which is left out.
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
                    Operator::Else => self.alternative(at, end, false)?,
                    _ => self.end(at, end, false)?,
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Opens a block whose parameters have been taken.
    fn open(&mut self, kind: Kind, ty: BlockType) {
        let frame = Frame::new(kind, ty, RegionId::FIRST, Immediates::default());
        self.frames.push(Open { frame, height: self.operands.len() });
    }

    /// Looks at `block`, `loop` or `if`.
    fn block(&mut self, kind: Kind, ty: BlockType, at: u32, end: u32) -> Result {
        let params = self.form.context.params(ty);
        self.hand_over(params, at, usize::from(kind == Kind::If))?;
        if ty != BlockType::Empty {
            let opcode = self.module.get(at as usize).copied().unwrap_or_default();
            self.put(Rank::Replace, at, end - at, &[opcode, EMPTY]);
        }
        self.open(kind, ty);
        self.boundary(end)?;
        self.arrive(params)
    }

    /// Looks at an `else`, to which the first arm comes or not.
    fn alternative(&mut self, at: u32, end: u32, arm_ends: bool) -> Result {
        let Some(Open { frame, height }) = self.frames.last() else { return Ok(()) };
        let (ty, height) = (frame.ty, *height);
        if arm_ends {
            let results = self.form.context.results(ty);
            self.hand_over(results, at, 0)?;
        }
        self.discard(height);
        if let Some(open) = self.frames.last_mut() {
            open.frame.kind = Kind::Else;
            open.frame.arm_ends = arm_ends;
        }
        self.boundary(end)?;
        self.arrive(self.form.context.params(ty))
    }

    /// Looks at an `end`, to which what is before it comes or not.
    fn end(&mut self, at: u32, end: u32, ends: bool) -> Result {
        let Some(Open { frame, height }) = self.frames.pop() else { return Ok(()) };
        let results = self.form.context.results(frame.ty);
        if self.frames.is_empty() {
            return self.finish(results, at, ends);
        }
        if ends {
            self.hand_over(results, at, 0)?;
        }
        self.discard(height);
        self.boundary(end)?;
        if !frame.is_left(ends) {
            self.dead = Some(Dead { from: end, blocks: 0, is_end: true });
            return Ok(());
        }
        self.arrive(results)
    }

    /// Looks at the last `end` of the function.
    fn finish(&mut self, results: &[ValueType], at: u32, ends: bool) -> Result {
        if ends && self.is_wrapped {
            self.hand_over(results, at, 0)?;
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

    /// Ends the run through a block.
    fn leave(&mut self, end: u32) -> Result {
        self.discard(self.frames.last().map_or(0, |open| open.height));
        self.boundary(end)?;
        self.dead = Some(Dead { from: end, blocks: 0, is_end: false });
        Ok(())
    }

    /// Removes operands down to this height, which are of no use: no run comes to where they would be used.
    fn discard(&mut self, height: usize) {
        while self.operands.len() > height {
            let Some(operand) = self.operands.pop() else { break };
            match operand.made {
                Made::Constant { at, end } | Made::Local { at, end, .. } => self.put(Rank::Replace, at, end - at, &[]),
                Made::Computed { end } => self.put(Rank::After, end, 0, &[DROP]),
                Made::Kept { .. } => {}
            }
        }
    }

    /// Makes operands.
    fn make(&mut self, count: usize, made: Made) {
        for depth in (0..count).rev() {
            let ty = match self.validator.get_operand_type(depth).flatten() {
                // `ref.func` makes a reference of a narrower type, which no local has.
                Some(ValType::Ref(ty)) if !ty.is_extern_ref() => ValueType::FuncRef,
                ty => ty.and_then(ValueType::from_parser).unwrap_or(ValueType::I32),
            };
            let Segment { number: segment, stretch, .. } = self.segment;
            self.operands.push(Operand { ty, made, time: self.now, segment, stretch });
        }
    }

    /// Takes operands from the stack: those of before this segment are fetched where it begins.
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

    /// Returns the operator that fetches an operand, which is the next above those on the stack.
    fn fetch(&mut self, operand: Operand) -> Result<Vec<u8>> {
        Ok(match operand.made {
            Made::Kept { local } => local_get(local),
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

    /// Takes an operator out, and returns its bytes.
    fn move_from(&mut self, at: u32, end: u32) -> Vec<u8> {
        self.put(Rank::Replace, at, end - at, &[]);
        self.module.get(at as usize..end as usize).unwrap_or_default().to_vec()
    }

    /// Keeps the last results of an operator that ends there in locals.
    fn keep(&mut self, count: usize, end: u32) -> Result {
        let first = self.operands.len() - count.min(self.operands.len());
        let mut bytes = Vec::new();
        for height in (first..self.operands.len()).rev() {
            let ty = self.operands[height].ty;
            let local = self.form.locals.get(Purpose::Height(height as u32), ty)?;
            self.operands[height].made = Made::Kept { local };
            bytes.extend(local_set(local));
        }
        self.put(Rank::After, end, 0, &bytes);
        self.boundary(end)?;
        Ok(())
    }

    /// Returns a local, which calls do not pay for if it is there for pieces alone.
    fn for_pieces(&mut self, is: bool, purpose: Purpose, ty: ValueType) -> Result<u32> {
        let before = self.form.locals.is_for_pieces;
        self.form.locals.is_for_pieces |= is;
        let local = self.form.locals.get(purpose, ty);
        self.form.locals.is_for_pieces = before;
        local
    }

    /// Ends the segment at hand behind a bulk operator.
    fn divide(&mut self, end: u32) -> Result {
        let stretch = self.segment.stretch;
        self.boundary(end)?;
        self.segment.stretch = stretch;
        Ok(())
    }

    /// Ends the segment at hand and begins the next.
    fn boundary(&mut self, at: u32) -> Result {
        let mut bytes = Vec::new();
        let labels = self.segment.first_label..self.segment.first_label + self.segment.labels;
        // What came by a label and was not used has to leave the label's locals, which others use.
        for height in labels.start..labels.end.min(self.operands.len()) {
            let operand = self.operands[height];
            let (Made::Kept { local }, FROM_LABEL) = (operand.made, operand.segment) else { continue };
            let home = self.form.locals.get(Purpose::Height(height as u32), operand.ty)?;
            bytes.extend([local_get(local), local_set(home)].concat());
            self.operands[height].made = Made::Kept { local: home };
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
