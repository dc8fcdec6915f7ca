//! Runs with counters.

use alloc::{boxed::Box, vec::Vec};

use wasmparser::Operator;

use super::{
    map::{Map, Unfinished},
    report::Coverage,
};
use crate::{
    data::outcome::{Outcome, Usage},
    error::{Error, GuestFault, LimitExceeded, StopReason, Stopped},
    explain::{
        explanation::is_between_operators,
        rerun::{self, Rerun, frame_bytes, recorded, stop},
    },
    load::{
        Module,
        instrument::{Kind, Plan, is_bulk},
        operator_name::parsed_operator_at,
    },
    sandbox::Sandbox,
};

/// A module with an instrument that counts, for any number of runs.
#[derive(Debug)]
pub struct Counter<'a> {
    wasm: &'a [u8],
    sandbox: Sandbox,
    module: Module,
    map: Map,
}

impl<'a> Counter<'a> {
    pub(super) fn new(sandbox: &Sandbox, wasm: &'a [u8]) -> Result<Counter<'a>, Error> {
        let plan = Plan { kind: Kind::Counts, ..Plan::default() };
        let module = Module::load_instrumented(wasm, sandbox.policy(), &plan)?;
        let counters = module.instrument().map_or(&[][..], |instrument| &instrument.tables.counters);
        let map = Map::new(wasm, counters);
        Ok(Counter { wasm, sandbox: sandbox.clone(), module, map })
    }

    /// Runs the module once more, as [`Sandbox::coverage`] does. That of the rerun is not used.
    ///
    /// # Errors
    ///
    /// The errors of starting.
    pub fn coverage(&self, rerun: &Rerun<'_>) -> Result<Coverage, Error> {
        self.run(&self.of_module(rerun), |_| {})
    }

    /// Runs the module for the first time, as [`Sandbox::first_coverage`] does. That of the rerun is not used.
    ///
    /// # Errors
    ///
    /// The errors of starting.
    pub fn first_coverage(&self, rerun: &Rerun<'_>, progress: impl FnMut(&Usage)) -> Result<Coverage, Error> {
        self.run(&recorded(&self.sandbox, &self.of_module(rerun))?, progress)
    }

    /// Returns a rerun with the module of this counter.
    fn of_module<'r>(&self, rerun: &Rerun<'r>) -> Rerun<'r>
    where
        'a: 'r,
    {
        let mut rerun = rerun.clone();
        rerun.wasm = self.wasm;
        rerun
    }

    fn run(&self, rerun: &Rerun<'_>, progress: impl FnMut(&Usage)) -> Result<Coverage, Error> {
        let start = |sandbox: &Sandbox, has_more_stack| match has_more_stack {
            false => rerun.start_module(sandbox, &self.module),
            true => rerun.start(sandbox, &Plan { kind: Kind::Counts, has_more_stack, ..Plan::default() }),
        };
        let (mut execution, result) = rerun::run(&self.sandbox, rerun, start, progress)?;
        let (counts, has_exited) = (execution.machine().counts(), execution.machine().has_exited());
        drop(execution);
        let unfinished = match &result {
            Ok(_) if !has_exited => Vec::new(),
            // Where it cannot be found, branches count as if the blocks had been finished.
            ended => self.unfinished(rerun, ended).unwrap_or_default(),
        };
        Ok(self.map.coverage(&counts, &unfinished, result))
    }

    /// Has the run again, to find where each function was that did not get to its end.
    fn unfinished(&self, rerun: &Rerun<'_>, ended: &Result<Outcome, Box<Stopped>>) -> Option<Vec<Unfinished>> {
        let exit = StopReason::Guest(GuestFault::Status { code: 0 });
        let (reason, fuel) = match ended {
            Ok(outcome) => (&exit, outcome.usage.fuel),
            Err(stopped) => (&stopped.reason, stopped.usage.fuel),
        };
        // This depends on what the instrument adds to the value stack.
        let by_fuel = matches!(reason, StopReason::Limit(LimitExceeded::Stack { .. }));
        let sandbox = self.sandbox.for_rerun(by_fuel.then_some(fuel)).ok()?;
        let plan = Plan { kind: Kind::Stack, room: frame_bytes(&sandbox), has_more_stack: true, ..Plan::default() };
        let mut execution = rerun.start(&sandbox, &plan).ok()?;
        let again = execution.finish();
        let is_same = match (ended, &again) {
            (Ok(outcome), Ok(again)) => again.usage.fuel == outcome.usage.fuel,
            (Err(stopped), Err(again)) => {
                stop(again).is_some_and(|again| again.usage.fuel == fuel && (by_fuel || again.reason == stopped.reason))
            }
            _ => false,
        };
        if !is_same {
            return None;
        }
        let mut unfinished: Vec<_> = execution.machine().called().iter().map(Unfinished::of).collect();
        if let Some(innermost) = unfinished.first_mut()
            && is_between_operators(reason)
            && !has_variable_price(self.wasm, innermost.at)
        {
            // Where a block begins there was no fuel for it, so the one before it has run.
            innermost.at = u32::MAX;
        }
        Some(unfinished)
    }
}

/// Returns whether the fuel of an operator depends on what it moves, grows or calls.
fn has_variable_price(wasm: &[u8], at: u32) -> bool {
    use Operator::{Call, CallIndirect, ReturnCall, ReturnCallIndirect};
    let operator = parsed_operator_at(wasm, at);
    let is_call = |operator: &Operator<'_>| {
        matches!(operator, Call { .. } | CallIndirect { .. } | ReturnCall { .. } | ReturnCallIndirect { .. })
    };
    operator.is_some_and(|operator| is_call(&operator) || is_bulk(&operator))
}
