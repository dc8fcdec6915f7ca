//! The pass that brings functions to the normal form and adds the charges.
//!
//! The engine's translator defers copies of operands (locals, constants, registers) as long as it can, and handles some
//! of them wrong. So the engine translates functions without deferred operands ([`crate::docs::design`] has the rules):
//! no operand is on the stack where control branches or joins, blocks have no parameters and no results, conditions of
//! `select` are locals, no branch or trap depends on constants only, and no code is dead. Most output of compilers is
//! in this form already. Other functions are rewritten by [`stack`]; in the rest only charges are inserted ([`charge`])
//! and single operators changed.
//!
//! Operators need not be valid. An invalid one stays where it is, and what is added beside it neither needs nor leaves
//! operands, or needs those that the operator needs: so the changed function is as invalid as the original. Functions
//! that [`stack`] rewrites are validated there.

use alloc::vec::Vec;

use wasmparser::{BlockType, HeapType, MemArg, Operator};

pub(super) use self::{context::Context, stack::Function};
use self::{
    edges::Edges,
    edit::{Edits, FunctionEdits, Rank},
    frame::{Frame, Kind},
    immediate::Immediates,
    locals::{Locals, Purpose},
    region::{GroupId, RegionId},
    regions::Regions,
    store::Last,
};
use super::{
    prices::price,
    refusal::invalid_at,
    stack_effect::{Effect, division_type, load_memarg, piece_kind, store_memarg, truncation_type},
};
use crate::{
    data::{
        binary::{leb, local_get, local_set},
        inspect::PAGE,
        value::ValueType,
    },
    engine::meter,
    error::ModuleError,
    host::pieces::Kind as Division,
};

pub(super) mod bulk;
pub(super) mod charge;
mod context;
mod control;
mod edges;
pub(super) mod edit;
mod frame;
mod immediate;
mod indices;
mod locals;
mod operand;
mod region;
mod regions;
mod stack;
mod store;

/// Disables everything except charges, for the test that shows that the rest is needed.
const OFF: bool = cfg!(belljar_without_normal_form);

type Result<T = ()> = core::result::Result<T, ModuleError>;

/// The pass over all functions of a module, one after the other.
#[derive(Debug)]
pub(super) struct Form<'m> {
    context: Context<'m>,
    pub(super) edits: Edits,
    /// Work of what the pass has added, in the current function and before.
    pub(super) added: u64,
    function: FunctionEdits,
    locals: Locals,
    regions: Regions,
    /// The function itself, and its open blocks.
    frames: Vec<Frame>,
    /// Whether operators follow the end of the function.
    is_overlong: bool,
    /// The region of the next operator; `None` in dead code.
    region: Option<RegionId>,
    /// The number of open blocks in dead code.
    dead: u32,
    /// Whether the dead code begins right behind an `end`: its first operator may be an `unreachable`.
    is_dead_end: bool,
    /// The region that begins behind the current operator.
    begins: Option<Begin>,
    /// Whether the last edit replaces the current operator, whose end is not known yet.
    replaces: bool,
    /// The number of operands on the stack; meaningless in dead code.
    height: u32,
    immediates: Immediates,
    /// The literals among the operands, by their height modulo 64.
    literals: [u32; 64],
    last: [Last; 2],
    /// Whether operands have to move from the stack to locals somewhere.
    is_stacked: bool,
    /// Whether they have to because of pieces of bulk operators.
    is_divided: bool,
    /// Offset of the first operator.
    start: u32,
    results: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// A region where the engine begins to count itself.
    Entry(GroupId),
    /// A region at the end of edges.
    Join(GroupId),
    /// A region behind an operator that must complete before more is charged.
    AfterGrowth,
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
            is_overlong: false,
            region: None,
            dead: 0,
            is_dead_end: false,
            begins: None,
            replaces: false,
            height: 0,
            immediates: Immediates::default(),
            literals: [0; 64],
            last: [Last::Other; 2],
            is_stacked: false,
            is_divided: false,
            start: 0,
            results: 0,
        }
    }

    /// Begins a function with its type, its declared locals, and the offset of its first operator.
    pub(super) fn begin(&mut self, ty: u32, locals: u32, groups: u32, start: usize) {
        self.function.clear();
        self.regions.clear();
        self.frames.clear();
        self.is_overlong = false;
        self.start = start as u32;
        let ty = BlockType::FuncType(ty);
        let params = self.context.params(ty).len() as u32;
        self.results = self.context.results(ty).len() as u32;
        self.locals.begin(params + locals, groups);
        let entry = self.regions.entry(self.start, None);
        self.region = Some(entry);
        let function = Frame::new(Kind::Block, ty, entry, 0, Immediates::default());
        self.frames.push(Frame { edges: Edges::EXIT, ..function });
        self.height = 0;
        self.dead = 0;
        self.is_dead_end = false;
        self.begins = None;
        self.immediates = Immediates::default();
        self.last = [Last::Other; 2];
        self.is_stacked = false;
        self.is_divided = false;
    }

    /// Handles the next operator of the function.
    ///
    /// It is inlined: where the kind of operator is known at compile time, little code is left.
    #[inline(always)]
    pub(super) fn visit(&mut self, operator: &Operator<'_>, effect: Effect, at: usize) -> Result {
        if self.frames.is_empty() {
            self.is_overlong = true;
            return Ok(());
        }
        let Some(region) = self.region else {
            self.handle_dead(operator);
            return Ok(());
        };
        self.regions.add(region, price(operator));
        let height = self.height;
        let at = at as u32;
        match operator {
            Operator::Nop => self.replace(at, &[]),
            Operator::Block { blockty } => self.open(Kind::Block, *blockty, region, 0),
            Operator::Loop { blockty } => self.open(Kind::Loop, *blockty, region, 0),
            Operator::If { blockty } => {
                self.condition(at)?;
                self.open(Kind::If, *blockty, region, 1);
            }
            Operator::Else => self.handle_else(),
            Operator::End => self.close(),
            Operator::Br { relative_depth } => {
                self.track_stack(0);
                let edges = self.branch(*relative_depth);
                self.regions.edges.leave(region, edges);
                self.region = None;
            }
            Operator::BrIf { relative_depth } => {
                self.condition(at)?;
                self.track_stack(1);
                let edges = self.branch(*relative_depth);
                self.regions.edges.leave(region, edges);
                self.pop(1);
                self.carried(*relative_depth);
                self.begins = Some(Begin::Join(edges));
            }
            Operator::BrTable { targets } => {
                self.condition(at)?;
                self.track_stack(1);
                let mut edges = self.branch(targets.default());
                for depth in targets.targets().map_while(core::result::Result::ok) {
                    let others = self.branch(depth);
                    edges = self.regions.edges.join(edges, others);
                }
                self.regions.edges.leave(region, edges);
                self.region = None;
            }
            Operator::Return => self.leave(self.results),
            Operator::ReturnCall { function_index } => {
                self.leave(self.context.function(*function_index).map_or(0, |ty| ty.params.len() as u32));
            }
            Operator::ReturnCallIndirect { type_index, .. } => {
                self.leave(1 + self.context.params(BlockType::FuncType(*type_index)).len() as u32);
            }
            Operator::Unreachable => {
                self.track_stack(0);
                self.region = None;
            }
            Operator::Call { function_index } => {
                if let Some(ty) = self.context.function(*function_index) {
                    self.pop(ty.params.len() as u32);
                    self.push_unknown(ty.results.len() as u32);
                }
            }
            Operator::CallIndirect { type_index, .. } => {
                let ty = BlockType::FuncType(*type_index);
                self.pop(1 + self.context.params(ty).len() as u32);
                self.push_unknown(self.context.results(ty).len() as u32);
            }
            operator => {
                self.compute(operator, effect, at, height)?;
                self.height = height.saturating_sub(effect.operands()) + effect.results();
            }
        }
        self.last = [self.last[1], Last::of(operator)];
        indices::check(operator, &self.context, &self.locals, at)
    }

    /// Handles an operator in dead code.
    fn handle_dead(&mut self, operator: &Operator<'_>) {
        let is_dead_end = core::mem::take(&mut self.is_dead_end);
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.dead += 1,
            Operator::End if self.dead > 0 => self.dead -= 1,
            Operator::End => return self.close(),
            Operator::Else if self.dead == 0 => return self.handle_else(),
            // It provides the operands of the function's end.
            Operator::Unreachable if is_dead_end => return,
            _ => {}
        }
        // Dead code has to be removed.
        self.is_stacked = true;
    }

    /// Handles an operator that is not a control operator.
    #[inline(always)]
    fn compute(&mut self, operator: &Operator<'_>, effect: Effect, at: u32, height: u32) -> Result {
        match operator {
            Operator::I32Const { value } => {
                if let Some(literal) = self.literals.get_mut(height as usize % 64) {
                    *literal = *value as u32;
                }
                self.immediates.push_known(*value >= 0);
            }
            Operator::LocalGet { .. } => self.immediates.push_unknown(1),
            Operator::LocalTee { .. } => self.immediates.forget_literal(),
            Operator::RefNull { hty } => {
                let is_func = *hty == HeapType::FUNC;
                let ty = if is_func { ValueType::FuncRef } else { ValueType::ExternRef };
                let local = self.locals.get(Purpose::Null, ty)?;
                if !is_func && *hty != HeapType::EXTERN {
                    return Err(invalid_at(at, "unknown type of a reference"));
                }
                self.replace(at, &local_get(local));
                self.immediates.push_unknown(1);
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                if !matches!(self.last[1], Last::Local(_)) {
                    self.through_locals(at, &[ValueType::I32])?;
                }
                self.immediates.pop(1);
                self.immediates.compute(2);
            }
            Operator::MemoryGrow { .. } => {
                bulk::divide(self, operator, Division::GrowMemory, at, height)?;
                self.handle_growth(1);
            }
            Operator::TableGrow { table } => {
                if !bulk::divide(self, operator, Division::GrowTable, at, height)? {
                    let top_up = store::top_up(*table, &self.context);
                    self.edits.uses_host_table = true;
                    self.function.put(&mut self.edits, Rank::Before, at, 0, &top_up);
                    self.added += 4;
                }
                self.handle_growth(2);
            }
            Operator::V128Store8Lane { memarg, lane } => {
                store::replace_lane_store(self, at, height, memarg, *lane, store::LANE_8)?
            }
            Operator::V128Store16Lane { memarg, lane } => {
                store::replace_lane_store(self, at, height, memarg, *lane, store::LANE_16)?
            }
            operator => {
                if let Some(value) = store::copy_same_value(operator, self.last) {
                    self.function.put(&mut self.edits, Rank::Before, at, 0, value);
                    self.added += 4;
                }
                if let Some(kind) = piece_kind(operator)
                    && bulk::divide(self, operator, kind, at, height)?
                {
                    self.is_divided |= height > 3;
                }
                self.apply(operator, effect, at, height)?;
            }
        }
        Ok(())
    }

    /// Applies the effect of an operator to the immediates. Moves its operands through locals if the engine could
    /// find at translation that the operator traps.
    #[inline(always)]
    fn apply(&mut self, operator: &Operator<'_>, effect: Effect, at: u32, height: u32) -> Result {
        match effect {
            Effect::Load { operands } => {
                if load_memarg(operator).is_some_and(|memarg| self.is_beyond(operands - 1, height, memarg)) {
                    let lane = [ValueType::I32, ValueType::V128];
                    self.through_locals(at, lane.get(..operands as usize).unwrap_or(&lane))?;
                }
                self.immediates.pop(operands);
                self.immediates.push_unknown(1);
            }
            Effect::Store { value } => {
                if store_memarg(operator).is_some_and(|memarg| self.is_beyond(1, height, memarg)) {
                    self.through_locals(at, &[ValueType::I32, value])?;
                }
                self.immediates.pop(2);
            }
            Effect::Compute { operands } => {
                if let Some(ty) = division_type(operator)
                    && self.immediates.may_be_known(0)
                    && (self.last[1] != Last::Constant { is_zero: false } || self.immediates.may_be_known(1))
                {
                    self.through_locals(at, &[ty])?;
                }
                if let Some(ty) = truncation_type(operator)
                    && self.immediates.may_be_known(0)
                {
                    self.through_locals(at, &[ty])?;
                }
                self.immediates.compute(operands);
            }
            Effect::Constant => self.immediates.push_known(false),
            Effect::Other { operands, results } => {
                self.immediates.pop(operands);
                self.immediates.push_unknown(results);
            }
            // Control operators, which are handled elsewhere, or unsupported operators.
            Effect::Variable => {}
        }
        Ok(())
    }

    /// Checks whether the engine may find at translation that an address, the operand at this depth, is beyond its
    /// memory: it may be known, and is no literal within the initial size of the memory.
    #[inline(always)]
    fn is_beyond(&self, depth: u32, height: u32, memarg: &MemArg) -> bool {
        if !self.immediates.may_be_known(depth) {
            return false;
        }
        let size = self.context.memories.get(memarg.memory as usize).map_or(0, |memory| memory.min_pages * PAGE);
        let literal = self.literal(height.wrapping_sub(1 + depth));
        !self.immediates.is_literal(depth) || u64::from(literal).saturating_add(memarg.offset) > size
    }

    /// Returns the last literal that was pushed at this height, modulo 64.
    #[inline(always)]
    fn literal(&self, height: u32) -> u32 {
        self.literals.get(height as usize % 64).copied().unwrap_or_default()
    }

    /// Moves the condition on top of the stack through a local if it may be known at translation.
    #[inline(always)]
    fn condition(&mut self, at: u32) -> Result {
        if self.immediates.may_be_known(0) { self.through_locals(at, &[ValueType::I32]) } else { Ok(()) }
    }

    /// Moves the operands on top of the stack through locals, so that the engine does not know their values.
    #[cold]
    fn through_locals(&mut self, at: u32, types: &[ValueType]) -> Result {
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

    /// Replaces the current operator.
    fn replace(&mut self, at: u32, bytes: &[u8]) {
        self.function.put(&mut self.edits, Rank::Replace, at, 0, bytes);
        self.replaces = true;
    }

    /// Handles a growth: the code behind it is charged when the growth is complete. The native stack that the engine
    /// may leave behind at each is bounded by the number of growths in a slice.
    fn handle_growth(&mut self, operands: u32) {
        self.immediates.pop(operands);
        self.immediates.push_unknown(1);
        self.begins = Some(Begin::AfterGrowth);
        self.is_stacked = true;
    }

    /// Pops operands.
    #[inline(always)]
    fn pop(&mut self, count: u32) {
        self.height = self.height.saturating_sub(count);
        self.immediates.pop(count);
    }

    /// Pushes operands that no engine knows at translation.
    #[inline(always)]
    fn push_unknown(&mut self, count: u32) {
        self.height += count;
        self.immediates.push_unknown(count);
    }

    /// Records whether the stack holds operands besides those that an operator takes.
    #[inline(always)]
    fn track_stack(&mut self, operands: u32) {
        self.is_stacked |= self.height != operands;
    }

    /// Handles the end of the current operator.
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
                Begin::AfterGrowth => self.regions.begin(at as u32, None),
            });
        }
    }

    /// Ends a function whose declared locals take this number of cells; returns the work of what was added to it.
    pub(super) fn finish(&mut self, function: &Function<'_>, cells: u64) -> Result<u64> {
        // The engine cannot handle operators behind the end.
        if self.is_overlong || !self.frames.is_empty() {
            return Err(invalid_at(function.body.range().end as u32, "a function ends with its last operator"));
        }
        if (self.is_stacked || self.is_divided) && !OFF {
            self.locals.is_for_pieces = !self.is_stacked;
            self.added += stack::move_to_locals(function, self)?;
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

/// Minimum number of cells of 8 bytes for which a call is charged for zeroing its locals, at the price of bulk memory;
/// fewer cost no more than the call itself.
const PRICED_CELLS: u64 = 64;
