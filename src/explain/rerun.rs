//! Runs that are had again.

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::{
    config::{Config, top_level::DEADLINE},
    data::{
        input::Input,
        outcome::{Outcome, Usage},
        value::Value,
    },
    error::{Error, HostStop, LimitExceeded, StopReason, Stopped},
    load::{
        Module,
        instrument::{FRAME, Plan},
    },
    record::{Entry, MAX_TRANSCRIPT_BYTES, Receipt, Transcript},
    recorder::effect::Effect,
    run::execution::Execution,
    sandbox::Sandbox,
};

/// What is needed to have a run again, except for its sandbox.
#[derive(Debug, Clone)]
pub struct Rerun<'a> {
    pub(super) wasm: &'a [u8],
    input: Input,
    call: Option<(String, Vec<Value>)>,
    pub(super) effects: Vec<Effect>,
    /// The stop of the run if it was out of time: a rerun ends at its fuel.
    out_of_time: Option<Box<Stopped>>,
}

impl<'a> Rerun<'a> {
    /// Returns the rerun of a [`Sandbox::run`] of a module in the binary format.
    pub fn new(wasm: &'a [u8], input: impl Into<Input>) -> Self {
        Rerun { wasm, input: input.into(), call: None, effects: Vec::new(), out_of_time: None }
    }

    /// Returns the rerun of a call of an exported function, as [`Sandbox::start_call`] makes it.
    pub fn with_call(self, function: &str, arguments: &[Value]) -> Self {
        Rerun { call: Some((function.into(), arguments.into())), ..self }
    }

    /// Returns the rerun of a recorded run, in [its sandbox](Transcript::sandbox). Returns `None` if the arguments of
    /// its call are damaged.
    pub fn of_transcript(transcript: &Transcript, wasm: &'a [u8], input: impl Into<Input>) -> Option<Self> {
        Rerun::new(wasm, input).with_effects(transcript.effects.clone()).with_entry(&transcript.header.entry)
    }

    /// Returns the rerun of the run of a receipt, in the sandbox of its configuration. Returns `None` if the arguments of
    /// its call are damaged.
    pub fn of_receipt(receipt: &Receipt, wasm: &'a [u8], input: impl Into<Input>) -> Option<Self> {
        Rerun::new(wasm, input).with_entry(&receipt.entry)
    }

    /// Returns the rerun of a run that ended so, for which its time is no matter.
    pub(super) fn ending_as(self, ended: &Ended) -> Self {
        let stopped = ended.as_ref().err();
        let out_of_time =
            stopped.filter(|stopped| matches!(stopped.reason, StopReason::Host(HostStop::Deadline { .. })));
        Rerun { out_of_time: out_of_time.cloned(), ..self }
    }

    fn with_entry(self, entry: &Entry) -> Option<Self> {
        match entry {
            Entry::Run => Some(self),
            Entry::Call { function, arguments } => {
                let arguments = arguments.iter().map(|text| Value::from_exact(text)).collect::<Option<Vec<_>>>()?;
                Some(self.with_call(function, &arguments))
            }
        }
    }

    /// Sets the effects that the run has recorded ([`Execution::take_effects`]). Nothing is asked of the host again: a
    /// rerun with other effects than those of the run stops where it asks for the first that is missing.
    pub fn with_effects(self, effects: Vec<Effect>) -> Self {
        Rerun { effects, ..self }
    }

    /// Starts the run with an instrument.
    pub(super) fn start(&self, sandbox: &Sandbox, plan: &Plan) -> Result<Execution, Error> {
        self.start_module(sandbox, &Module::load_instrumented(self.wasm, sandbox.policy(), plan)?)
    }

    /// Starts the run of a loaded module, which has an instrument or none.
    pub(super) fn start_module(&self, sandbox: &Sandbox, module: &Module) -> Result<Execution, Error> {
        let mut execution = self.start_first(sandbox, module)?;
        execution.replay(self.effects.clone());
        Ok(execution)
    }

    /// Starts a run that asks the host.
    fn start_first(&self, sandbox: &Sandbox, module: &Module) -> Result<Execution, Error> {
        match &self.call {
            None => sandbox.start(module, self.input.clone()),
            Some((name, arguments)) => sandbox.start_call(module, name, arguments, self.input.clone(), ()),
        }
    }
}

impl Sandbox {
    /// Returns a sandbox whose runs depend on nothing but fuel.
    pub(super) fn for_rerun(&self, stop_at_fuel: Option<u64>) -> Result<Sandbox, Error> {
        self.with_limits(stop_at_fuel, None)
    }

    fn with_limits(&self, stop_at_fuel: Option<u64>, deadline_ms: Option<u64>) -> Result<Sandbox, Error> {
        let mut config: Config = self.config().clone();
        config.deadline_ms = deadline_ms;
        if let Some(fuel) = stop_at_fuel {
            // What is stopped before any fuel is used is stopped at the first charge too.
            config.faults.stop_at_fuel = Some(fuel.max(1));
        }
        self.with_config(config)
    }
}

/// How a run has ended.
pub(super) type Ended = Result<Outcome, Box<Stopped>>;

/// Returns a rerun of a run that has not been made yet: it is made now, if it gets anything from the host.
pub(super) fn recorded<'a>(sandbox: &Sandbox, rerun: &Rerun<'a>) -> Result<Rerun<'a>, Error> {
    if sandbox.config().effect().is_none() && sandbox.functions().next().is_none() {
        return Ok(rerun.clone());
    }
    let module = sandbox.load(rerun.wasm)?;
    let mut execution = rerun.start_first(sandbox, &module)?;
    execution.record(MAX_TRANSCRIPT_BYTES);
    let ended = drive(&mut execution, |_| {})?;
    let rerun = rerun.clone().with_effects(execution.take_effects());
    Ok(rerun.ending_as(&ended))
}

/// Runs with an instrument to the end. `start` starts the rerun in a sandbox, with more stack or without.
///
/// The outcome is that without an instrument, also of a run that is out of stack: the instrument takes a part of the
/// stack, so where there was not enough the run is had again without one, and once more with one and more stack, up to
/// the fuel at which it stopped.
pub(super) fn run(
    sandbox: &Sandbox,
    rerun: &Rerun<'_>,
    start: impl Fn(&Sandbox, bool) -> Result<Execution, Error>,
    progress: impl FnMut(&Usage),
) -> Result<(Execution, Ended), Error> {
    if let Some(stopped) = &rerun.out_of_time {
        let mut execution = start(&sandbox.for_rerun(Some(stopped.usage.fuel))?, true)?;
        let _ended = drive(&mut execution, progress)?;
        return Ok((execution, Err(stopped.clone())));
    }
    let deadline_ms = sandbox.config().deadline_ms.map(|ms| ms.saturating_mul(SLOWER).min(DEADLINE.max));
    let plain = sandbox.with_limits(None, deadline_ms)?;
    let mut execution = start(&plain, false)?;
    let ended = drive(&mut execution, progress)?;
    if !is_out_of_stack(&ended) {
        return Ok((execution, ended));
    }
    let module = plain.load(rerun.wasm)?;
    let ended = drive(&mut rerun.start_module(&plain, &module)?, |_| {})?;
    let fuel = ended.as_ref().err().map(|stopped| stopped.usage.fuel).filter(|_| is_out_of_stack(&ended));
    let mut execution = start(&sandbox.for_rerun(fuel)?, true)?;
    let _ended = drive(&mut execution, |_| {})?;
    Ok((execution, ended))
}

/// How many times as long as a run a rerun may take that has no end but its deadline.
const SLOWER: u64 = 10;

fn is_out_of_stack(ended: &Ended) -> bool {
    let reason = ended.as_ref().err().map(|stopped| &stopped.reason);
    matches!(reason, Some(StopReason::Limit(LimitExceeded::Stack { .. })))
}

/// Runs to the end. From time to time `progress` gets what the run has used so far.
pub(super) fn drive(execution: &mut Execution, mut progress: impl FnMut(&Usage)) -> Result<Ended, Error> {
    loop {
        let used = execution.usage().fuel;
        match execution.finish_within(used.saturating_add(PROGRESS_FUEL)) {
            Ok(Some(outcome)) => return Ok(Ok(outcome)),
            Ok(None) => progress(&execution.usage()),
            Err(Error::Stopped(stopped)) => return Ok(Err(stopped)),
            Err(error) => return Err(error),
        }
    }
}

/// Returns the stop of a run, if it was stopped.
pub(super) fn stop(error: &Error) -> Option<&Stopped> {
    match error {
        Error::Stopped(stopped) => Some(stopped),
        _ => None,
    }
}

/// Returns whether a run is stopped for this reason by what a rerun does not have, or has more or less of: a rerun is
/// stopped there by its fuel.
pub(super) fn is_stopped_by_fuel(reason: &StopReason) -> bool {
    matches!(
        reason,
        StopReason::Limit(LimitExceeded::Stack { .. } | LimitExceeded::Transcript { .. })
            | StopReason::Host(HostStop::Deadline { .. } | HostStop::Cancelled)
    )
}

/// Returns the bytes for the records of all functions that can be called at a time.
pub(super) fn frame_bytes(sandbox: &Sandbox) -> u64 {
    u64::from(FRAME) * (sandbox.config().limits.call_depth + 3)
}

/// Fuel between two reports of progress: some ten milliseconds.
const PROGRESS_FUEL: u64 = 1_000_000;
