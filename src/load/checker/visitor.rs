//! The check of each operator, by the parser's table of operators.

use wasmparser::{Operator::*, VisitOperator, VisitSimdOperator};

use super::{
    Result, Rule,
    body::Body,
    operands::{Effect, Kind, operands},
};
use crate::load::operators::unsupported;

/// The effect of an operator, from the names of its arguments and its annotation in the parser's table.
macro_rules! effect {
    ([$($_:tt)*] arity $takes:literal -> $leaves:literal) => {
        ($takes, $leaves, Kind::Other, None)
    };
    ([$($_:tt)*] arity 1 $($__:tt)*) => {
        (1, 0, Kind::Other, None)
    };
    ([$($_:tt)*] arity $($__:tt)*) => {
        (0, 0, Kind::Other, None)
    };
    ([$memarg:ident $lane:ident] load $($_:tt)*) => {
        (2, 1, Kind::Other, Some($memarg))
    };
    ([$memarg:ident] load $($_:tt)*) => {
        (1, 1, Kind::Other, Some($memarg))
    };
    ([$memarg:ident] store i32) => {
        (2, 0, Kind::Store, Some($memarg))
    };
    ([$memarg:ident] store i64) => {
        (2, 0, Kind::Store, Some($memarg))
    };
    ([$memarg:ident $($lane:ident)?] store $($_:tt)*) => {
        (2, 0, Kind::Other, Some($memarg))
    };
    ([$($_:tt)*] $kind:ident $($__:tt)*) => {
        (const { operands(stringify!($kind)) }, 1, Kind::Pure, None)
    };
}

macro_rules! visit {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {$(
        fn $visit(&mut self $($(, $arg: $ty)*)?) -> Result {
            if const { unsupported(stringify!($proposal)).is_some() } {
                return Err(Rule::Malformed);
            }
            let (takes, leaves, kind, memarg) = effect!([$($($arg)*)?] $($ann)*);
            self.operator(&$op $({ $($arg),* })?, &Effect { takes, leaves, kind, memarg })
        }
    )*};
}

// Where the kind of operator is known at compile time, little code of the checks is left.
impl<'a> VisitOperator<'a> for Body<'_, '_> {
    type Output = Result;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Result>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visit);
}

impl VisitSimdOperator<'_> for Body<'_, '_> {
    wasmparser::for_each_visit_simd_operator!(visit);
}
