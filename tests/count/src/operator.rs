//! Operators: their names, and what kind of thing they do.

use wasmparser::Operator;

macro_rules! name_of_all {
    ($(@$proposal:ident $operator:ident $({ $($argument:ident: $ty:ty),* })? => $visit:ident ($($rest:tt)*))*) => {
        /// Returns the name of an operator: that of the text format, with `_` for each dot.
        pub fn name(operator: &Operator<'_>) -> &'static str {
            match operator {
                $(Operator::$operator { .. } => named(stringify!($visit)),)*
                _ => unreachable!("it is none of those that the parser has"),
            }
        }
    };
}

wasmparser::for_each_operator!(name_of_all);

fn named(visit: &'static str) -> &'static str {
    let name = visit.trim_start_matches("visit_");
    if name == "typed_select" { "select" } else { name }
}

/// Returns whether control goes from an operator anywhere but to the next one, or comes to the next one from elsewhere.
pub fn is_control(operator: &Operator<'_>) -> bool {
    use Operator::{
        Block, Br, BrIf, BrTable, Else, End, If, Loop, Return, ReturnCall, ReturnCallIndirect, Unreachable,
    };
    matches!(
        operator,
        Block { .. }
            | Loop { .. }
            | If { .. }
            | Else
            | End
            | Br { .. }
            | BrIf { .. }
            | BrTable { .. }
            | Return
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | Unreachable
    )
}

/// Returns whether a run may end at an operator, or is elsewhere before it comes to the next one.
pub fn may_stop(operator: &Operator<'_>) -> bool {
    const PARTS: [&str; 9] = ["call", "load", "store", "div", "rem", "trunc", "table", "memory", "unreachable"];
    PARTS.iter().any(|part| name(operator).contains(part))
}

/// The unit of what an operator moves or adds; its number is the last operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    Bytes,
    Elements,
    /// Pages, or elements: only if there is room for them.
    AddedPages,
    AddedElements,
}

/// Returns what an operator moves or adds, if it is one with such a price.
pub fn amount(operator: &Operator<'_>) -> Option<Amount> {
    use Operator::{MemoryCopy, MemoryFill, MemoryGrow, MemoryInit, TableCopy, TableFill, TableGrow, TableInit};
    match operator {
        MemoryFill { .. } | MemoryCopy { .. } | MemoryInit { .. } => Some(Amount::Bytes),
        TableFill { .. } | TableCopy { .. } | TableInit { .. } => Some(Amount::Elements),
        MemoryGrow { .. } => Some(Amount::AddedPages),
        TableGrow { .. } => Some(Amount::AddedElements),
        _ => None,
    }
}
