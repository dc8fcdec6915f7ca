//! The values of operands and locals at an operator.

use alloc::{vec, vec::Vec};

use wasmparser::Operator;

use super::{Body, Code, Special};
use crate::{
    data::value::ValueType,
    load::{
        instrument::{BEGIN_VALUES, FIRST_OPERAND, Kind, MOST_LOCALS, Probe},
        stack_effect::{division_type, is_load, store_memarg, truncation_type},
    },
};

/// An operand or a local, in a local.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    pub(super) number: u32,
    pub(super) ty: ValueType,
    pub(super) local: u32,
}

impl Code {
    /// Appends the record of values by the host.
    pub(super) fn record(&mut self, values: &[Recorded]) {
        self.constant(BEGIN_VALUES as i32).constant(0).probe(Probe::I32);
        for Recorded { number, ty, local } in values {
            if let Some(probe) = Probe::of(*ty) {
                self.constant(*number as i32).get(*local).probe(probe);
            }
        }
    }
}

impl Body<'_> {
    /// Records the operands of an operator, if it is one of those that are asked for, and the locals.
    pub(super) fn values(&mut self, operator: &Operator<'_>, special: Special, at: usize) {
        let is_wanted = self.plan.kind == Kind::Values && self.plan.sites.contains(&self.origins.of(at));
        if is_wanted && self.anchor.is_some() && !matches!(special, Special::Bulk | Special::Piece) {
            self.with_operands(operator, Some(special), at, |body, values| {
                let mut code = body.code();
                code.record(values);
                code
            });
        }
    }

    /// Inserts code before an operator, whose operands are right before it again. `code` gets the operands and the locals.
    pub(super) fn with_operands(
        &mut self,
        operator: &Operator<'_>,
        special: Option<Special>,
        at: usize,
        code: impl FnOnce(&mut Self, &[Recorded]) -> Code,
    ) {
        let is_bulk = matches!(special, Some(Special::Bulk | Special::Piece));
        let operands = if is_bulk { Vec::new() } else { self.operands(operator) };
        let at = if is_bulk { self.origins.start(at) } else { at };
        let first = self.own() + self.added.len() as u32;
        self.added.extend(&operands);
        let recorded = |((local, ty), number): ((u32, ValueType), u32)| Recorded { number, ty, local };
        let operands: Vec<_> = (first..).zip(operands).zip(FIRST_OPERAND..).map(recorded).collect();
        let locals = (0..).zip(self.locals.iter().copied()).zip(0..).take(self.declared.min(MOST_LOCALS));
        let values: Vec<_> = operands.iter().copied().chain(locals.map(recorded)).collect();
        let inserted = code(self, &values);
        let mut code = self.code();
        operands.iter().rev().for_each(|operand| {
            code.set(operand.local);
        });
        code.bytes.extend(inserted.bytes);
        operands.iter().for_each(|operand| {
            code.get(operand.local);
        });
        self.deferred.push((at, code.bytes));
    }

    /// Returns the types of the operands of an operator that can stop the run, or that have to be right before it.
    fn operands(&self, operator: &Operator<'_>) -> Vec<ValueType> {
        use Operator::{
            Call, CallIndirect, ReturnCall, ReturnCallIndirect, Select, TableGet, TypedSelect, V128Load8Lane,
            V128Load16Lane, V128Load32Lane, V128Load64Lane,
        };
        match operator {
            Call { function_index } | ReturnCall { function_index } => self.types.of_function(*function_index).into(),
            CallIndirect { type_index, .. } | ReturnCallIndirect { type_index, .. } => {
                let params = self.types.of_type(*type_index).iter().copied();
                params.chain([ValueType::I32]).collect()
            }
            // Of a `select` the condition: it is in a local that is read right before.
            TableGet { .. } | Select | TypedSelect { .. } => vec![ValueType::I32],
            V128Load8Lane { .. } | V128Load16Lane { .. } | V128Load32Lane { .. } | V128Load64Lane { .. } => {
                vec![ValueType::I32, ValueType::V128]
            }
            operator if is_load(operator) => vec![ValueType::I32],
            operator => {
                let division = division_type(operator).map(|ty| vec![ty, ty]);
                let truncation = || truncation_type(operator).map(|ty| vec![ty]);
                let store = || stored_type(operator).map(|ty| vec![ValueType::I32, ty]);
                division.or_else(truncation).or_else(store).unwrap_or_default()
            }
        }
    }
}

/// Returns the type of the value that an operator stores.
pub(super) fn stored_type(operator: &Operator<'_>) -> Option<ValueType> {
    use Operator::{F32Store, F64Store, I32Store, I32Store8, I32Store16, I64Store, I64Store8, I64Store16, I64Store32};
    Some(match operator {
        I32Store { .. } | I32Store8 { .. } | I32Store16 { .. } => ValueType::I32,
        I64Store { .. } | I64Store8 { .. } | I64Store16 { .. } | I64Store32 { .. } => ValueType::I64,
        F32Store { .. } => ValueType::F32,
        F64Store { .. } => ValueType::F64,
        operator => return store_memarg(operator).map(|_| ValueType::V128),
    })
}
