//! The count of steps, and the places where the host decides whether the run goes on.
//!
//! A segment is code that runs from its first operator to its last: it ends at branches, at places where control joins and
//! behind calls of functions of the guest. Where it begins, its operators are added to the count. If that makes more
//! than the run may have, a load beyond the added memory traps. The count of an operator follows from that.

use alloc::vec::Vec;

use wasmparser::Operator;

use super::{
    Body, Code, Special,
    values::{Recorded, stored_type},
};
use crate::{
    data::value::ValueType,
    load::{
        instrument::{
            FIRST_OPERAND, Kind, Probe,
            code::{Global, Width},
            steps::{Access, BEGUN, END, LAST, MOST_VALUES, Place, Store, VALUE, VALUES},
        },
        stack_effect::store_memarg,
    },
};

/// A segment whose end is not known yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// Where its code is in the output.
    start: usize,
    /// Where the number of its operators is in the output.
    count: usize,
    /// Where its code ends in the output.
    end: usize,
    /// Its first operator.
    first: usize,
}

const I64_EQ: u8 = 0x51;
const I64_GT_U: u8 = 0x56;
const I32_SHL: u8 = 0x74;
const I64_ADD: u8 = 0x7c;
const DROP: u8 = 0x1a;
const I64_CONST: u8 = 0x42;

/// The bytes of a number of operators below 2^34 as a `leb128` number of a fixed length.
const COUNT_BYTES: usize = 5;

impl Body<'_> {
    /// Begins a segment.
    pub(super) fn begin_steps(&mut self, at: usize) {
        if self.plan.kind != Kind::Steps {
            return;
        }
        self.end_steps();
        let through = self.through() + 1;
        let number = self.tables.steps.segments.len() as i32;
        let mut code = self.code();
        code.constant(0).load(Width::Eight, BEGUN).byte(I64_CONST);
        let count = code.bytes.len();
        code.bytes.extend([0; COUNT_BYTES]);
        code.byte(I64_ADD).set(through).constant(0).get(through).store(Width::Eight, BEGUN);
        code.constant(number).global_set(Global::Segment);
        code.get(through).constant(0).load(Width::Eight, LAST).byte(I64_GT_U);
        code.constant(31).byte(I32_SHL).load(Width::Four, 0).byte(DROP);
        self.insert(at, &code.bytes);
        let (start, first) = (self.out.len() - code.bytes.len(), self.tables.steps.operators.len());
        self.segment = Some(Segment { start, count: start + count, end: self.out.len(), first });
        self.tables.steps.segments.push(first as u32);
    }

    /// Ends the segment, if one has begun.
    pub(super) fn end_steps(&mut self) {
        let Some(segment) = self.segment.take() else { return };
        let count = self.tables.steps.operators.len() - segment.first;
        if count == 0 && self.out.len() == segment.end {
            self.out.truncate(segment.start);
            self.tables.steps.segments.pop();
            return;
        }
        let last = segment.count + COUNT_BYTES - 1;
        for (place, byte) in (segment.count..=last).enumerate() {
            if let Some(out) = self.out.get_mut(byte) {
                *out = (count >> (7 * place)) as u8 & 0x7f | if byte < last { 0x80 } else { 0 };
            }
        }
    }

    /// Counts an operator, if it is one of the original that does more than begin or end a block.
    pub(super) fn step(&mut self, operator: &Operator<'_>, special: Option<Special>, at: usize) {
        use Operator::{Block, Else, End, Loop, Nop};
        let is_structure = matches!(operator, Block { .. } | Loop { .. } | Else | End | Nop);
        if self.segment.is_none() || is_structure || !self.origins.is_original(at) {
            return;
        }
        let origin = self.origins.of(at);
        self.tables.steps.operators.push(origin);
        let is_place = self.plan.places.operators.contains(&origin);
        let (is_site, is_end) = (self.plan.sites.contains(&origin), self.plan.places.end == Some(origin));
        let host_call = match special {
            Some(Special::HostCall { import } | Special::ReturnHostCall { import }) if self.plan.places.calls => {
                Some(import)
            }
            _ => None,
        };
        if is_place || is_site || is_end || host_call.is_some() {
            self.with_operands(operator, special, at, |body, values| {
                let mut code = body.code();
                if is_site || host_call.is_some() {
                    code.record(values);
                }
                if let Some(import) = host_call {
                    code.ask(Place::HostCall, import);
                }
                if is_place {
                    code.ask(Place::Operator, origin);
                }
                if is_end {
                    body.tables.steps.values = code.end_at(values);
                }
                code
            });
        }
    }

    /// Returns the code that tells the host about the beginning of a function.
    pub(super) fn began(&self) -> Code {
        let mut code = self.code();
        if self.plan.places.calls {
            let params = self.types.of_function(self.function).iter().zip(0..);
            let params: Vec<_> = params.map(|(ty, local)| Recorded { number: local, ty: *ty, local }).collect();
            code.record(&params);
        }
        if self.plan.places.calls || self.plan.places.functions.contains(&self.function) {
            code.ask(Place::Function, self.function);
        }
        code
    }

    /// Returns the code that tells the host about the results of one of its functions.
    pub(super) fn returned(&mut self, import: u32) -> Code {
        let mut code = self.code();
        if !self.plan.places.calls {
            return code;
        }
        let results = self.types.results(import);
        let first = self.own() + self.added.len() as u32;
        let values: Vec<_> = (first..)
            .zip(results)
            .zip(FIRST_OPERAND..)
            .map(|((local, ty), number)| Recorded { number, ty: *ty, local })
            .collect();
        self.added.extend(results);
        values.iter().rev().for_each(|value| {
            code.set(value.local);
        });
        code.record(&values);
        code.ask(Place::HostReturn, import);
        values.iter().for_each(|value| {
            code.get(value.local);
        });
        code
    }

    /// Tells the host about an operator that may have written to a memory.
    pub(super) fn write(&mut self, operator: &Operator<'_>, special: Option<Special>, at: usize, end: usize) {
        if !self.plan.places.writes {
            return;
        }
        let number = self.tables.steps.stores.len() as i32;
        let mut code = self.code();
        let access = match (store_memarg(operator).zip(stored_type(operator)), special) {
            (Some((memarg, ty)), _) => {
                let (address, value) = (self.spare(ValueType::I32, 0), self.spare(ty, 1));
                let mut before = self.code();
                before.set(value).set(address).get(address).get(value);
                self.insert(at, &before.bytes);
                code.get(address);
                Some(Access { memory: memarg.memory, offset: memarg.offset, bytes: stored_bytes(operator) })
            }
            // A call can end in a function of the host.
            (None, Some(Special::HostCall { .. } | Special::Bulk | Special::Call | Special::CallIndirect)) => {
                code.constant(0);
                None
            }
            _ => return,
        };
        code.constant(number).probe(Probe::Wrote);
        let is_call = matches!(special, Some(Special::Call | Special::CallIndirect));
        self.tables.steps.stores.push(Store { at: self.origins.of(at), access, is_call });
        self.insert(end, &code.bytes);
    }

    /// Returns a local that holds a value for the time of an operator.
    fn spare(&mut self, ty: ValueType, number: u32) -> u32 {
        if let Some((.., local)) = self.spares.iter().find(|spare| (spare.0, spare.1) == (ty, number)) {
            return *local;
        }
        let local = self.own() + self.added.len() as u32;
        self.added.push(ty);
        self.spares.push((ty, number, local));
        local
    }
}

impl Code {
    /// Appends the question whether the run goes on.
    pub(super) fn ask(&mut self, place: Place, what: u32) -> &mut Self {
        self.constant(place as i32).constant(what as i32).probe(Probe::Stop)
    }

    /// Appends the end of the run if the right number of steps has begun: the values are stored, and a load traps. Returns
    /// those that are.
    fn end_at(&mut self, values: &[Recorded]) -> Vec<(u32, ValueType)> {
        let is_operand = |value: &&Recorded| value.number >= FIRST_OPERAND;
        let operands = values.iter().filter(is_operand).take(MOST_VALUES);
        let locals = values.iter().filter(|value| !is_operand(value));
        let stored: Vec<_> = operands.chain(locals).filter(|value| Probe::of(value.ty).is_some()).collect();
        for (place, value) in (0..).zip(&stored) {
            self.constant(0).get(value.local).store_value(value.ty, VALUES + VALUE * place);
        }
        self.constant(0).load(Width::Eight, BEGUN).constant(0).load(Width::Eight, END).byte(I64_EQ);
        self.constant(31).byte(I32_SHL).load(Width::Four, 0).byte(DROP);
        stored.iter().map(|value| (value.number, value.ty)).collect()
    }
}

/// Returns the number of bytes that a store writes.
fn stored_bytes(operator: &Operator<'_>) -> u64 {
    use Operator::{
        F32Store, I32Store, I32Store8, I32Store16, I64Store8, I64Store16, I64Store32, V128Store, V128Store8Lane,
        V128Store16Lane, V128Store32Lane,
    };
    match operator {
        I32Store8 { .. } | I64Store8 { .. } | V128Store8Lane { .. } => 1,
        I32Store16 { .. } | I64Store16 { .. } | V128Store16Lane { .. } => 2,
        I32Store { .. } | F32Store { .. } | I64Store32 { .. } | V128Store32Lane { .. } => 4,
        V128Store { .. } => 16,
        _ => 8,
    }
}
