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

pub use self::{
    coverage::{
        BlockCoverage, BranchCoverage, BranchOperator, Counter, Coverage, FunctionCoverage, LineCoverage, Part, Totals,
    },
    debugger::{Breakpoint, Debugger, Direction, Hit, StepUnit},
    difference::{DifferenceKind, Differences, FirstDifference, TraceEvent},
    explanation::{Explanation, Frame, Local, UsedBy},
    profile::{Callee, FuelProfile, FunctionFuel, Node},
    rerun::Rerun,
    symbols::location::Location,
};
use self::{
    explanation::is_between_operators,
    rerun::{frame_bytes, is_stopped_by_fuel, recorded, stop},
};
use crate::{
    data::outcome::{Outcome, Usage},
    error::{CallError, Error, Stopped},
    load::instrument::{Kind, Plan},
    sandbox::Sandbox,
};

mod coverage;
mod debugger;
mod difference;
mod explanation;
mod profile;
mod rerun;
mod symbols;

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
        let by_fuel = is_stopped_by_fuel(&stopped.reason);
        let sandbox = self.for_rerun(by_fuel.then_some(stopped.usage.fuel))?;
        let mut plan = Plan { kind: Kind::Stack, room: frame_bytes(self), has_more_stack: true, ..Plan::default() };
        let rerun_with = |plan: &Plan| {
            let mut execution = rerun.start(&sandbox, plan)?;
            let ended = execution.finish();
            let again = ended.as_ref().err().and_then(stop);
            let is_same = again.is_some_and(|again| {
                again.usage.fuel == stopped.usage.fuel && (by_fuel || again.reason == stopped.reason)
            });
            let machine = execution.machine();
            // Of other memories the host does not know the size.
            let is_known = machine.module().inspect().memories.len() == 1 && !machine.memory().is_empty();
            let memory = is_known.then(|| machine.memory().len() as u64);
            if is_same { Ok((machine.called(), memory)) } else { Err(not_repeated(stopped, ended)) }
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
        self.profile_of(rerun, |_| {})
    }

    /// Runs a module for the first time, as [`profile`](Sandbox::profile) does, but asks the host. From time to time
    /// `progress` gets what the run has used so far.
    ///
    /// A run that may get anything from the host is made first, and recorded.
    ///
    /// # Errors
    ///
    /// As [`profile`](Sandbox::profile).
    pub fn first_profile(&self, rerun: &Rerun<'_>, progress: impl FnMut(&Usage)) -> Result<FuelProfile, Error> {
        self.profile_of(&recorded(self, rerun)?, progress)
    }

    fn profile_of(&self, rerun: &Rerun<'_>, progress: impl FnMut(&Usage)) -> Result<FuelProfile, Error> {
        let start = |sandbox: &Sandbox, has_more_stack| {
            let plan = Plan { kind: Kind::Tree, room: TREE_BYTES, has_more_stack, ..Plan::default() };
            rerun.start(sandbox, &plan)
        };
        let (mut execution, ended) = rerun::run(self, rerun, start, progress)?;
        Ok(FuelProfile::new(rerun.wasm, execution.machine(), ended))
    }
}

/// Innermost frames whose operands and locals are recorded.
const VALUED_FRAMES: usize = 16;

/// Bytes for the nodes of a tree of calls: a hundred thousand of functions with few calls. The host has some six times
/// as much for them.
const TREE_BYTES: u64 = 8 << 20;

/// Returns the error of a rerun that ended otherwise.
fn not_repeated(stopped: &Stopped, ended: Result<Outcome, Error>) -> Error {
    let found = match ended {
        Ok(outcome) => outcome.usage.fuel,
        Err(Error::Stopped(stopped)) => stopped.usage.fuel,
        Err(error) => return error,
    };
    CallError::NotRepeated { expected: stopped.usage.fuel, found }.into()
}
