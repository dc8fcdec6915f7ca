//! The operators that instruments handle.

use wasmparser::Operator;

use super::Body;
use crate::load::{
    instrument::is_bulk,
    stack_effect::{division_type, is_load, store_memarg, truncation_type},
};

/// An operator that can stop the run or that calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Call,
    HostCall {
        import: u32,
    },
    CallIndirect,
    ReturnCall,
    ReturnHostCall {
        import: u32,
    },
    ReturnCallIndirect,
    /// An operator whose fuel depends on its operands.
    Bulk,
    /// A call of the host for the next piece of an operator.
    Piece,
    Trap,
}

impl Body<'_> {
    /// Returns what an operator is, if it can stop the run or calls.
    pub(super) fn special(&self, operator: &Operator<'_>) -> Option<Special> {
        use Operator::{Call, CallIndirect, ReturnCall, ReturnCallIndirect, TableGet, TableSet, Unreachable};
        Some(match operator {
            Call { function_index } if *function_index < self.types.imported => {
                Special::HostCall { import: *function_index }
            }
            Call { .. } => Special::Call,
            CallIndirect { type_index, table_index } if *table_index == self.indices.table => {
                // Before the added types are those of the other functions of the host.
                if self.indices.types.checked_sub(*type_index) != Some(1) {
                    return None;
                }
                Special::Piece
            }
            CallIndirect { .. } => Special::CallIndirect,
            ReturnCall { function_index } if *function_index < self.types.imported => {
                Special::ReturnHostCall { import: *function_index }
            }
            ReturnCall { .. } => Special::ReturnCall,
            ReturnCallIndirect { .. } => Special::ReturnCallIndirect,
            operator if is_bulk(operator) => Special::Bulk,
            TableGet { .. } | TableSet { .. } | Unreachable => Special::Trap,
            operator if is_load(operator) || store_memarg(operator).is_some() => Special::Trap,
            operator if division_type(operator).is_some() || truncation_type(operator).is_some() => Special::Trap,
            _ => return None,
        })
    }
}
