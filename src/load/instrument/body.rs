//! The instrument in one function body.
//!
//! What is added neither branches nor costs fuel, and leaves the operand stack as it is. So that it does not stand
//! between operators that the normal form has next to each other, it is never right before an operator that can stop
//! the run: it announces that one behind the one before it, or where the code between two branches begins.

use alloc::{vec, vec::Vec};

use wasmparser::{FunctionBody, Operator};

use self::{special::Special, steps::Segment};
use super::{
    ENTRY_OF_FUNCTION, Kind, Plan, Probe, Tables, Types,
    code::{Address, Code, Global, Indices, Width},
    origins::Origins,
    steps::Place,
    value_type,
};
use crate::{
    data::{
        binary::{leb, value_code},
        value::ValueType,
    },
    engine::{
        config::parser_features,
        cost::{ENTRY, NOP, REF_NULL},
    },
    host::pieces,
};

mod counts;
mod special;
mod steps;
mod values;

/// The bit of a position that marks the call of a function of the guest, until the function has begun.
pub(crate) const CALLING: u32 = 1 << 31;

/// The size in bytes of a frame: the function, and the position of its call.
pub(crate) const FRAME: u32 = 8;

/// The offsets in a node of its calls, its fuel, and the slots of its calls.
pub(crate) const CALLS: u32 = 8;
pub(crate) const FUEL: u32 = 16;
pub(crate) const SLOTS: u32 = 24;

/// The bit that the function of a node has besides its index; no address has it.
pub(crate) const OCCUPIED: u32 = 1 << 31;

/// The instrument in one function body.
pub(super) struct Body<'a> {
    plan: &'a Plan,
    indices: Indices,
    types: &'a Types,
    function: u32,
    origins: &'a Origins,
    tables: &'a mut Tables,
    /// The parameters and the locals of the normal form.
    locals: Vec<ValueType>,
    /// The number of parameters and locals of the original function.
    declared: usize,
    /// The added locals, from the first.
    added: Vec<ValueType>,
    out: Vec<u8>,
    /// The offset up to which the body has been copied, from its start.
    copied: usize,
    body: &'a [u8],
    /// The place of the next announcement; `None` behind a branch.
    anchor: Option<usize>,
    /// The position that is announced if no operator comes that can stop the run.
    default: Option<u32>,
    /// Whether the operator for which the host was asked for a piece has not run yet.
    is_in_piece: bool,
    labels: Vec<Label>,
    is_reachable: bool,
    /// What begins a block of code that has no counter yet: it gets one in the scope of its charge.
    awaits: Option<u32>,
    /// The segment whose steps are being counted.
    segment: Option<Segment>,
    /// Operators that are appended at an offset when what comes before is known, in order.
    deferred: Vec<(usize, Vec<u8>)>,
    /// Locals for operands that are needed once more: their types, numbers and indices.
    spares: Vec<(ValueType, u32, u32)>,
}

/// An open block.
#[derive(Debug, Default, Clone, Copy)]
struct Label {
    is_loop: bool,
    /// Whether it is an `if` without an `else` so far.
    is_if: bool,
    /// Whether control reaches its end from elsewhere than the operator before it.
    is_joined: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        indices: Indices,
        types: &'a Types,
        origins: &'a Origins,
        tables: &'a mut Tables,
    ) -> Self {
        Body {
            plan,
            indices,
            types,
            function: 0,
            origins,
            tables,
            locals: Vec::new(),
            declared: 0,
            added: Vec::new(),
            out: Vec::new(),
            copied: 0,
            body: &[],
            anchor: None,
            default: None,
            is_in_piece: false,
            labels: Vec::new(),
            is_reachable: true,
            awaits: Some(ENTRY_OF_FUNCTION),
            segment: None,
            deferred: Vec::new(),
            spares: Vec::new(),
        }
    }

    /// Returns the body of a function with the instrument. The original declares this number of locals.
    pub(super) fn rewrite(
        mut self,
        function: u32,
        declared: usize,
        parsed: &FunctionBody<'_>,
        module: &'a [u8],
    ) -> wasmparser::Result<Vec<u8>> {
        let base = parsed.range().start;
        self.function = function;
        self.body = module.get(parsed.range()).unwrap_or_default();
        self.locals.extend(self.types.of_function(function));
        self.declared = self.locals.len() + declared;
        let mut reader = parsed.get_locals_reader()?;
        let groups = reader.get_count();
        let header = reader.original_position() - base;
        for _ in 0..groups {
            let (count, ty) = reader.read()?;
            self.locals.extend(core::iter::repeat_n(value_type(ty), count as usize));
        }
        let start = reader.original_position() - base;
        let through = if self.plan.kind.has_stack() { ValueType::I32 } else { ValueType::I64 };
        self.added = vec![ValueType::I32, through];
        match self.plan.kind {
            Kind::Counts => self.added.extend([ValueType::I32; counts::LOCALS]),
            Kind::Steps => self.added.push(ValueType::I64),
            Kind::Stack | Kind::Tree | Kind::Values => {}
        }
        self.copied = start;
        self.operators(parsed, start)?;
        self.insert(self.body.len(), &[]);
        let mut out = leb(groups + self.added.len() as u32);
        out.extend_from_slice(self.body.get(header..start).unwrap_or_default());
        out.extend(self.added.iter().flat_map(|ty| [1, value_code(*ty)]));
        out.append(&mut self.out);
        Ok(out)
    }

    /// Returns the local of the frame or node.
    fn own(&self) -> u32 {
        self.locals.len() as u32
    }

    /// Returns the local of a number on its way to memory.
    fn through(&self) -> u32 {
        self.own() + 1
    }

    fn operators(&mut self, parsed: &FunctionBody<'_>, start: usize) -> wasmparser::Result<()> {
        let mut reader = parsed.get_operators_reader()?.get_binary_reader();
        reader.set_features(parser_features());
        let base = reader.original_position() - start;
        let mut begins = true;
        self.labels.push(Label::default());
        while !reader.eof() {
            let at = reader.original_position() - base;
            if core::mem::take(&mut begins) {
                let (fuel, length) = charge(self.body.get(at..).unwrap_or_default());
                reader.read_bytes(length)?;
                self.begin(at, at + length, at == start, fuel);
                continue;
            }
            let operator = reader.read_operator()?;
            let end = reader.original_position() - base;
            let special = self.special(&operator);
            if let Some(special) = special {
                self.announce(special, at);
                self.values(&operator, special, at);
            }
            if self.plan.kind == Kind::Steps {
                self.step(&operator, special, at);
                self.write(&operator, special, at, end);
            }
            if let Some(special) = special {
                self.complete(special, at, end);
            }
            begins = self.control(&operator, at, end);
        }
        Ok(())
    }

    /// Handles the control flow of an operator; returns whether a scope begins behind it.
    fn control(&mut self, operator: &Operator<'_>, at: usize, end: usize) -> bool {
        use Operator::{
            Block, Br, BrIf, BrTable, Else, End, If, Loop, Return, ReturnCall, ReturnCallIndirect, Unreachable,
        };
        if self.plan.kind == Kind::Counts {
            self.count(operator, at, end);
        }
        match operator {
            Block { .. } => self.labels.push(Label::default()),
            Loop { .. } | If { .. } => {
                let (is_loop, is_if) = (matches!(operator, Loop { .. }), matches!(operator, If { .. }));
                self.labels.push(Label { is_loop, is_if, is_joined: false });
                self.close();
                return true;
            }
            Else => {
                if let Some(label) = self.labels.last_mut() {
                    *label = Label { is_joined: label.is_joined || self.is_reachable, ..Label::default() };
                }
                self.close();
                self.is_reachable = true;
                return true;
            }
            End => {
                self.close();
                let label = self.labels.pop().unwrap_or_default();
                self.is_reachable |= label.is_if || label.is_joined;
                if self.is_reachable && !self.labels.is_empty() {
                    self.segment(end);
                }
            }
            Br { relative_depth } => {
                self.branch(*relative_depth);
                self.mention(at);
                self.leave();
            }
            BrIf { relative_depth } => {
                self.branch(*relative_depth);
                self.mention(at);
                self.close();
                self.segment(end);
            }
            BrTable { targets } => {
                self.branch(targets.default());
                targets.targets().map_while(Result::ok).for_each(|depth| self.branch(depth));
                self.mention(at);
                self.leave();
            }
            Return | Unreachable | ReturnCall { .. } | ReturnCallIndirect { .. } => self.leave(),
            _ => self.mention(at),
        }
        false
    }

    /// Announces an operator that cannot stop the run, if it is the first behind the last announcement.
    fn mention(&mut self, at: usize) {
        // One of which the end has been handled is not next.
        let is_over = self.plan.kind == Kind::Steps && self.anchor.is_some_and(|anchor| anchor > at);
        if self.anchor.is_some() && self.default.is_none() && !is_over {
            self.default = Some(self.origins.of(at));
        }
    }

    fn branch(&mut self, depth: u32) {
        if let Some(label) = self.labels.iter_mut().rev().nth(depth as usize) {
            label.is_joined |= !label.is_loop;
        }
    }

    /// Ends the reachable code of a block.
    fn leave(&mut self) {
        self.close();
        self.is_reachable = false;
    }

    /// Copies the body up to an offset, and appends operators there, right before those that were deferred for it.
    fn insert(&mut self, at: usize, bytes: &[u8]) {
        let count = self.deferred.iter().take_while(|deferred| deferred.0 < at).count();
        for (at, bytes) in self.deferred.drain(..count).collect::<Vec<_>>() {
            self.append(at, &bytes);
        }
        self.append(at, bytes);
    }

    fn append(&mut self, at: usize, bytes: &[u8]) {
        self.out.extend_from_slice(self.body.get(self.copied..at).unwrap_or_default());
        self.copied = self.copied.max(at);
        self.out.extend_from_slice(bytes);
    }

    fn code(&self) -> Code {
        Code::new(self.indices)
    }

    /// Begins a function, an iteration of a `loop` or an arm of an `if`, for which this fuel has been charged.
    fn begin(&mut self, at: usize, behind: usize, is_function: bool, fuel: u64) {
        let (own, through) = (self.own(), self.through());
        let mut code = self.code();
        match self.plan.kind {
            _ if self.plan.kind.has_stack() && is_function => {
                code.global_get(Global::Pointer).set(own);
                code.get(own).constant(self.function as i32).store(Width::Four, 0);
                code.global_get(Global::Position).set(through);
                code.get(own).get(through).store(Width::Four, 4);
                code.get(own).constant(FRAME as i32).byte(I32_ADD).global_set(Global::Pointer);
                code.constant(self.origins.of(at) as i32).global_set(Global::Position);
                code.bytes.extend(self.began().bytes);
            }
            Kind::Tree => {
                if is_function {
                    let marked = (self.function | OCCUPIED) as i32;
                    code.global_get(Global::Pointer).set(own).constant(0).global_set(Global::Pointer);
                    code.byte(BLOCK).byte(EMPTY).get(own).load(Width::Four, 0).constant(marked).byte(I32_EQ);
                    code.byte(BR_IF).byte(0).constant(self.function as i32).get(own);
                    code.probe(Probe::Enter).set(own).byte(END);
                    code.add(Address::Local(own), CALLS, 1, through);
                }
                code.add(Address::Local(own), FUEL, fuel, through);
            }
            Kind::Counts => {
                if let Some(opener) = self.awaits.take() {
                    self.add_counter(&mut code, opener);
                }
            }
            Kind::Stack | Kind::Values | Kind::Steps => {}
        }
        self.insert(behind, &code.bytes);
        self.segment(behind);
        if self.plan.kind.has_stack() && is_function {
            self.default = None;
        }
    }

    /// Begins the code behind a branch or a place where control joins.
    fn segment(&mut self, at: usize) {
        self.begin_steps(at);
        self.anchor = Some(at);
        self.default = None;
    }

    /// Ends the code before a branch or a place where control joins.
    fn close(&mut self) {
        let (anchor, default) = (self.anchor.take(), self.default.take());
        if let (Some(anchor), Some(position), true) = (anchor, default, self.plan.kind.has_stack()) {
            self.position(anchor, position);
        }
        self.end_steps();
    }

    /// Sets the position at an offset.
    fn position(&mut self, at: usize, position: u32) {
        let mut code = self.code();
        code.constant(position as i32).global_set(Global::Position);
        self.insert(at, &code.bytes);
    }

    /// Announces an operator.
    fn announce(&mut self, special: Special, at: usize) {
        let Some(anchor) = self.anchor else { return };
        if special == Special::Bulk && self.is_in_piece {
            return;
        }
        let (own, position) = (self.own(), self.origins.of(at));
        let mut code = self.code();
        match (self.plan.kind, special) {
            (Kind::Stack | Kind::Values | Kind::Steps, Special::Call | Special::CallIndirect) => {
                code.constant(0).global_set(Global::Tail);
                code.constant((position | CALLING) as i32).global_set(Global::Position);
            }
            // The called function takes the place of this one.
            (Kind::Stack | Kind::Values | Kind::Steps, Special::ReturnCall | Special::ReturnCallIndirect) => {
                code.constant(position as i32).global_set(Global::Tail);
                code.get(own).global_set(Global::Pointer);
                code.get(own).load(Width::Four, 4).global_set(Global::Position);
            }
            (Kind::Stack | Kind::Values | Kind::Steps, _) => {
                code.constant(position as i32).global_set(Global::Position);
            }
            (Kind::Tree, Special::Call | Special::CallIndirect) => {
                let number = self.tables.slots.last().map_or(0, |slots| slots.len() as u32);
                self.tables.slots.last_mut().into_iter().for_each(|slots| slots.push(special == Special::CallIndirect));
                code.get(own).load(Width::Four, SLOTS + 4 * number).global_set(Global::Pointer);
            }
            (Kind::Tree, Special::ReturnCall | Special::ReturnCallIndirect) => {
                code.get(own).global_set(Global::Pointer);
            }
            (Kind::Tree, Special::HostCall { import } | Special::ReturnHostCall { import }) => {
                code.get(own).constant(import as i32).probe(Probe::Before);
            }
            (Kind::Tree, Special::Bulk | Special::Piece) => {
                code.get(own).constant(-1).probe(Probe::Before);
            }
            (Kind::Tree, Special::Trap) | (Kind::Counts, _) => {}
        }
        self.insert(anchor, &code.bytes);
    }

    /// Handles the end of an operator.
    fn complete(&mut self, special: Special, at: usize, end: usize) {
        // The host's answer and the operator that takes it stay together.
        self.is_in_piece = special == Special::Piece;
        if self.anchor.is_none() || self.is_in_piece {
            return;
        }
        self.anchor = Some(end);
        self.default = None;
        let mut code = self.code();
        match (self.plan.kind, special) {
            (Kind::Stack | Kind::Values | Kind::Steps, Special::Call | Special::CallIndirect) => {
                let call = self.origins.of(at);
                code.get(self.own()).constant(FRAME as i32).byte(I32_ADD).global_set(Global::Pointer);
                if self.plan.places.returns.contains(&call) {
                    code.ask(Place::Return, call);
                }
                self.default = Some(call);
            }
            (Kind::Steps, Special::HostCall { .. } | Special::Bulk) => {
                if let Special::HostCall { import } = special {
                    code = self.returned(import);
                }
                // Where the run is out of fuel behind it is not at it.
                code.constant(0).global_set(Global::Position);
            }
            (Kind::Tree, Special::HostCall { .. } | Special::Bulk) => {
                code.probe(Probe::After);
            }
            _ => {}
        }
        self.insert(end, &code.bytes);
        if matches!(special, Special::Call | Special::CallIndirect) {
            self.begin_steps(end);
        }
    }
}

impl Code {
    /// Appends the call of a probe, whose slot follows those of the other functions of the host.
    fn probe(&mut self, probe: Probe) -> &mut Self {
        self.call(pieces::SLOTS as u32 + probe as u32, probe as u32)
    }
}

const BLOCK: u8 = 0x02;
const EMPTY: u8 = 0x40;
const END: u8 = 0x0b;
const BR_IF: u8 = 0x0d;
const I32_EQ: u8 = 0x46;
const I32_ADD: u8 = 0x6a;

/// Returns the fuel that the engine charges where a scope begins, and the length of the charges in bytes.
fn charge(code: &[u8]) -> (u64, usize) {
    const PAIR: &[u8] = &[0xd0, 0x70, 0x1a];
    const NO_OPERATION: u8 = 0x01;
    let (mut fuel, mut rest) = (ENTRY, code);
    while let Some(behind) = rest.strip_prefix(PAIR) {
        rest = behind;
        fuel += u64::from(REF_NULL);
    }
    let nops = rest.iter().take_while(|byte| **byte == NO_OPERATION).count();
    (fuel + nops as u64 * u64::from(NOP), code.len() - rest.len() + nops)
}
