//! The fuel of a run against the count of it.

use belljar::{Error, GuestFault, Instance, LimitExceeded, Module, Outcome, Sandbox, StopReason, Stopped, Value};

use crate::{
    host::{self, Looks},
    instrument::{Counting, instrument},
    prices::{BYTES, Prices},
    start::start,
    subject::{Run, Subject, wider},
    zeroing::measure,
};

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// The run came to its end, and its fuel is the count.
    Matched {
        fuel: u64,
    },
    /// As that, if what entering functions costs is measured, since locals were added to them.
    MatchedMeasured {
        fuel: u64,
    },
    /// The run was stopped: its fuel is not less than the count, since operators are paid for before they run.
    AtLeast,
    /// Nothing is compared, since what ended the run ends a longer one elsewhere.
    Not(&'static str),
    Differs(String),
}

/// A module, and the same module with counters.
pub struct Loaded<'p> {
    subject: Subject,
    prices: &'p Prices,
    start: u64,
    module: (Sandbox, Module),
    counting: Counters,
    hands_over: bool,
}

/// A module with counters.
type Counters = (Sandbox, Module, Counting);

/// The counters after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    count: u64,
    host: u64,
    exits: u64,
}

impl<'p> Loaded<'p> {
    /// Loads a subject; `None` if belljar refuses it.
    pub fn new(subject: Subject, prices: &'p Prices) -> Result<Option<Loaded<'p>>, String> {
        let sandbox = host::sandbox(&subject.config).map_err(|error| error.to_string())?;
        let Ok(module) = sandbox.load(&subject.wasm) else { return Ok(None) };
        Ok(Some(Loaded {
            start: start(&subject.wasm, prices).map_err(|error| error.to_string())?,
            hands_over: ["alloc", "execute"].iter().all(|name| module.inspect().function(name).is_some()),
            counting: counters(&subject, None, prices)?,
            module: (sandbox, module),
            subject,
            prices,
        }))
    }

    /// Compares each run. Where one differs, all are compared again with what belljar takes for locals.
    pub fn compare(&mut self) -> Result<Vec<Compared>, String> {
        let declared = self.compare_runs();
        if !declared.iter().any(|compared| matches!(compared, Compared::Differs(_))) {
            return Ok(declared);
        }
        let measured = measure(&self.subject.wasm, &wider(&self.subject.config), self.prices);
        let entering = measured.map_err(|error| format!("functions that return at once: {error}"))?;
        self.counting = counters(&self.subject, Some(&entering), self.prices)?;
        let again = declared.into_iter().zip(self.compare_runs());
        Ok(again
            .map(|(declared, measured)| match (declared, measured) {
                (Compared::Differs(_), Compared::Matched { fuel }) => Compared::MatchedMeasured { fuel },
                (Compared::Differs(why), _) => Compared::Differs(why),
                (declared, measured) if declared == measured => declared,
                (declared, measured) => Compared::Differs(format!("{declared:?}, and then {measured:?}")),
            })
            .collect())
    }

    fn compare_runs(&self) -> Vec<Compared> {
        self.subject.runs.iter().map(|run| self.compare_run(run)).collect()
    }

    fn compare_run(&self, run: &Run) -> Compared {
        let (sandbox, module) = &self.module;
        let execution = match &run.call {
            Some((name, arguments)) => sandbox.start_call(module, name, arguments, run.input.clone(), Looks::default()),
            None => sandbox.start_with(module, run.input.clone(), Looks::default()),
        };
        let whole = match execution.and_then(|mut execution| execution.finish()) {
            Err(Error::Call(_) | Error::Module(_)) => return Compared::Not("entry"),
            whole => Ended::of(whole),
        };
        match &whole.reason {
            Some(StopReason::Limit(LimitExceeded::Fuel { .. })) => return Compared::Not("fuel"),
            Some(StopReason::Limit(LimitExceeded::Stack { .. })) => return Compared::Not("stack"),
            _ => {}
        }
        // The input is handed over by the host.
        let handed = match run.call {
            None if self.hands_over => self.prices.host_call + (run.input.len() as u64).div_ceil(BYTES),
            _ => 0,
        };
        let (sandbox, module, counting) = &self.counting;
        match self.count(sandbox, module, counting, run) {
            Err(error) => Compared::Differs(error),
            Ok(None) => Compared::Not("start"),
            Ok(Some((ended, _))) if matches!(ended.reason, Some(StopReason::Limit(LimitExceeded::Stack { .. }))) => {
                Compared::Not("stack")
            }
            Ok(Some((ended, _))) if !ended.is_like(&whole) => {
                Compared::Differs(format!("it ends as {whole:?}, with counters as {ended:?}"))
            }
            Ok(Some((_, Counted { count, host, exits }))) => {
                judge(&whole, Fuel { guest: self.start + count, host: host + handed }, exits > 0)
            }
        }
    }

    /// Runs a module with counters; `None` if it is stopped before there is an instance.
    fn count(
        &self,
        sandbox: &Sandbox,
        module: &Module,
        counting: &Counting,
        run: &Run,
    ) -> Result<Option<(Ended, Counted)>, String> {
        let Ok(mut instance) = sandbox.instance_with(module, Looks::default()) else { return Ok(None) };
        if number(&instance, &counting.exits) > 0 {
            return Ok(None);
        }
        let ended = match &run.call {
            Some((name, arguments)) => instance.call_with_input(name, arguments, run.input.clone()),
            None => instance.run(run.input.clone()),
        };
        if let Err(Error::Call(error)) = ended {
            return Err(format!("with counters it cannot be run: {error}"));
        }
        let of = |name: &str| number(&instance, name);
        let counted = Counted { count: of(&counting.count), host: of(&counting.host), exits: of(&counting.exits) };
        Ok(Some((Ended::of(ended), counted)))
    }
}

/// Makes a module with counters.
fn counters(subject: &Subject, entering: Option<&[u64]>, prices: &Prices) -> Result<Counters, String> {
    let counting = instrument(&subject.wasm, entering, prices).map_err(|error| error.to_string())?;
    let sandbox = host::sandbox(&wider(&subject.config)).map_err(|error| error.to_string())?;
    let module = sandbox.load(&counting.wasm).map_err(|error| format!("with counters: {error}"))?;
    Ok((sandbox, module, counting))
}

/// Fuel as it was counted.
#[derive(Debug, Clone, Copy)]
struct Fuel {
    /// Of the start and of operators.
    guest: u64,
    host: u64,
}

/// Compares fuel with what was counted.
fn judge(whole: &Ended, counted: Fuel, exited: bool) -> Compared {
    let fuel = whole.fuel;
    let all = counted.guest + counted.host;
    match whole.reason {
        None | Some(StopReason::Guest(GuestFault::Status { .. })) if !exited && all == fuel => {
            return Compared::Matched { fuel };
        }
        None | Some(StopReason::Guest(GuestFault::Status { .. })) if !exited => {}
        None | Some(StopReason::Guest(GuestFault::Status { .. } | GuestFault::Trap(_) | GuestFault::Failed { .. }))
            if all > fuel => {}
        // What the host takes for work that it refuses to do is not counted.
        _ if counted.guest <= fuel => return Compared::AtLeast,
        _ => {}
    }
    Compared::Differs(format!("fuel {fuel}; operators that ran {all}; {:?}", whole.reason))
}

fn number(instance: &Instance, name: &str) -> u64 {
    match instance.global(name) {
        Some(Value::I64(number)) => number as u64,
        other => panic!("the counter {name} is {other:?}"),
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
struct Ended {
    reason: Option<StopReason>,
    results: Vec<Value>,
    output: Vec<u8>,
    fuel: u64,
}

impl Ended {
    fn of(ended: Result<Outcome, Error>) -> Ended {
        match ended {
            Ok(Outcome { results, output, usage, .. }) => Ended { reason: None, results, output, fuel: usage.fuel },
            Err(Error::Stopped(stopped)) => {
                let Stopped { reason, output, usage, .. } = *stopped;
                Ended { reason: Some(reason), results: Vec::new(), output, fuel: usage.fuel }
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns whether both ended alike, whatever fuel they used. An instance does not keep the output of its start.
    fn is_like(&self, other: &Ended) -> bool {
        let alike = |one: &[Value], other: &[Value]| format!("{one:?}") == format!("{other:?}");
        self.reason == other.reason && alike(&self.results, &other.results) && other.output.ends_with(&self.output)
    }
}
