//! Our side: belljar, whole and in slices.

use belljar::{
    Config, Error, GuestFault, Instance, LimitExceeded, Module, Sandbox, Step, StopReason, Value, config::OnGrowthLimit,
};

use crate::outcome::{Bound, End, MEMORY_BYTES, TABLE_ELEMENTS};

/// Fuel of all calls of one instance.
const FUEL: u64 = 1_000_000;

/// The slices in which a run is repeated, and how many of them: then it goes on to its end at once. A run for which
/// the fuel does not reach is repeated in the last way only.
const SLICES: [(u64, usize); 3] = [(1, 400), (37, 300), (1_000, 300)];

/// What modules are loaded with.
pub struct Subject(Sandbox);

/// A module that has loaded.
pub struct Loaded<'s> {
    sandbox: &'s Sandbox,
    module: Module,
}

/// The end of a call, with the fuel that the instance has used so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub end: End,
    pub fuel: u64,
}

impl Subject {
    /// Makes the sandbox.
    pub fn new() -> Self {
        let config = Config::default()
            .with_fuel(FUEL)
            .with_memory_bytes(MEMORY_BYTES)
            .with_table_elements(TABLE_ELEMENTS)
            .with_call_depth(300)
            .with_module_results(100)
            .with_module_memories(16)
            .with_module_tables(16)
            .with_on_growth_limit(OnGrowthLimit::Refuse);
        Subject(Sandbox::new(config).expect("it is within the ranges"))
    }

    /// Loads a module.
    pub fn load(&self, wasm: &[u8]) -> Result<Loaded<'_>, Error> {
        self.0.load(wasm).map(|module| Loaded { sandbox: &self.0, module })
    }
}

impl Loaded<'_> {
    /// Makes an instance, whose start function runs.
    pub fn start(&self) -> Result<Instance, Ended> {
        self.sandbox.instance(&self.module).map_err(|error| ended(&error))
    }

    /// Runs a call with a fresh store, at once and in slices. Returns its end, or what differed.
    pub fn sliced(&self, name: &str) -> Result<Ended, String> {
        let start = || self.sandbox.start_call(&self.module, name, &[], b"", ()).expect("it is exported");
        let whole = start().finish();
        let kept = self.start().map(|mut instance| instance.call_values(name, &[]));
        // Where the start function is stopped, there is no call.
        if kept.as_ref().is_ok_and(|kept| *kept != whole) {
            return Err(format!("{name}: with a fresh store {whole:?}, with an instance that is kept {kept:?}"));
        }
        let endless = matches!(&whole, Err(Error::Stopped(stopped)) if stopped.usage.fuel > FUEL / 2);
        for (slice, steps) in SLICES.into_iter().skip(if endless { SLICES.len() - 1 } else { 0 }) {
            let (mut run, mut left) = (start(), steps);
            let found = loop {
                if left == 0 {
                    break run.finish();
                }
                match run.step(slice) {
                    Ok(Step::Done(outcome)) => break Ok(outcome),
                    Ok(_) => left -= 1,
                    Err(error) => break Err(error),
                }
            };
            if found != whole {
                return Err(format!("{name}: at once {whole:?}, in {steps} slices of {slice} {found:?}"));
            }
        }
        Ok(match whole {
            Ok(outcome) => Ended { end: End::Done(outcome.results), fuel: outcome.usage.fuel },
            Err(error) => ended(&error),
        })
    }
}

/// Calls an export by values.
pub fn call(instance: &mut Instance, name: &str, arguments: &[Value]) -> Ended {
    match instance.call_values(name, arguments) {
        Ok(outcome) => Ended { end: End::Done(outcome.results), fuel: outcome.usage.fuel },
        Err(error) => ended(&error),
    }
}

/// # Panics
///
/// Where the engine or the host is to blame for the end.
fn ended(error: &Error) -> Ended {
    let Error::Stopped(stopped) = error else { panic!("{error}") };
    let end = match &stopped.reason {
        StopReason::Guest(GuestFault::Trap(trap)) => End::Trap(*trap),
        StopReason::Limit(LimitExceeded::Fuel { .. }) => End::Bound(Bound::Fuel),
        StopReason::Limit(LimitExceeded::Stack { .. }) => End::Bound(Bound::Stack),
        other => panic!("{other}"),
    };
    Ended { end, fuel: stopped.usage.fuel }
}
