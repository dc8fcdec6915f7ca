//! The operators of function bodies: only those of proposals that are switched on, bounded in what
//! makes an engine recurse or multiply, and noted where the engine needs help.

use alloc::vec::Vec;

use wasmparser::{FunctionBody, MemArg, Operator};

use super::{
    rewrite::{Patch, PatchKind},
    scan::{limit, malformed},
};
use crate::{config::ModuleLimits, error::ModuleError};

/// What is summed and noted over all functions.
#[derive(Debug, Default)]
pub(super) struct Operators {
    locals: u64,
    branch_targets: u64,
    pub(super) patches: Vec<Patch>,
}

impl Operators {
    pub(super) fn check(&mut self, body: &FunctionBody<'_>, limits: &ModuleLimits) -> Result<(), ModuleError> {
        let mut locals = 0u64;
        for group in body.get_locals_reader().map_err(malformed)? {
            let (count, _) = group.map_err(malformed)?;
            locals += u64::from(count);
            limit("module.locals", limits.locals, locals, "locals of a function")?;
        }
        self.locals += locals;
        limit("module.locals_total", limits.locals_total, self.locals, "locals of all functions")?;

        let mut reader = body.get_operators_reader().map_err(malformed)?;
        let mut nesting = 0u64;
        let mut last = [Last::Other; 2];
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset().map_err(malformed)?;
            match &operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    nesting += 1;
                    limit("module.nesting", limits.nesting, nesting, "nested blocks")?;
                }
                Operator::End => nesting = nesting.saturating_sub(1),
                Operator::BrTable { targets } => {
                    self.branch_targets += u64::from(targets.len()) + 1;
                    let (max, found) = (limits.branch_targets, self.branch_targets);
                    limit("module.branch_targets", max, found, "branch table targets")?;
                }
                Operator::TableGrow { .. } => self.patches.push(Patch { at: offset, kind: PatchKind::Reserve }),
                operator => check_supported(operator, offset)?,
            }
            if let Some(kind) = needs_fresh_value(&operator, last) {
                self.patches.push(Patch { at: offset, kind });
            }
            last = [last[1], Last::of(&operator)];
        }
        Ok(())
    }
}

/// What an operator may have left on top of the stack.
#[derive(Debug, Clone, Copy)]
enum Last {
    Local(u32),
    Constant,
    Other,
}

impl Last {
    fn of(operator: &Operator<'_>) -> Last {
        match operator {
            Operator::LocalGet { local_index } => Last::Local(*local_index),
            Operator::I32Const { .. } | Operator::I64Const { .. } => Last::Constant,
            _ => Last::Other,
        }
    }
}

/// Whether pointer and value of an integer store that the engine encodes the long way could be one
/// local in one register. Where the two operators before it do not rule that out, it could.
fn needs_fresh_value(store: &Operator<'_>, last: [Last; 2]) -> Option<PatchKind> {
    let (memarg, kind) = match store {
        Operator::I32Store { memarg } | Operator::I32Store8 { memarg } | Operator::I32Store16 { memarg } => {
            (memarg, PatchKind::Fresh32)
        }
        Operator::I64Store { memarg }
        | Operator::I64Store8 { memarg }
        | Operator::I64Store16 { memarg }
        | Operator::I64Store32 { memarg } => (memarg, PatchKind::Fresh64),
        _ => return None,
    };
    let short = |memarg: &MemArg| memarg.memory == 0 && memarg.offset <= u64::from(u16::MAX);
    match last {
        _ if short(memarg) => None,
        [_, Last::Constant] | [Last::Constant, Last::Local(_)] => None,
        [Last::Local(pointer), Last::Local(value)] if pointer != value => None,
        _ => Some(kind),
    }
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
