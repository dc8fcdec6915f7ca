//! A debugger that goes forwards and backwards.

use alloc::{boxed::Box, collections::BTreeSet, string::String, sync::Arc, vec::Vec};

use wasmparser::Operator;

use self::source::Source;
pub use self::{
    breakpoint::{Breakpoint, Hit},
    movement::{Direction, StepUnit},
};
use super::{
    explanation::{Frame, is_between_operators},
    rerun::{self, Rerun, frame_bytes, is_stopped_by_fuel, recorded},
    symbols::location::Location,
};
use crate::{
    data::{
        outcome::{Log, Outcome, Usage},
        value::Value,
    },
    error::{Error, GuestFault, StopReason, Stopped},
    load::{
        Module,
        instrument::{CALLING, Instrument, Kind, Plan, is_bulk, steps::Places},
        operator_name::{Of, immediate_at, operator_at, parsed_operator_at},
    },
    run::{execution::Execution, machine::Called, probe::search::Search},
    sandbox::Sandbox,
    sync::Mutex,
};

mod breakpoint;
mod movement;
mod source;

/// A run at one of its steps, which moves to any other, forwards and backwards.
///
/// A step is an operator that the run begins; those that only begin and end blocks do not count. At step 0 the first
/// operator is about to run. What the run gets from the host is recorded once, and nothing is asked of the host again.
///
/// Each movement has the run again up to where it goes, once or twice, which takes up to ten times as long as the run
/// itself.
#[derive(Debug)]
pub struct Debugger<'a> {
    rerun: Rerun<'a>,
    /// The sandbox of reruns.
    sandbox: Sandbox,
    source: Source,
    instrument: Arc<Instrument>,
    /// Modules that have been loaded, with their plans: first that which stops nowhere.
    loaded: Vec<(Plan, Module)>,
    last: u64,
    result: Result<Outcome, Box<Stopped>>,
    now: Point,
}

/// A run that has got to a step.
#[derive(Debug)]
struct Point {
    step: u64,
    called: Vec<Called>,
    execution: Execution,
    usage: Usage,
    output: Vec<u8>,
    log: Log,
}

/// Most modules that are kept.
const MAX_LOADED: usize = 4;

/// Most frames that are returned.
const MAX_FRAMES: usize = 1_000;

/// Frames whose operands and locals are recorded.
const VALUED_FRAMES: usize = 64;

impl Sandbox {
    /// Returns a debugger for a run, at its first step. Host functions are not called: their recorded answers are
    /// repeated.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn debugger<'a>(&self, rerun: &Rerun<'a>) -> Result<Debugger<'a>, Error> {
        Debugger::new(self, rerun, |_| {})
    }

    /// Returns a debugger for a run that has not been made yet, as [`debugger`](Sandbox::debugger) does, but asks the
    /// host. From time to time `progress` gets what the run has used so far.
    ///
    /// # Errors
    ///
    /// As [`debugger`](Sandbox::debugger).
    pub fn first_debugger<'a>(&self, rerun: &Rerun<'a>, progress: impl FnMut(&Usage)) -> Result<Debugger<'a>, Error> {
        Debugger::new(self, &recorded(self, rerun)?, progress)
    }
}

impl<'a> Debugger<'a> {
    fn new(sandbox: &Sandbox, rerun: &Rerun<'a>, progress: impl FnMut(&Usage)) -> Result<Debugger<'a>, Error> {
        let start = |sandbox: &Sandbox, has_more_stack| {
            let plan = Plan { has_more_stack, ..plan(sandbox, BTreeSet::new(), Places::default()) };
            rerun.start(sandbox, &plan)
        };
        let (mut execution, result) = rerun::run(sandbox, rerun, start, progress)?;
        let last = last_step(&mut execution, rerun.wasm, &result);
        let by_fuel = result.as_ref().err().filter(|stopped| is_stopped_by_fuel(&stopped.reason));
        let sandbox = sandbox.for_rerun(by_fuel.map(|stopped| stopped.usage.fuel))?;
        let plan = plan(&sandbox, BTreeSet::new(), Places::default());
        let module = Module::load_instrumented(rerun.wasm, sandbox.policy(), &plan)?;
        let instrument = module.instrument().cloned().unwrap_or_default();
        let source = Source::new(rerun.wasm, &instrument);
        let now = Point {
            step: last,
            called: Vec::new(),
            execution,
            usage: Usage::default(),
            output: Vec::new(),
            log: Log::default(),
        };
        let rerun = rerun.clone();
        let mut debugger =
            Debugger { rerun, sandbox, source, instrument, loaded: vec![(plan, module)], last, result, now };
        debugger.go_to(0)?;
        Ok(debugger)
    }

    /// Returns the number of operators that have begun: from 0 to [`last`](Debugger::last).
    pub fn step(&self) -> u64 {
        self.now.step
    }

    /// Returns the step at which the run ends. If it was stopped at an operator, it is that of the operator.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Returns how the run ends.
    ///
    /// # Errors
    ///
    /// The stop, if the run is stopped.
    pub fn result(&self) -> Result<&Outcome, &Stopped> {
        self.result.as_ref().map_err(|stopped| &**stopped)
    }

    /// Returns what the run has used so far. Fuel is charged ahead for operators that run one after the other.
    pub fn usage(&self) -> &Usage {
        &self.now.usage
    }

    /// Returns the output so far.
    pub fn output(&self) -> &[u8] {
        &self.now.output
    }

    /// Returns the log so far.
    pub fn log(&self) -> &Log {
        &self.now.log
    }

    /// Returns the functions that are being called, the innermost first, whose operator is about to run. There are none
    /// before the first function and after the end. There are at most 1,000.
    pub fn frames(&self) -> Vec<Frame> {
        self.now
            .called
            .iter()
            .take(MAX_FRAMES)
            .map(|called| Frame::new(self.rerun.wasm, &self.source.symbols, called))
            .collect()
    }

    /// Returns the number of functions that are being called.
    pub fn depth(&self) -> usize {
        self.now.called.len()
    }

    /// Returns the bytes of a memory, imported or defined, by its index.
    pub fn memory(&mut self, index: u32) -> Option<&[u8]> {
        self.now.execution.machine().memory_of(index)
    }

    /// Returns the values of the globals in the order of their indices, `None` for references.
    pub fn globals(&mut self) -> Vec<Option<Value>> {
        self.now.execution.machine().globals()
    }

    /// Returns for each element of a table whether it has a reference.
    pub fn table(&mut self, index: u32) -> Option<Vec<bool>> {
        self.now.execution.machine().table_of(index)
    }

    /// Returns the name of a function.
    pub fn function_name(&self, function: u32) -> Option<&str> {
        self.source.symbols.function(function)
    }

    /// Returns the number of functions, with imported ones.
    pub fn function_count(&self) -> u32 {
        self.source.symbols.functions()
    }

    /// Returns the function whose body has an offset.
    pub fn function_at(&self, offset: u32) -> Option<u32> {
        self.source.body(offset).map(|body| self.instrument.imported.saturating_add(body))
    }

    /// Returns the functions with a name, or whose name ends with `::` and that name, by their indices.
    pub fn functions_named(&self, name: &str) -> Vec<u32> {
        self.source.functions_named(name)
    }

    /// Returns the offsets of the operators at which a line of a file begins. The file is a path, or ends one.
    pub fn operators_of_line(&self, file: &str, line: u32) -> Vec<u32> {
        self.source.operators_of_line(file, line)
    }

    /// Returns the paths of the files that have lines.
    pub fn files(&self) -> Vec<&str> {
        self.source.files()
    }

    /// Returns the places in the source of the operator at an offset, that of the innermost inlined function first.
    pub fn locations(&self, offset: u32) -> Vec<Location> {
        self.source.symbols.locate(offset)
    }

    /// Returns the offsets of all operators, in order.
    pub fn offsets(&self) -> &[u32] {
        &self.instrument.tables.steps.operators
    }

    /// Returns up to `count` operators from the first that is at an offset or behind it: their offsets and texts, with
    /// the function that they call, or an immediate that is one number, such as `local.get 0`.
    pub fn operators(&self, offset: u32, count: usize) -> Vec<(u32, String)> {
        let operators = &self.instrument.tables.steps.operators;
        let first = operators.partition_point(|at| *at < offset);
        let text = |at: u32| {
            let (mut text, of) = operator_at(self.rerun.wasm, at).unwrap_or_default();
            let callee = match of {
                Of::Function { index } => self.function_name(index).map(String::from),
                _ => None,
            };
            if let Some(immediate) = callee.or_else(|| immediate_at(self.rerun.wasm, at)) {
                text += " ";
                text += &immediate;
            }
            text
        };
        operators.iter().skip(first).take(count).map(|at| (*at, text(*at))).collect()
    }

    /// Moves to a step, or to the last if there is none.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn go_to(&mut self, step: u64) -> Result<(), Error> {
        let step = step.min(self.last);
        // First to find the operator and the calls, then for the values at them.
        let search = Search { limit: step, ..Search::default() };
        let (mut execution, _, mut ended) = self.search(BTreeSet::new(), Places::default(), search)?;
        let machine = execution.machine();
        let begun = machine.now().map_or(0, |now| now.begun());
        let mut called = machine.called();
        let segment = self.instrument.tables.steps.segment(machine.segment());
        let left = begun.checked_sub(step).filter(|left| *left > 0);
        let at = left.and_then(|left| segment.get(segment.len().checked_sub(left as usize)?)).copied();
        if let Some(end) = at {
            let sites = called.iter().take(VALUED_FRAMES).skip(1).map(|called| called.at).collect();
            let search = Search { end: begun, ..Search::default() };
            (execution, _, ended) = self.search(sites, Places { end: at, ..Places::default() }, search)?;
            let machine = execution.machine();
            called = machine.called();
            if let Some(innermost) = called.first_mut() {
                *innermost = Called { at: end, values: machine.values_at_end(), ..*innermost };
            }
        } else if has_returned(&self.result) {
            called.clear();
        } else if let Some((innermost, at)) = called.first_mut().zip(segment.last()) {
            // All operators of the segment have run.
            innermost.at = *at;
        }
        let (usage, output, log) = match ended {
            Ok(outcome) => (outcome.usage, outcome.output, outcome.log),
            Err(stopped) => (stopped.usage, stopped.output, stopped.log),
        };
        self.now = Point { step, called, execution, usage, output, log };
        Ok(())
    }

    /// Moves to the first step that the run does not begin with this fuel.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn go_to_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        let end = self.result().map_or_else(|stopped| stopped.usage.fuel, |outcome| outcome.usage.fuel);
        if fuel >= end {
            return self.go_to(self.last);
        }
        let sandbox = self.sandbox.for_rerun(Some(fuel))?;
        let mut execution = self.rerun.start(&sandbox, &plan(&sandbox, BTreeSet::new(), Places::default()))?;
        let ended = rerun::drive(&mut execution, |_| {})?;
        self.go_to(last_step(&mut execution, self.rerun.wasm, &ended))
    }

    /// Has the run again, up to what is searched; returns what was found.
    fn search(
        &mut self,
        sites: BTreeSet<u32>,
        places: Places,
        search: Search,
    ) -> Result<(Execution, Search, rerun::Ended), Error> {
        let module = self.module(plan(&self.sandbox, sites, places))?;
        let mut execution = self.rerun.start_module(&self.sandbox, &module)?;
        let search = Arc::new(Mutex::new(search));
        execution.machine().search(Arc::clone(&search));
        let ended = rerun::drive(&mut execution, |_| {})?;
        let found = search.lock().clone();
        Ok((execution, found, ended))
    }

    /// Returns the module with an instrument by a plan.
    fn module(&mut self, plan: Plan) -> Result<Module, Error> {
        if let Some((_, module)) = self.loaded.iter().find(|(other, _)| *other == plan) {
            return Ok(module.clone());
        }
        let module = Module::load_instrumented(self.rerun.wasm, self.sandbox.policy(), &plan)?;
        if self.loaded.len() == MAX_LOADED {
            self.loaded.remove(1);
        }
        self.loaded.push((plan, module.clone()));
        Ok(module)
    }
}

fn plan(sandbox: &Sandbox, sites: BTreeSet<u32>, places: Places) -> Plan {
    Plan { kind: Kind::Steps, sites, places, room: frame_bytes(sandbox), has_more_stack: true }
}

/// Returns whether no function is being called at the end of a run, but for the one in which it may have ended.
fn has_returned(ended: &rerun::Ended) -> bool {
    match ended {
        Ok(_) => true,
        Err(stopped) => matches!(stopped.reason, StopReason::Guest(GuestFault::Status { .. })),
    }
}

/// Returns the step at which a run ended: that of the operator that stopped it, or that of the one that would be next.
fn last_step(execution: &mut Execution, wasm: &[u8], ended: &rerun::Ended) -> u64 {
    let machine = execution.machine();
    let Some(now) = machine.now() else { return 0 };
    let Some(at) = machine.called().first().map(|innermost| innermost.at) else { return now.begun() };
    let operator = parsed_operator_at(wasm, at);
    // Behind a call that has returned the mark is gone, and so is the position of a function of the host.
    let is_calling = now.position & CALLING != 0;
    let imported = now.instrument.imported;
    let is_in_call = match &operator {
        Some(Operator::Call { function_index } | Operator::ReturnCall { function_index }) => {
            is_calling || *function_index < imported
        }
        Some(Operator::CallIndirect { .. } | Operator::ReturnCallIndirect { .. }) => is_calling,
        _ => false,
    };
    let is_at = match ended {
        Ok(_) => machine.has_exited() && is_in_call,
        Err(stopped) => match &stopped.reason {
            StopReason::Guest(GuestFault::Status { .. }) => is_in_call,
            reason if is_between_operators(reason) => is_in_call || operator.as_ref().is_some_and(is_bulk),
            _ => true,
        },
    };
    now.step_of(at).filter(|_| is_at).unwrap_or_else(|| now.begun())
}
