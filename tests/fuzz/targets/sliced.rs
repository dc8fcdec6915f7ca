//! Runs in steps of any size: they come to the same end as in one piece, to the unit of fuel.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use belljar::{Error, Input, Module, Outcome, Sandbox, Step, Value};
use belljar_fuzz::{
    ends,
    guests::{self, Kind},
};
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(10_000));

fuzz_target!(|data: &[u8]| {
    let _ = compare(&mut Unstructured::new(data));
});

fn compare(u: &mut Unstructured<'_>) -> Result<()> {
    let steps: [u64; 4] = [step(u)?, step(u)?, step(u)?, step(u)?];
    let guest = guests::generate(u, Kind::Guest, 2)?;
    let module = SANDBOX.load(&guest.to_bytes()).unwrap_or_else(|error| panic!("{error}"));
    for (name, arguments) in guests::calls(u, &module) {
        let whole = SANDBOX.call_values(&module, &name, &arguments);
        ends::check(&whole);
        assert_eq!(stepped(&module, &name, &arguments, steps), whole, "{name}, {arguments:?}, steps of {steps:?}");
    }
    Ok(())
}

/// Mostly small: a run has 10,000 fuel, of which making an instance takes 1,000 and more.
fn step(u: &mut Unstructured<'_>) -> Result<u64> {
    match u.int_in_range(0..=3)? {
        0 => u.int_in_range(1..=9),
        1 => u.int_in_range(10..=300),
        2 => u.int_in_range(300..=15_000),
        _ => Ok(1_000),
    }
}

/// Takes these steps in turn until the run has ended.
fn stepped(module: &Module, name: &str, arguments: &[Value], steps: [u64; 4]) -> std::result::Result<Outcome, Error> {
    let mut run = SANDBOX.start_call(module, name, arguments, Input::default(), ())?;
    for step in steps.into_iter().cycle() {
        if let Step::Done(outcome) = run.step(step)? {
            return Ok(outcome);
        }
    }
    unreachable!("steps go on for ever")
}
