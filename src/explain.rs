//! Explanations of runs: where a run stopped, what its fuel was spent on, and which of its code ran.
//!
//! A run is a pure function of module, input, configuration and recorded effects, so it can be had again. The second run
//! has an *instrument*: operators that record where it is, which change neither its outcome nor its fuel. So a run
//! that is not explained costs nothing more, whatever is asked later.
//!
//! ```
//! use belljar::{Config, Error, Sandbox, explain::Rerun};
//!
//! let wasm = wat::parse_str(r#"(module
//!     (func $div (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
//!     (func (export "_start") (drop (call $div (i32.const 0)))))"#)?;
//! let sandbox = Sandbox::new(Config::default())?;
//! let module = sandbox.load(&wasm)?;
//! let Err(Error::Stopped(stopped)) = sandbox.run(&module, b"") else { panic!("it divides by zero") };
//!
//! let explanation = sandbox.explain(&Rerun::new(&wasm, b""), &stopped)?;
//! let names: Vec<_> = explanation.frames.iter().map(|frame| frame.name.as_deref()).collect();
//! assert_eq!(names, [Some("div"), Some("_start")]);
//! assert_eq!(explanation.frames[0].operator, "i32.div_u");
//!
//! let profile = sandbox.profile(&Rerun::new(&wasm, b""))?;
//! assert_eq!(profile.fuel(), stopped.usage.fuel);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::{string::String, vec::Vec};

use self::explanation::is_between_operators;
pub use self::{
    explanation::{Explanation, Frame, Local, UsedBy},
    profile::{Callee, FuelProfile, FunctionFuel, Node},
    symbols::location::Location,
};
use crate::{
    config::Config,
    data::{
        input::Input,
        outcome::{Outcome, Usage},
        value::Value,
    },
    error::{CallError, Error, HostStop, LimitExceeded, StopReason, Stopped},
    load::{
        Module,
        instrument::{Kind, Plan},
    },
    record::{Entry, Transcript},
    recorder::effect::Effect,
    run::execution::Execution,
    sandbox::Sandbox,
};

mod explanation;
mod profile;
mod symbols;

/// What is needed to have a run again, except for its sandbox.
#[derive(Debug, Clone)]
pub struct Rerun<'a> {
    wasm: &'a [u8],
    input: Input,
    call: Option<(String, Vec<Value>)>,
    effects: Vec<Effect>,
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
    fn start(&self, sandbox: &Sandbox, plan: &Plan, replays: bool) -> Result<Execution, Error> {
        let module = Module::load_instrumented(self.wasm, sandbox.policy(), plan)?;
        let mut execution = match &self.call {
            None => sandbox.start(&module, self.input.clone()),
            Some((name, arguments)) => sandbox.start_call(&module, name, arguments, self.input.clone(), ()),
        }?;
        if replays {
            execution.replay(self.effects.clone());
        }
        Ok(execution)
    }
}

impl Sandbox {
    /// Explains where a run in this sandbox stopped: the functions that were being called, with their names and the
    /// places in their sources, as far as the module has them.
    ///
    /// The module is loaded and run twice more, which takes some three times the time of the run: first to find the
    /// functions, then for the values in them. For a run that was out of fuel or time, it is run once more for its
    /// profile.
    ///
    /// # Errors
    ///
    /// [`CallError::NotRepeated`] if the rerun did not stop at the same fuel for the same reason: it is not that of the
    /// run, or a host function does not answer the same again and its answers have not been recorded. The errors of
    /// loading and starting.
    pub fn explain(&self, rerun: &Rerun<'_>, stopped: &Stopped) -> Result<Explanation, Error> {
        // These act between two slices, or depend on what the instrument adds to the value stack. A run with no more
        // fuel than it used stops at the same operator.
        let by_fuel = matches!(
            stopped.reason,
            StopReason::Limit(LimitExceeded::Stack { .. })
                | StopReason::Host(HostStop::Deadline { .. } | HostStop::Cancelled)
        );
        let sandbox = self.for_rerun(by_fuel.then_some(stopped.usage.fuel))?;
        let room = FRAME_BYTES * (self.config().limits.call_depth + 3);
        let mut plan = Plan { kind: Kind::Stack, room, ..Plan::default() };
        let rerun_with = |plan: &Plan| {
            let mut execution = rerun.start(&sandbox, plan, true)?;
            let ended = execution.finish();
            let again = ended.as_ref().err().and_then(stop);
            let is_same = again.is_some_and(|again| {
                again.usage.fuel == stopped.usage.fuel && (by_fuel || again.reason == stopped.reason)
            });
            let machine = execution.machine();
            let memory = machine.memory().len() as u64;
            if is_same { Ok((machine.called(&stopped.reason), memory)) } else { Err(not_repeated(stopped, ended)) }
        };
        let (called, memory) = rerun_with(&plan)?;
        // Where they are is known now, so what they work on can be recorded.
        plan.kind = Kind::Values;
        plan.sites = called.iter().take(VALUED_FRAMES).map(|called| called.at).collect();
        let (called, _) = rerun_with(&plan).ok().unwrap_or((called, memory));
        let profile = is_between_operators(&stopped.reason).then(|| sandbox.profile(rerun)).transpose()?;
        Ok(Explanation::new(rerun.wasm, stopped, &called, memory, profile.as_ref()))
    }

    /// Runs a module once more and returns what its fuel was spent on, function by function. Host functions are not
    /// called: their recorded answers are repeated.
    ///
    /// The sum of all is the fuel of the run, to the unit, however it ends. It takes about twice the time of the run,
    /// and up to 64 MiB.
    ///
    /// # Errors
    ///
    /// The errors of loading and starting. A run that is stopped has a profile.
    pub fn profile(&self, rerun: &Rerun<'_>) -> Result<FuelProfile, Error> {
        self.profile_of(rerun, true, |_| {})
    }

    /// Runs a module for the first time, as [`profile`](Sandbox::profile) does, but asks the host. From time to time
    /// `progress` gets what the run has used so far.
    ///
    /// # Errors
    ///
    /// As [`profile`](Sandbox::profile).
    pub fn first_profile(&self, rerun: &Rerun<'_>, progress: impl FnMut(&Usage)) -> Result<FuelProfile, Error> {
        self.profile_of(rerun, false, progress)
    }

    fn profile_of(
        &self,
        rerun: &Rerun<'_>,
        replays: bool,
        mut progress: impl FnMut(&Usage),
    ) -> Result<FuelProfile, Error> {
        let sandbox = self.for_rerun(None)?;
        let plan = Plan { kind: Kind::Tree, room: TREE_BYTES, ..Plan::default() };
        let mut execution = rerun.start(&sandbox, &plan, replays)?;
        let result = loop {
            let used = execution.usage().fuel;
            match execution.finish_within(used.saturating_add(PROGRESS_FUEL)) {
                Ok(Some(outcome)) => break Ok(outcome),
                Ok(None) => progress(&execution.usage()),
                Err(Error::Stopped(stopped)) => break Err(stopped),
                Err(error) => return Err(error),
            }
        };
        Ok(FuelProfile::new(rerun.wasm, execution.machine(), result))
    }

    /// Returns a sandbox whose runs depend on nothing but fuel.
    fn for_rerun(&self, stop_at_fuel: Option<u64>) -> Result<Sandbox, Error> {
        let mut config: Config = self.config().clone();
        config.deadline_ms = None;
        if stop_at_fuel.is_some() {
            config.faults.stop_at_fuel = stop_at_fuel;
        }
        self.with_config(config)
    }
}

fn stop(error: &Error) -> Option<&Stopped> {
    match error {
        Error::Stopped(stopped) => Some(stopped),
        _ => None,
    }
}

/// Bytes of the record of a function that is being called.
const FRAME_BYTES: u64 = crate::load::instrument::FRAME as u64;

/// Fuel between two reports of progress: some ten milliseconds.
const PROGRESS_FUEL: u64 = 1_000_000;

/// Innermost frames whose operands and locals are recorded.
const VALUED_FRAMES: usize = 16;

/// Bytes for the nodes of a tree of calls: half a million of functions with few calls.
const TREE_BYTES: u64 = 32 << 20;

/// Returns the error of a rerun that ended otherwise.
fn not_repeated(stopped: &Stopped, ended: Result<Outcome, Error>) -> Error {
    let found = match ended {
        Ok(outcome) => outcome.usage.fuel,
        Err(Error::Stopped(stopped)) => stopped.usage.fuel,
        Err(error) => return error,
    };
    CallError::NotRepeated { expected: stopped.usage.fuel, found }.into()
}
