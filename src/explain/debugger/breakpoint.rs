//! Breakpoints and watchpoints.

use alloc::vec::Vec;
use core::ops::Range;

use wasmparser::Operator;

use super::Debugger;
use crate::{
    load::{
        instrument::steps::{Place, Places},
        operator_name::parsed_operator_at,
    },
    run::probe::search::{self, Watched, What},
};

/// Place at which a run that is debugged stops.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breakpoint {
    /// Operator, by its offset in the module; the run stops before it.
    Operator(u32),
    /// Function, by its index. The run stops before its first operator; before the calls that name it, if it is imported.
    Function(u32),
    /// Bytes of a memory. The run stops behind a store to one of them, and behind any other operator and any call of the
    /// host that changes them; backwards before it.
    Memory {
        /// Index of the memory.
        memory: u32,
        /// Addresses.
        range: Range<u64>,
    },
    /// Global, by its index. The run stops before each `global.set` of it.
    Global(u32),
}

/// Breakpoint at which a run has stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit {
    /// Index of the breakpoint among those that were given.
    pub breakpoint: usize,
    /// Bytes of the memory before and after the operator that wrote; empty for other breakpoints.
    pub written: (Vec<u8>, Vec<u8>),
}

/// Breakpoints as they are looked for.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) places: Places,
    pub(super) watched: Vec<Watched>,
    /// The number of the breakpoint of each watched range.
    watches: Vec<usize>,
    /// The operators of each breakpoint.
    operators: Vec<(u32, usize)>,
    functions: Vec<(u32, usize)>,
}

impl Looked {
    pub(super) fn new(debugger: &Debugger<'_>, breakpoints: &[Breakpoint]) -> Looked {
        let mut looked = Looked::default();
        for (number, breakpoint) in breakpoints.iter().enumerate() {
            match breakpoint {
                Breakpoint::Operator(at) => looked.operators.push((*at, number)),
                Breakpoint::Function(index) if *index >= debugger.instrument.imported => {
                    looked.functions.push((*index, number));
                }
                Breakpoint::Function(index) => {
                    let is_call = |operator: &Operator<'_>| {
                        use Operator::{Call, ReturnCall};
                        matches!(operator, Call { function_index } | ReturnCall { function_index } if function_index == index)
                    };
                    looked.operators.extend(debugger.operators_that(is_call).map(|at| (at, number)));
                }
                Breakpoint::Global(index) => {
                    let is_set = |operator: &Operator<'_>| matches!(operator, Operator::GlobalSet { global_index } if global_index == index);
                    looked.operators.extend(debugger.operators_that(is_set).map(|at| (at, number)));
                }
                Breakpoint::Memory { memory, range } => {
                    looked.places.writes = true;
                    looked.watched.push(Watched { memory: *memory, range: range.clone(), bytes: Vec::new() });
                    looked.watches.push(number);
                }
            }
        }
        looked.places.operators = looked.operators.iter().map(|(at, _)| *at).collect();
        looked.places.functions = looked.functions.iter().map(|(index, _)| *index).collect();
        looked
    }

    /// Returns the breakpoint that has been hit.
    pub(super) fn hit(&self, hit: search::Hit) -> Option<Hit> {
        let number = |list: &[(u32, usize)], what| list.iter().find(|(of, _)| *of == what).map(|(_, number)| *number);
        let (breakpoint, written) = match hit.what {
            What::Reached { place, what } if place == Place::Function as u32 => {
                (number(&self.functions, what)?, Default::default())
            }
            What::Reached { what, .. } => (number(&self.operators, what)?, Default::default()),
            What::Written { watched, before, after, .. } => (*self.watches.get(watched)?, (before, after)),
        };
        Some(Hit { breakpoint, written })
    }
}

impl Debugger<'_> {
    /// Returns the offsets of the operators of a kind.
    fn operators_that(&self, is_wanted: impl Fn(&Operator<'_>) -> bool) -> impl Iterator<Item = u32> {
        let operators = self.instrument.tables.steps.operators.iter().copied();
        operators
            .filter(move |at| parsed_operator_at(self.rerun.wasm, *at).is_some_and(|operator| is_wanted(&operator)))
    }
}
