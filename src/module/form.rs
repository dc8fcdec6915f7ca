//! The normal form: what the engine gets in place of what the guest wrote, and the charges in it.
//!
//! The engine's translator keeps operands where they came from, as locals, constants or registers, for as long as it
//! can, and loses track of some. So it gets functions in which there is nothing to keep ([`crate::docs::design`] has the
//! rules): no operand waits on the stack where control may part or join, blocks have no parameters and no results,
//! conditions of `select` are locals, nothing is decided by constants, and no code is dead. Most of what
//! compilers make is so already. A function that is not is made so by [`stack`]; all that is done to any other is
//! to put charges in ([`charge`]), and to change single operators.
//!
//! Functions have been found valid, operator by operator, right after each is seen here.

use alloc::vec::Vec;

use wasmparser::{BlockType, FuncValidator, FunctionBody, MemArg, Operator, ValidatorResources};

pub(super) use self::context::Context;
use self::{
    charge::{RegionId, Regions},
    edges::{Edges, GroupId},
    edit::{Edits, FunctionEdits, Rank},
    frame::{Frame, Kind},
    immediate::Immediates,
    locals::{Locals, Purpose},
    store::Last,
};
use super::{
    effect::{Effect, divided, divides, loaded, stored, truncates},
    encode::{leb, local_get, local_set},
    prices::price,
};
use crate::{error::ModuleError, host::pieces::Kind as Division, inspect::PAGE, meter, value::ValueType};

pub(super) mod bulk;
pub(super) mod charge;
mod context;
mod control;
mod edges;
pub(super) mod edit;
mod frame;
mod immediate;
mod locals;
mod operand;
mod stack;
mod store;

/// Switches off all but charges, for the test that shows that the rest is needed.
const OFF: bool = cfg!(belljar_without_normal_form);

type Result<T = ()> = core::result::Result<T, ModuleError>;

/// The pass over all functions of a module, one after the other.
#[derive(Debug)]
pub(super) struct Form<'m> {
    context: Context<'m>,
    pub(super) edits: Edits,
    /// Work of what the pass adds, in the function at hand and before.
    pub(super) added: u64,
    function: FunctionEdits,
    locals: Locals,
    regions: Regions,
    /// The function itself, and the blocks that are open in it.
    frames: Vec<Frame>,
    /// The region of the next operator; `None` where no run comes by.
    region: Option<RegionId>,
    /// Blocks that are open in code that no run comes by.
    dead: u32,
    /// Whether that code begins right behind an `end`: the first operator may be an `unreachable`.
    is_dead_end: bool,
    /// A region that begins behind the operator at hand.
    begins: Option<Begin>,
    /// Whether the last edit replaces the operator at hand, whose end is not known yet.
    replaces: bool,
    immediates: Immediates,
    /// The literals among the operands, by their height modulo the number of places.
    literals: [u32; 64],
    last: [Last; 2],
    /// Whether operands have to leave the stack somewhere.
    is_stacked: bool,
    /// Whether they have to for pieces of bulk operators.
    is_divided: bool,
    /// Offset of the first operator.
    start: u32,
    results: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// Where the engine begins to count by itself.
    Entry(GroupId),
    /// At the end of edges.
    Join(GroupId),
    /// Behind what has to be over before more is charged.
    Anew,
}

impl<'m> Form<'m> {
    pub(super) fn new(context: Context<'m>, added_locals: u64) -> Self {
        Form {
            context,
            edits: Edits::default(),
            added: 0,
            function: FunctionEdits::default(),
            locals: Locals::new(added_locals),
            regions: Regions::default(),
            frames: Vec::new(),
            region: None,
            dead: 0,
            is_dead_end: false,
            begins: None,
            replaces: false,
            immediates: Immediates::default(),
            literals: [0; 64],
            last: [Last::Other; 2],
            is_stacked: false,
            is_divided: false,
            start: 0,
            results: 0,
        }
    }

    /// Begins a function: its type, what it declares, and where its operators begin.
    pub(super) fn begin(&mut self, ty: u32, locals: u32, groups: u32, start: usize) {
        self.function.clear();
        self.regions.clear();
        self.frames.clear();
        self.start = start as u32;
        let ty = BlockType::FuncType(ty);
        let params = self.context.params(ty).len() as u32;
        self.results = self.context.results(ty).len() as u32;
        self.locals.begin(params + locals, groups);
        let entry = self.regions.entry(self.start, None);
        self.region = Some(entry);
        self.frames.push(Frame { edges: Edges::EXIT, ..Frame::new(Kind::Block, ty, entry, Immediates::default()) });
        self.dead = 0;
        self.is_dead_end = false;
        self.begins = None;
        self.immediates = Immediates::default();
        self.last = [Last::Other; 2];
        self.is_stacked = false;
        self.is_divided = false;
    }

    /// Looks at the next operator of the function, with the height of the stack before it.
    ///
    /// Where the kind of operator is known when this crate is compiled, little is left of it.
    #[inline(always)]
    pub(super) fn visit(&mut self, operator: &Operator<'_>, effect: Effect, at: usize, height: u32) -> Result {
        let Some(region) = self.region else {
            self.visit_dead(operator);
            return Ok(());
        };
        self.regions.add(region, price(operator));
        let at = at as u32;
        match operator {
            Operator::Nop => self.replace(at, &[]),
            Operator::Block { blockty } => self.open(Kind::Block, *blockty, region, height, 0),
            Operator::Loop { blockty } => self.open(Kind::Loop, *blockty, region, height, 0),
            Operator::If { blockty } => {
                self.condition(at)?;
                self.open(Kind::If, *blockty, region, height, 1);
            }
            Operator::Else => self.alternative(height),
            Operator::End => self.close(height),
            Operator::Br { relative_depth } => {
                self.hold(height, 0);
                let edges = self.branch(*relative_depth);
                self.regions.edges.leave(region, edges);
                self.region = None;
            }
            Operator::BrIf { relative_depth } => {
                self.condition(at)?;
                self.hold(height, 1);
                let edges = self.branch(*relative_depth);
                self.regions.edges.leave(region, edges);
                self.immediates.pop(1);
                self.carried(*relative_depth);
                self.begins = Some(Begin::Join(edges));
            }
            Operator::BrTable { targets } => {
                self.condition(at)?;
                self.hold(height, 1);
                let mut edges = self.branch(targets.default());
                for depth in targets.targets().map_while(core::result::Result::ok) {
                    let others = self.branch(depth);
                    edges = self.regions.edges.join(edges, others);
                }
                self.regions.edges.leave(region, edges);
                self.region = None;
            }
            Operator::Return => self.leave(height, self.results),
            Operator::ReturnCall { function_index } => {
                self.leave(height, self.context.function(*function_index).map_or(0, |ty| ty.params.len() as u32));
            }
            Operator::ReturnCallIndirect { type_index, .. } => {
                self.leave(height, 1 + self.context.params(BlockType::FuncType(*type_index)).len() as u32);
            }
            Operator::Unreachable => {
                self.hold(height, 0);
                self.region = None;
            }
            Operator::Call { function_index } => {
                if let Some(ty) = self.context.function(*function_index) {
                    self.immediates.pop(ty.params.len() as u32);
                    self.immediates.push_unknown(ty.results.len() as u32);
                }
            }
            Operator::CallIndirect { type_index, .. } => {
                let ty = BlockType::FuncType(*type_index);
                self.immediates.pop(1 + self.context.params(ty).len() as u32);
                self.immediates.push_unknown(self.context.results(ty).len() as u32);
            }
            operator => self.compute(operator, effect, at, height)?,
        }
        self.last = [self.last[1], Last::of(operator)];
        Ok(())
    }

    /// Looks at an operator that no run comes by.
    fn visit_dead(&mut self, operator: &Operator<'_>) {
        let is_dead_end = core::mem::take(&mut self.is_dead_end);
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.dead += 1,
            Operator::End if self.dead > 0 => self.dead -= 1,
            Operator::End => return self.close(0),
            Operator::Else if self.dead == 0 => return self.alternative(0),
            // It makes the operands that the function's own end asks for.
            Operator::Unreachable if is_dead_end => return,
            _ => {}
        }
        // It has to go.
        self.is_stacked = true;
    }

    /// Looks at an operator without control: what it needs, and what it leaves.
    #[inline(always)]
    fn compute(&mut self, operator: &Operator<'_>, effect: Effect, at: u32, height: u32) -> Result {
        match operator {
            Operator::I32Const { value } => {
                self.literals[height as usize % 64] = *value as u32;
                self.immediates.push_known(*value >= 0);
            }
            Operator::LocalGet { .. } => self.immediates.push_unknown(1),
            Operator::LocalTee { .. } => self.immediates.forget_literal(),
            Operator::RefNull { hty } => {
                let is_func = *hty == wasmparser::HeapType::FUNC;
                let ty = if is_func { ValueType::FuncRef } else { ValueType::ExternRef };
                let local = self.locals.get(Purpose::Null, ty)?;
                self.replace(at, &local_get(local));
                self.immediates.push_unknown(1);
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                if !matches!(self.last[1], Last::Local(_)) {
                    self.through(at, &[ValueType::I32])?;
                }
                self.immediates.pop(1);
                self.immediates.compute(2);
            }
            Operator::MemoryGrow { .. } => {
                bulk::divide(self, operator, Division::GrowMemory, at, height)?;
                self.grown(1);
            }
            Operator::TableGrow { table } => {
                if !bulk::divide(self, operator, Division::GrowTable, at, height)? {
                    let reserve = store::reserve(*table, &self.context);
                    self.edits.reserves = true;
                    self.function.put(&mut self.edits, Rank::Before, at, 0, &reserve);
                    self.added += 4;
                }
                self.grown(2);
            }
            Operator::V128Store8Lane { memarg, lane } => store::lane(self, at, height, memarg, *lane, store::LANE_8)?,
            Operator::V128Store16Lane { memarg, lane } => store::lane(self, at, height, memarg, *lane, store::LANE_16)?,
            operator => {
                if let Some(value) = store::of_itself(operator, self.last) {
                    self.function.put(&mut self.edits, Rank::Before, at, 0, value);
                    self.added += 4;
                }
                if let Some(kind) = divided(operator)
                    && bulk::divide(self, operator, kind, at, height)?
                {
                    self.is_divided |= height > 3;
                }
                self.apply(operator, effect, at, height)?;
            }
        }
        Ok(())
    }

    /// Applies the effect of an operator to what is known of operands, after it has seen to it that the engine
    /// does not find out by itself that the operator traps.
    #[inline(always)]
    fn apply(&mut self, operator: &Operator<'_>, effect: Effect, at: u32, height: u32) -> Result {
        match effect {
            Effect::Load { operands } => {
                if loaded(operator).is_some_and(|memarg| self.is_beyond(operands - 1, height, memarg)) {
                    let lane = [ValueType::I32, ValueType::V128];
                    self.through(at, &lane[..operands as usize])?;
                }
                self.immediates.pop(operands);
                self.immediates.push_unknown(1);
            }
            Effect::Store { value } => {
                if stored(operator).is_some_and(|memarg| self.is_beyond(1, height, memarg)) {
                    self.through(at, &[ValueType::I32, value])?;
                }
                self.immediates.pop(2);
            }
            Effect::Compute { operands } => {
                if let Some(ty) = divides(operator)
                    && self.immediates.may_be_known(0)
                    && (self.last[1] != Last::Constant { is_zero: false } || self.immediates.may_be_known(1))
                {
                    self.through(at, &[ty])?;
                }
                if let Some(ty) = truncates(operator)
                    && self.immediates.may_be_known(0)
                {
                    self.through(at, &[ty])?;
                }
                self.immediates.compute(operands);
            }
            Effect::Constant => self.immediates.push_known(false),
            Effect::Other { operands, results } => {
                self.immediates.pop(operands);
                self.immediates.push_unknown(results);
            }
            // Control, which is seen elsewhere, or nothing that is supported.
            Effect::Variable => {}
        }
        Ok(())
    }

    /// Returns whether the engine may find that an address, the operand at this depth, is beyond its memory:
    /// whether it may know it, unless that is a literal within the size that the memory begins with.
    #[inline(always)]
    fn is_beyond(&self, depth: u32, height: u32, memarg: &MemArg) -> bool {
        if !self.immediates.may_be_known(depth) {
            return false;
        }
        let size = self.context.memories.get(memarg.memory as usize).map_or(0, |memory| memory.min_pages * PAGE);
        let literal = self.literals[height.wrapping_sub(1 + depth) as usize % 64];
        !self.immediates.is_literal(depth) || u64::from(literal).saturating_add(memarg.offset) > size
    }

    /// Sends the condition on top of the stack through a local where it may decide at translation.
    #[inline(always)]
    fn condition(&mut self, at: u32) -> Result {
        if self.immediates.may_be_known(0) { self.through(at, &[ValueType::I32]) } else { Ok(()) }
    }

    /// Sends the operands on top of the stack through locals, so that the engine knows nothing of them.
    #[cold]
    fn through(&mut self, at: u32, types: &[ValueType]) -> Result {
        if OFF {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut gets = Vec::new();
        for (number, ty) in types.iter().enumerate() {
            let local = self.locals.get(Purpose::Through(number as u8), *ty)?;
            bytes.splice(0..0, local_set(local));
            gets.extend(local_get(local));
        }
        bytes.extend(gets);
        self.function.put(&mut self.edits, Rank::Before, at, 0, &bytes);
        self.added += 2 * types.len() as u64;
        Ok(())
    }

    /// Replaces the operator at hand.
    fn replace(&mut self, at: u32, bytes: &[u8]) {
        self.function.put(&mut self.edits, Rank::Replace, at, 0, bytes);
        self.replaces = true;
    }

    /// Looks at a growth: what follows is charged for when it is over. The native stack that the engine
    /// may leave behind at each is bounded by the number of growths in a slice.
    fn grown(&mut self, operands: u32) {
        self.immediates.pop(operands);
        self.immediates.push_unknown(1);
        self.begins = Some(Begin::Anew);
        self.is_stacked = true;
    }

    /// Notes whether there are other operands on the stack than those that an operator takes.
    #[inline(always)]
    fn hold(&mut self, height: u32, operands: u32) {
        self.is_stacked |= height != operands;
    }

    /// Tells where the operator at hand has its end.
    #[inline(always)]
    pub(super) fn end(&mut self, at: usize) {
        if self.replaces {
            self.replaces = false;
            self.function.replaced(at as u32);
        }
        if let Some(begin) = self.begins.take() {
            self.region = Some(match begin {
                Begin::Entry(edges) => self.regions.entry(at as u32, Some(edges)),
                Begin::Join(edges) => self.regions.begin(at as u32, Some(edges)),
                Begin::Anew => self.regions.begin(at as u32, None),
            });
        }
    }

    /// Ends a function whose declared locals take this number of cells; returns the work of what was added.
    pub(super) fn finish(&mut self, function: &Function<'_>, cells: u64) -> Result<u64> {
        if (self.is_stacked || self.is_divided) && !OFF {
            self.locals.is_for_pieces = !self.is_stacked;
            self.added += stack::unstack(function, self)?;
        }
        let cells = cells + self.locals.cells();
        if cells >= PRICED_CELLS {
            self.regions.add(RegionId::FIRST, 8 * cells / meter::BYTES_PER_FUEL);
        }
        self.added += self.regions.finish(&mut self.function) / 16;
        if !self.locals.is_empty() {
            let range = function.body.range();
            let (groups, declared) = self.locals.declarations();
            let header = function.header as u32;
            self.function.put(&mut self.edits, Rank::Locals, range.start as u32, header, &leb(groups));
            self.function.put(&mut self.edits, Rank::Locals, self.start, 0, &declared);
        }
        self.added += self.function.len() as u64;
        self.function.finish(&mut self.edits);
        Ok(core::mem::take(&mut self.added))
    }
}

/// The number of cells of 8 bytes from which on a call is charged for zeroing its locals, as bulk memory is;
/// fewer cost no more than the call itself.
const PRICED_CELLS: u64 = 64;

/// A function, for the second look that some need.
pub(super) struct Function<'a> {
    /// The bytes of the module.
    pub(super) module: &'a [u8],
    pub(super) body: &'a FunctionBody<'a>,
    /// Bytes of the number of groups of locals.
    pub(super) header: usize,
    pub(super) ty: u32,
    pub(super) validator: &'a FuncValidator<ValidatorResources>,
}
