//! Runs that are had again.

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::{
    config::Config,
    data::{
        input::Input,
        outcome::{Outcome, Usage},
        value::Value,
    },
    error::{Error, Stopped},
    load::{Module, instrument::Plan},
    record::{Entry, Transcript},
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
}

impl<'a> Rerun<'a> {
    /// Returns the rerun of a [`Sandbox::run`] of a module in the binary format.
    pub fn new(wasm: &'a [u8], input: impl Into<Input>) -> Self {
        Rerun { wasm, input: input.into(), call: None, effects: Vec::new() }
    }

    /// Returns the rerun of a call of an exported function, as [`Sandbox::start_call`] makes it.
    pub fn with_call(self, function: &str, arguments: &[Value]) -> Self {
        Rerun { call: Some((function.into(), arguments.into())), ..self }
    }

    /// Returns the rerun of a recorded run, in [its sandbox](Transcript::sandbox). Returns `None` if the arguments of
    /// its call are damaged.
    pub fn of_transcript(transcript: &Transcript, wasm: &'a [u8], input: impl Into<Input>) -> Option<Self> {
        let rerun = Rerun::new(wasm, input).with_effects(transcript.effects.clone());
        match &transcript.header.entry {
            Entry::Run => Some(rerun),
            Entry::Call { function, arguments } => {
                let arguments = arguments.iter().map(|text| Value::from_exact(text)).collect::<Option<Vec<_>>>()?;
                Some(rerun.with_call(function, &arguments))
            }
        }
    }

    /// Sets the effects that the run has recorded ([`Execution::take_effects`]). Nothing is asked of the host again: a
    /// rerun with other effects than those of the run stops where it asks for the first that is missing.
    pub fn with_effects(self, effects: Vec<Effect>) -> Self {
        Rerun { effects, ..self }
    }

    /// Starts the run with an instrument.
    pub(super) fn start(&self, sandbox: &Sandbox, plan: &Plan, replays: bool) -> Result<Execution, Error> {
        let module = Module::load_instrumented(self.wasm, sandbox.policy(), plan)?;
        self.start_module(sandbox, &module, replays)
    }

    /// Starts the run of a module that has been loaded with an instrument.
    pub(super) fn start_module(&self, sandbox: &Sandbox, module: &Module, replays: bool) -> Result<Execution, Error> {
        let mut execution = match &self.call {
            None => sandbox.start(module, self.input.clone()),
            Some((name, arguments)) => sandbox.start_call(module, name, arguments, self.input.clone(), ()),
        }?;
        if replays {
            execution.replay(self.effects.clone());
        }
        Ok(execution)
    }
}

impl Sandbox {
    /// Returns a sandbox whose runs depend on nothing but fuel.
    pub(super) fn for_rerun(&self, stop_at_fuel: Option<u64>) -> Result<Sandbox, Error> {
        let mut config: Config = self.config().clone();
        config.deadline_ms = None;
        if stop_at_fuel.is_some() {
            config.faults.stop_at_fuel = stop_at_fuel;
        }
        self.with_config(config)
    }
}

/// Runs to the end. From time to time `progress` gets what the run has used so far.
pub(super) fn drive(
    execution: &mut Execution,
    mut progress: impl FnMut(&Usage),
) -> Result<Result<Outcome, Box<Stopped>>, Error> {
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

/// Bytes of the record of a function that is being called.
pub(super) const FRAME_BYTES: u64 = crate::load::instrument::FRAME as u64;

/// Fuel between two reports of progress: some ten milliseconds.
const PROGRESS_FUEL: u64 = 1_000_000;
