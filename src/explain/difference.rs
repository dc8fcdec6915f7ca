//! Where two runs part.

use alloc::{boxed::Box, collections::BTreeSet, string::String, sync::Arc, vec::Vec};
use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;

use serde::Serialize;

use super::{
    rerun::{self, Rerun, frame_bytes, recorded},
    symbols::{Symbols, location::Location},
};
use crate::{
    data::{
        inspect::{ExternType, Inspection},
        outcome::{Outcome, Usage},
        value::Value,
    },
    error::{Error, Stopped},
    load::instrument::{Kind, Plan, steps::Places},
    run::probe::{
        search::Search,
        trace::{self, CHUNK, Event, Trace},
    },
    sandbox::Sandbox,
    sync::Mutex,
};

/// Differences of two runs: of each kind the first.
///
/// Two runs of the same module are compared by all that they do. Of two modules that are built from one source the
/// calls of functions with names that both have are compared, without values, since their addresses are others.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Differences {
    /// Whether both runs are of the same module.
    pub is_same_module: bool,
    /// First difference of each kind that differs, in the order of [`DifferenceKind`].
    pub first: Vec<FirstDifference>,
    /// How each run ended.
    pub results: [Result<Outcome, Box<Stopped>>; 2],
}

/// First difference of a kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FirstDifference {
    /// Kind.
    pub kind: DifferenceKind,
    /// Number of what happened before in both runs, of that kind.
    pub equal: u64,
    /// What happens then in each run; `None` in a run that ends before.
    pub events: [Option<TraceEvent>; 2],
}

/// Kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DifferenceKind {
    /// Call of a function of the host, or what it returns, hands over or takes.
    HostCall,
    /// Call of a function of the guest, or its arguments.
    Call,
    /// Store to a memory: its address or its bytes. Bulk operators and functions of the host are none.
    Store,
}

/// Something that happens in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TraceEvent {
    /// Step of the run ([`Debugger::go_to`](super::Debugger::go_to)).
    pub step: u64,
    /// Offset of the operator in the module.
    pub offset: u32,
    /// Places of the operator in the source, that of the innermost inlined function first.
    pub locations: Vec<Location>,
    /// Index of the function that is called; `None` for a store.
    pub function: Option<u32>,
    /// Name of the function.
    pub name: Option<String>,
    /// Whether the function of the host has returned.
    pub is_return: bool,
    /// Arguments or results, except references.
    pub values: Vec<Value>,
    /// Address of a store.
    pub address: Option<u64>,
    /// Bytes that were stored; of a return the input that was handed over, and output and messages that were taken.
    pub bytes: Vec<u8>,
}

/// A run that is compared: its sandbox, and what is needed to have it again.
type Compared<'r, 'm> = (&'r Sandbox, &'r Rerun<'m>);

impl Differences {
    /// Finds where two runs part. Host functions are not called: their recorded answers are repeated.
    ///
    /// Each is run twice, which takes up to some ten times the time of the run.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting.
    pub fn find(one: Compared<'_, '_>, other: Compared<'_, '_>) -> Result<Differences, Error> {
        Self::of([one, other], |_| {})
    }

    /// Finds where two runs part that have not been made yet, as [`find`](Differences::find) does, but asks the host. From
    /// time to time `progress` gets what the run has used so far.
    ///
    /// # Errors
    ///
    /// As [`find`](Differences::find).
    pub fn find_first(
        one: Compared<'_, '_>,
        other: Compared<'_, '_>,
        progress: impl FnMut(&Usage),
    ) -> Result<Differences, Error> {
        let (first, second) = (recorded(one.0, one.1)?, recorded(other.0, other.1)?);
        Self::of([(one.0, &first), (other.0, &second)], progress)
    }

    fn of(runs: [Compared<'_, '_>; 2], mut progress: impl FnMut(&Usage)) -> Result<Differences, Error> {
        let [one, other] = runs;
        let is_same_module = one.1.wasm == other.1.wasm;
        let symbols = runs.map(|run| Symbols::read(run.1.wasm));
        let imports = [one, other].map(|(sandbox, rerun)| sandbox.inspect(rerun.wasm));
        let [imports_of_one, imports_of_other] = imports;
        let functions =
            identities([(&symbols[0], &imports_of_one?), (&symbols[1], &imports_of_other?)], is_same_module);
        let [functions_of_one, functions_of_other] = &functions;
        let trace = |functions: &[Option<u64>]| Trace {
            functions: functions.into(),
            has_values: is_same_module,
            ..Trace::default()
        };
        let (first, first_result) = run(one, trace(functions_of_one), &mut progress)?;
        let (second, second_result) = run(other, trace(functions_of_other), &mut progress)?;
        let starts: Vec<_> = first.streams.iter().zip(&second.streams).map(|(a, b)| a.first_other(b)).collect();
        let mut differences = Differences { is_same_module, first: Vec::new(), results: [first_result, second_result] };
        if starts.iter().all(Option::is_none) {
            return Ok(differences);
        }
        // Once more, and what happens around the first differences is kept.
        let windowed = |functions: &[Option<u64>]| {
            let mut trace = trace(functions);
            for (stream, start) in trace.streams.iter_mut().zip(&starts) {
                stream.window = start.map_or(0..0, |start| start..start + CHUNK);
            }
            trace
        };
        let [first_result, second_result] = &differences.results;
        let reruns = [one.1.clone().ending_as(first_result), other.1.clone().ending_as(second_result)];
        let (first, _) = run((one.0, &reruns[0]), windowed(functions_of_one), &mut progress)?;
        let (second, _) = run((other.0, &reruns[1]), windowed(functions_of_other), &mut progress)?;
        for (kind, start) in trace::Kind::ALL.into_iter().zip(starts) {
            let (Some(start), Some(first), Some(second)) =
                (start, first.streams.get(kind as usize), second.streams.get(kind as usize))
            else {
                continue;
            };
            let (a, b) = (&first.kept, &second.kept);
            let same = a.iter().zip(b).take_while(|(a, b)| a.same == b.same).count();
            let [of_one, of_other] = &symbols;
            let events = [
                a.get(same).map(|event| TraceEvent::new(kind, event, of_one)),
                b.get(same).map(|event| TraceEvent::new(kind, event, of_other)),
            ];
            if events.iter().any(Option::is_some) {
                let kind = match kind {
                    trace::Kind::Host => DifferenceKind::HostCall,
                    trace::Kind::Function => DifferenceKind::Call,
                    trace::Kind::Store => DifferenceKind::Store,
                };
                differences.first.push(FirstDifference { kind, equal: start + same as u64, events });
            }
        }
        Ok(differences)
    }
}

impl TraceEvent {
    fn new(kind: trace::Kind, event: &Event, symbols: &Symbols) -> TraceEvent {
        let is_store = kind == trace::Kind::Store;
        TraceEvent {
            step: event.step,
            offset: event.at,
            locations: symbols.locate(event.at),
            function: (!is_store).then_some(event.function),
            name: symbols.function(event.function).filter(|_| !is_store).map(String::from),
            is_return: event.same.is_return,
            values: event.same.values.clone(),
            address: is_store.then_some(event.same.id),
            bytes: event.same.bytes.clone(),
        }
    }
}

/// Returns what stands for each function of two modules: its index if they are one, else its name if the other has it.
fn identities(modules: [(&Symbols, &Inspection); 2], is_same_module: bool) -> [Vec<Option<u64>>; 2] {
    let [one, other] = modules.map(|(symbols, about)| {
        let imports = about.imports.iter().filter(|import| matches!(import.ty, ExternType::Function(_)));
        // A function of the guest may have the name of one of the host.
        let imports: Vec<_> = imports.map(|import| Some(hash((0, &*import.module, &*import.name)))).collect();
        let defined = imports.len() as u32..symbols.functions();
        let defined = defined.map(|index| symbols.function(index).map(|name| hash((1, "", name))));
        imports.iter().copied().chain(defined).collect::<Vec<_>>()
    });
    if is_same_module {
        let indices: Vec<_> = (0..one.len() as u64).map(Some).collect();
        return [indices.clone(), indices];
    }
    let shared = |own: &[Option<u64>], theirs: &[Option<u64>]| {
        let theirs: BTreeSet<_> = theirs.iter().flatten().collect();
        own.iter().map(|name| name.filter(|name| theirs.contains(name))).collect()
    };
    [shared(&one, &other), shared(&other, &one)]
}

fn hash(name: (u8, &str, &str)) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Has a run again, and returns what happened in it.
fn run(
    (sandbox, rerun): Compared<'_, '_>,
    trace: Trace,
    progress: &mut impl FnMut(&Usage),
) -> Result<(Trace, rerun::Ended), Error> {
    let found = Arc::new(Mutex::new(Search::default()));
    let start = |sandbox: &Sandbox, has_more_stack| {
        let places = Places { calls: true, writes: trace.has_values, ..Places::default() };
        let plan = Plan { kind: Kind::Steps, places, room: frame_bytes(sandbox), has_more_stack, ..Plan::default() };
        let mut execution = rerun.start(sandbox, &plan)?;
        *found.lock() = Search { trace: Some(trace.clone()), ..Search::default() };
        execution.machine().search(Arc::clone(&found));
        Ok(execution)
    };
    let (_, ended) = rerun::run(sandbox, rerun, start, progress)?;
    let trace = found.lock().trace.take().unwrap_or_default();
    Ok((trace, ended))
}
