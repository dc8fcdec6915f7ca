//! The check of a function body.
//!
//! No value crosses the start or the end of a block, so one stack is enough for a body. The operators before an
//! operator are read again if a rule needs them.

use alloc::vec::Vec;

use wasmparser::{BlockType, FunctionBody, Operator};

use super::{
    Context, Result, Rule,
    operands::{self, Effect, LOOKBACK, Value},
};

/// A function whose operators are checked in order.
pub(super) struct Body<'b, 'm> {
    context: &'b Context<'m>,
    results: usize,
    buffers: &'b mut Buffers,
    reachable: bool,
    /// Whether a region of code begins behind the last operator.
    begins: bool,
    /// The offsets of the last operators.
    before: [usize; LOOKBACK],
}

/// Buffers that are reused for one function after another.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    values: Vec<Value>,
    labels: Vec<Label>,
}

/// An open block.
#[derive(Debug, Default, Clone, Copy)]
struct Label {
    is_loop: bool,
    /// Whether it is an `if` without an `else` so far.
    is_if: bool,
    /// Whether its end is the target of a branch, or the end of a first arm that is reachable.
    is_joined: bool,
}

impl<'b, 'm> Body<'b, 'm> {
    pub(super) fn new(context: &'b Context<'m>, results: usize, buffers: &'b mut Buffers) -> Self {
        buffers.values.clear();
        buffers.labels.clear();
        buffers.labels.push(Label::default());
        Body { context, results, buffers, reachable: true, begins: false, before: [usize::MAX; LOOKBACK] }
    }

    /// Checks all operators; `at` is the offset of the current one.
    pub(super) fn check(&mut self, body: &FunctionBody<'_>, at: &mut usize) -> Result {
        let mut reader = body.get_operators_reader()?.get_binary_reader();
        self.begins = true;
        while !reader.eof() {
            *at = reader.original_position();
            if core::mem::take(&mut self.begins) {
                reader.read_bytes(charges(self.context.bytes.get(*at..).unwrap_or_default()))?;
                continue;
            }
            reader.visit_operator(self)??;
            self.before.copy_within(1.., 0);
            self.before[LOOKBACK - 1] = *at;
        }
        if self.buffers.labels.is_empty() { Ok(()) } else { Err(Rule::Malformed) }
    }

    /// Checks an operator.
    #[inline(always)]
    pub(super) fn operator(&mut self, operator: &Operator<'_>, effect: &Effect) -> Result {
        use Operator::*;
        if !self.reachable && !matches!(operator, Else | End) {
            let is_end_of_loop = matches!(operator, Unreachable)
                && matches!(self.context.read(self.before[LOOKBACK - 1]), End)
                && !self.buffers.labels.is_empty();
            return if is_end_of_loop { Ok(()) } else { Err(Rule::DeadCode) };
        }
        let (params, results) = match operator {
            Call { function_index } => self.context.of_function(*function_index)?,
            ReturnCall { function_index } => (self.context.of_function(*function_index)?.0, 0),
            CallIndirect { type_index, .. } => self.context.of_type(*type_index)?,
            ReturnCallIndirect { type_index, .. } => (self.context.of_type(*type_index)?.0, 0),
            Return => (self.results, 0),
            End if self.reachable && self.buffers.labels.len() == 1 => (self.results, 0),
            _ => (0, 0),
        };
        let values = &mut self.buffers.values;
        let height = values.len().checked_sub(effect.takes + params).ok_or(Rule::Stack)?;
        let operands = values.get(height..).ok_or(Rule::Stack)?;
        let before = || self.before.map(|at| self.context.read(at));
        operands::check(operator, effect, operands, self.context, before)?;
        // A condition selects one of two values that may both be immediate.
        let operands = match operator {
            Select | TypedSelect { .. } => operands.get(..2).ok_or(Rule::Stack)?,
            _ => operands,
        };
        let value = match operator {
            I32Const { value: value @ 0.. } => Value::Address(*value as u32),
            _ if effect.is_pure(operator) && operands.iter().all(|value| *value != Value::Computed) => Value::Immediate,
            _ => Value::Computed,
        };
        values.truncate(height);
        values.resize(height + effect.leaves + results, value);
        self.control(operator)
    }

    #[inline(always)]
    fn control(&mut self, operator: &Operator<'_>) -> Result {
        use Operator::*;
        let labels = &mut self.buffers.labels;
        match operator {
            Block { blockty } | Loop { blockty } | If { blockty } => {
                if *blockty != BlockType::Empty {
                    return Err(Rule::BlockType);
                }
                let (is_loop, is_if) = (matches!(operator, Loop { .. }), matches!(operator, If { .. }));
                self.begins = is_loop || is_if;
                labels.push(Label { is_loop, is_if, is_joined: false });
            }
            Else => {
                let label = labels.last_mut().filter(|label| label.is_if).ok_or(Rule::Malformed)?;
                *label = Label { is_joined: label.is_joined || self.reachable, ..Label::default() };
                (self.reachable, self.begins) = (true, true);
            }
            End => {
                let label = labels.pop().ok_or(Rule::Malformed)?;
                self.reachable |= label.is_if || label.is_joined;
                self.reachable &= !labels.is_empty();
            }
            Br { relative_depth } | BrIf { relative_depth } => {
                self.branch(*relative_depth)?;
                self.reachable = matches!(operator, BrIf { .. });
            }
            BrTable { targets } => {
                targets.targets().try_for_each(|target| self.branch(target?))?;
                self.branch(targets.default())?;
                self.reachable = false;
            }
            Return | ReturnCall { .. } | ReturnCallIndirect { .. } | Unreachable => self.reachable = false,
            _ => return Ok(()),
        }
        if self.buffers.values.is_empty() { Ok(()) } else { Err(Rule::Stack) }
    }

    fn branch(&mut self, depth: u32) -> Result {
        let label = self.buffers.labels.iter_mut().rev().nth(depth as usize).ok_or(Rule::Malformed)?;
        label.is_joined |= !label.is_loop;
        let leaves = self.buffers.labels.len() - 1 == depth as usize;
        if leaves && self.results > 0 { Err(Rule::BranchValues) } else { Ok(()) }
    }
}

/// Returns the length in bytes of the charges at the start of a region of code.
fn charges(code: &[u8]) -> usize {
    const PAIR: &[u8] = &[0xd0, 0x70, 0x1a];
    const NOP: u8 = 0x01;
    let mut rest = code;
    while let Some(behind) = rest.strip_prefix(PAIR) {
        rest = behind;
    }
    let nops = rest.iter().take_while(|byte| **byte == NOP).count();
    code.len() - rest.len() + nops
}
