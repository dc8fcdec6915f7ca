//! Runs that are had again with each instrument: they end as without one, and a debugger gets to the same steps from both
//! sides.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use belljar::{
    Error, Outcome, Sandbox, Stopped, Value,
    explain::{Debugger, Differences, Direction, Rerun, StepUnit},
};
use belljar_fuzz::{
    ends,
    guests::{self, Kind},
};
use libfuzzer_sys::fuzz_target;

/// Little fuel: a run is had again some thirty times, of which making an instance takes 1,000 and more.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(5_000));

fuzz_target!(|data: &[u8]| {
    let _ = compare(&mut Unstructured::new(data));
});

fn compare(u: &mut Unstructured<'_>) -> Result<()> {
    let places: [u16; 3] = u.arbitrary()?;
    let wasm = guests::generate(u, Kind::Guest, 2)?.to_bytes();
    let module = SANDBOX.load(&wasm).unwrap_or_else(|error| panic!("{error}"));
    for (name, arguments) in guests::calls(u, &module).into_iter().take(2) {
        let end = SANDBOX.call_values(&module, &name, &arguments);
        ends::check(&end);
        let end = match end {
            Ok(outcome) => Ok(outcome),
            Err(Error::Stopped(stopped)) => Err(stopped),
            Err(_) => continue,
        };
        let rerun = Rerun::new(&wasm, b"").with_call(&name, &arguments);
        again(&rerun, &end);
        moved(SANDBOX.debugger(&rerun).expect("it starts"), &end, places);
    }
    Ok(())
}

/// Has a run again with the instruments that only look.
fn again(rerun: &Rerun<'_>, end: &Ended) {
    let fuel = fuel(end);
    let profile = SANDBOX.profile(rerun).expect("it starts");
    assert_eq!((profile.fuel(), &profile.result), (fuel, end), "the profile");

    let coverage = SANDBOX.coverage(rerun).expect("it starts");
    let of_functions: u64 = coverage.functions.iter().map(|function| function.fuel).sum();
    assert_eq!((coverage.fuel, &coverage.result), (fuel, end), "the coverage");
    assert_eq!(of_functions + coverage.elsewhere, fuel, "the coverage");

    let differences = Differences::find((&SANDBOX, rerun), (&SANDBOX, rerun)).expect("it starts");
    assert_eq!(differences.first, [], "a run does not part from itself");
    assert!(differences.results.iter().all(|result| result == end), "{:?}", differences.results);

    if let Err(stopped) = end {
        let explanation = SANDBOX.explain(rerun, stopped).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((explanation.fuel, &explanation.reason), (fuel, &stopped.reason), "the explanation");
    }
}

/// Goes to some steps forwards and then backwards, and from each to its neighbour and back.
fn moved(mut debugger: Debugger<'_>, end: &Ended, places: [u16; 3]) {
    let ended = debugger.result().cloned().map_err(|stopped| Box::new(stopped.clone()));
    assert_eq!(&ended, end, "the debugger");
    let mut steps = places.map(|place| u64::from(place) % (debugger.last() + 1));
    steps.sort_unstable();
    let seen = steps.map(|step| {
        debugger.go_to(step).expect("it starts");
        let seen = shown(&mut debugger);
        assert_eq!(seen.step, step);
        if step < debugger.last() {
            debugger.step_into(Direction::Forward, StepUnit::Operator, &[]).expect("it starts");
            assert_eq!(debugger.step(), step + 1);
            debugger.step_into(Direction::Backward, StepUnit::Operator, &[]).expect("it starts");
            assert_eq!(shown(&mut debugger), seen, "there and back");
        }
        seen
    });
    debugger.go_to(u64::MAX).expect("it starts");
    for seen in seen.iter().rev() {
        debugger.go_to(seen.step).expect("it starts");
        assert_eq!(&shown(&mut debugger), seen, "backwards");
    }
    assert!(seen.is_sorted_by_key(|seen| seen.fuel), "{seen:?}");
}

/// What a debugger shows at a step.
#[derive(Debug, PartialEq)]
struct Shown {
    step: u64,
    fuel: u64,
    /// Functions with their operators.
    frames: Vec<(u32, u32)>,
    globals: Vec<Option<Value>>,
    output: Vec<u8>,
}

fn shown(debugger: &mut Debugger<'_>) -> Shown {
    Shown {
        step: debugger.step(),
        fuel: debugger.usage().fuel,
        frames: debugger.frames().iter().map(|frame| (frame.function, frame.offset)).collect(),
        globals: debugger.globals(),
        output: debugger.output().to_vec(),
    }
}

type Ended = std::result::Result<Outcome, Box<Stopped>>;

fn fuel(end: &Ended) -> u64 {
    end.as_ref().map_or_else(|stopped| stopped.usage.fuel, |outcome| outcome.usage.fuel)
}
