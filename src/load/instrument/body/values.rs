//! The values of operands and locals at an operator.

use alloc::{vec, vec::Vec};

use wasmparser::Operator;

use super::{Body, Special};
use crate::{
    data::value::ValueType,
    load::{
        instrument::{BEGIN_VALUES, FIRST_OPERAND, Kind, MOST_LOCALS, Probe},
        stack_effect::{division_type, is_load, store_memarg, truncation_type},
    },
};

impl Body<'_> {
    /// Records the operands of an operator, if it is one of those that are asked for, and the locals.
    pub(super) fn values(&mut self, operator: &Operator<'_>, special: Special, at: usize) {
        let is_wanted = self.plan.kind == Kind::Values && self.plan.sites.contains(&self.origins.of(at));
        if !is_wanted || self.anchor.is_none() || matches!(special, Special::Bulk | Special::Piece) {
            return;
        }
        let operands = self.operands(operator);
        let first = self.own() + self.added.len() as u32;
        self.added.extend(&operands);
        let mut code = self.code();
        (0..operands.len() as u32).rev().for_each(|number| {
            code.set(first + number);
        });
        code.constant(BEGIN_VALUES as i32).constant(0).probe(Probe::I32);
        let operands = (first..).zip(operands).zip(FIRST_OPERAND..);
        let locals = (0..).zip(self.locals.iter().copied()).zip(0..).take(self.declared.min(MOST_LOCALS));
        for ((local, ty), number) in operands.clone().chain(locals) {
            if let Some(probe) = Probe::of(ty) {
                code.constant(number as i32).get(local).probe(probe);
            }
        }
        operands.for_each(|((local, _), _)| {
            code.get(local);
        });
        self.insert(at, &code.bytes);
    }

    /// Returns the types of the operands of an operator that can stop the run.
    fn operands(&self, operator: &Operator<'_>) -> Vec<ValueType> {
        use Operator::{
            Call, CallIndirect, ReturnCall, ReturnCallIndirect, TableGet, V128Load8Lane, V128Load16Lane,
            V128Load32Lane, V128Load64Lane,
        };
        match operator {
            Call { function_index } | ReturnCall { function_index } => self.types.of_function(*function_index).into(),
            CallIndirect { type_index, .. } | ReturnCallIndirect { type_index, .. } => {
                let params = self.types.of_type(*type_index).iter().copied();
                params.chain([ValueType::I32]).collect()
            }
            TableGet { .. } => vec![ValueType::I32],
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
fn stored_type(operator: &Operator<'_>) -> Option<ValueType> {
    use Operator::{F32Store, F64Store, I32Store, I32Store8, I32Store16, I64Store, I64Store8, I64Store16, I64Store32};
    Some(match operator {
        I32Store { .. } | I32Store8 { .. } | I32Store16 { .. } => ValueType::I32,
        I64Store { .. } | I64Store8 { .. } | I64Store16 { .. } | I64Store32 { .. } => ValueType::I64,
        F32Store { .. } => ValueType::F32,
        F64Store { .. } => ValueType::F64,
        operator => return store_memarg(operator).map(|_| ValueType::V128),
    })
}
