//! The operators of function bodies: only those of proposals that are switched on, and bounded in
//! what makes an engine recurse or multiply.

use wasmparser::{FunctionBody, Operator};

use super::scan::{limit, malformed};
use crate::{config::ModuleLimits, error::ModuleError};

/// Sums over all functions.
#[derive(Debug, Default)]
pub(super) struct Totals {
    locals: u64,
    branch_targets: u64,
}

pub(super) fn check(body: &FunctionBody<'_>, limits: &ModuleLimits, totals: &mut Totals) -> Result<(), ModuleError> {
    let mut locals = 0u64;
    for group in body.get_locals_reader().map_err(malformed)? {
        let (count, _) = group.map_err(malformed)?;
        locals += u64::from(count);
        limit("module.locals", limits.locals, locals, "locals of a function")?;
    }
    totals.locals += locals;
    limit("module.locals_total", limits.locals_total, totals.locals, "locals of all functions")?;

    let mut reader = body.get_operators_reader().map_err(malformed)?;
    let mut nesting = 0u64;
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset().map_err(malformed)?;
        match &operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                nesting += 1;
                limit("module.nesting", limits.nesting, nesting, "nested blocks")?;
            }
            Operator::End => nesting = nesting.saturating_sub(1),
            Operator::BrTable { targets } => {
                totals.branch_targets += u64::from(targets.len()) + 1;
                let (max, found) = (limits.branch_targets, totals.branch_targets);
                limit("module.branch_targets", max, found, "branch table targets")?;
            }
            operator => check_supported(operator, offset)?,
        }
    }
    Ok(())
}

pub(super) fn check_supported(operator: &Operator<'_>, offset: usize) -> Result<(), ModuleError> {
    match missing(operator) {
        Some(feature) => Err(ModuleError::Unsupported { feature, offset: offset as u64 }),
        None => Ok(()),
    }
}

/// What an operator needs that belljar does not run.
fn missing(operator: &Operator<'_>) -> Option<&'static str> {
    macro_rules! by_proposal {
        ($(@$proposal:ident $op:ident $({ $($payload:tt)* })? => $visit:ident ($($ann:tt)*))*) => {
            match operator {
                $(Operator::$op { .. } => stringify!($proposal),)*
                _ => "unknown",
            }
        };
    }
    Some(match wasmparser::for_each_operator!(by_proposal) {
        "mvp"
        | "sign_extension"
        | "saturating_float_to_int"
        | "bulk_memory"
        | "reference_types"
        | "tail_call"
        | "simd" => {
            return None;
        }
        "threads" => "the threads proposal",
        "exceptions" | "legacy_exceptions" => "the exceptions proposal",
        "function_references" => "the function-references proposal",
        "gc" => "the gc proposal",
        "relaxed_simd" => "the relaxed-simd proposal",
        "memory_control" => "the memory-control proposal",
        "stack_switching" => "the stack-switching proposal",
        "wide_arithmetic" => "the wide-arithmetic proposal",
        "shared_everything_threads" => "the shared-everything-threads proposal",
        _ => "an unknown operator",
    })
}
