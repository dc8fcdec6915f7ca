//! The check of the indices that an operator names. Additions have those behind the last of the module: an operator of
//! the module that names one of them is invalid.

use wasmparser::Operator;

use super::{Context, Result, locals::Locals};
use crate::load::refusal::invalid_at;

/// Checks that an operator names no local, type or table behind the last.
#[inline(always)]
pub(super) fn check(operator: &Operator<'_>, context: &Context<'_>, locals: &Locals, at: u32) -> Result {
    use Operator::{
        CallIndirect, LocalGet, LocalSet, LocalTee, ReturnCallIndirect, TableCopy, TableFill, TableGet, TableGrow,
        TableInit, TableSet, TableSize,
    };
    let (types, tables) = (context.types.len(), context.tables.len());
    let exists = match operator {
        LocalGet { local_index } | LocalSet { local_index } | LocalTee { local_index } => {
            locals.is_declared(*local_index)
        }
        CallIndirect { type_index, table_index } | ReturnCallIndirect { type_index, table_index } => {
            (*type_index as usize) < types && (*table_index as usize) < tables
        }
        TableCopy { dst_table, src_table } => (*dst_table.max(src_table) as usize) < tables,
        TableGet { table } | TableSet { table } | TableInit { table, .. } => (*table as usize) < tables,
        TableSize { table } | TableGrow { table } | TableFill { table } => (*table as usize) < tables,
        _ => true,
    };
    if exists { Ok(()) } else { Err(invalid_at(at, "unknown index")) }
}
