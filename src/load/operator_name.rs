//! The names of operators in the text format.

use alloc::string::{String, ToString};

use wasmparser::{BinaryReader, Operator, VisitOperator, VisitSimdOperator};

use super::stack_effect::{load_memarg, store_memarg};
use crate::engine::config::parser_features;

/// What an operator names besides its operands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Of {
    #[default]
    Nothing,
    /// A load or store, and the offset that is added to the address.
    Access { offset: u64 },
    /// A call of the function with this index.
    Function { index: u32 },
}

/// Returns the name of the operator at an offset in a valid module, as in the text format, and what it names.
pub(crate) fn operator_at(module: &[u8], offset: u32) -> Option<(String, Of)> {
    let method = reader_at(module, offset)?.visit_operator(&mut Names).ok()?;
    let operator = parsed_operator_at(module, offset)?;
    let of = match &operator {
        Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
            Of::Function { index: *function_index }
        }
        operator => match load_memarg(operator).or_else(|| store_memarg(operator)) {
            Some(memarg) => Of::Access { offset: memarg.offset },
            None => Of::Nothing,
        },
    };
    Some((name(method), of))
}

/// Returns what the operator at an offset has besides its operands, if it is one number: an index, a constant, the depth of
/// a branch, or what is added to an address.
pub(crate) fn immediate_at(module: &[u8], offset: u32) -> Option<String> {
    use Operator::{
        Br, BrIf, Call, GlobalGet, GlobalSet, I32Const, I64Const, LocalGet, LocalSet, LocalTee, ReturnCall,
    };
    Some(match parsed_operator_at(module, offset)? {
        LocalGet { local_index: index } | LocalSet { local_index: index } | LocalTee { local_index: index } => {
            index.to_string()
        }
        GlobalGet { global_index: index } | GlobalSet { global_index: index } => index.to_string(),
        Call { function_index: index } | ReturnCall { function_index: index } => index.to_string(),
        Br { relative_depth: depth } | BrIf { relative_depth: depth } => depth.to_string(),
        I32Const { value } => value.to_string(),
        I64Const { value } => value.to_string(),
        operator => {
            let memarg = load_memarg(&operator).or_else(|| store_memarg(&operator))?;
            (memarg.offset > 0).then(|| alloc::format!("offset={}", memarg.offset))?
        }
    })
}

/// Returns the operator at an offset in a valid module.
pub(crate) fn parsed_operator_at(module: &[u8], offset: u32) -> Option<Operator<'_>> {
    reader_at(module, offset)?.read_operator().ok()
}

fn reader_at(module: &[u8], offset: u32) -> Option<BinaryReader<'_>> {
    let mut reader = BinaryReader::new(module.get(offset as usize..)?, offset as usize);
    reader.set_features(parser_features());
    Some(reader)
}

/// Converts the name of a method of the parser, `visit_i32_load8_u`, to that of the operator, `i32.load8_u`.
fn name(method: &str) -> String {
    let name = method.strip_prefix("visit_").unwrap_or(method);
    let name = name.strip_prefix("typed_").unwrap_or(name);
    let (first, rest) = name.split_once('_').unwrap_or((name, ""));
    let has_part = first.contains(|c: char| c.is_ascii_digit())
        || matches!(first, "local" | "global" | "table" | "memory" | "elem" | "data" | "ref");
    let dotted = if has_part && !rest.is_empty() { alloc::format!("{first}.{rest}") } else { name.into() };
    // What the parser keeps from being a word of Rust.
    dotted.trim_end_matches('_').into()
}

struct Names;

macro_rules! visit {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {$(
        fn $visit(&mut self $($(, $arg: $argty)*)?) -> Self::Output {
            $($(let _ = $arg;)*)?
            stringify!($visit)
        }
    )*};
}

impl<'a> VisitOperator<'a> for Names {
    type Output = &'static str;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visit);
}

impl VisitSimdOperator<'_> for Names {
    wasmparser::for_each_visit_simd_operator!(visit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_text_format() {
        for (method, expected) in [
            ("visit_i32_load8_u", "i32.load8_u"),
            ("visit_call_indirect", "call_indirect"),
            ("visit_br_if", "br_if"),
            ("visit_memory_grow", "memory.grow"),
            ("visit_table_set", "table.set"),
            ("visit_unreachable", "unreachable"),
            ("visit_return", "return"),
            ("visit_typed_select", "select"),
            ("visit_i8x16_extract_lane_s", "i8x16.extract_lane_s"),
            ("visit_if", "if"),
            ("visit_v128_load", "v128.load"),
            ("visit_ref_is_null", "ref.is_null"),
        ] {
            assert_eq!(name(method), expected);
        }
    }
}
