//! The fuel at each call of the host is the same with and without an instrument.

use std::sync::{Arc, Mutex};

use belljar::{
    Config, Context, Error, LimitExceeded, Outcome, Sandbox, StopReason, Stopped,
    explain::{Breakpoint, Differences, Rerun},
    meter,
};

const FUEL: u64 = 100_000;

/// Calls the host between operators of each kind that is charged: blocks, branches, bulk operators, growths, and calls
/// that are direct, indirect, and in place of the function that makes them.
const MODULE: &str = r#"(module
    (type $t (func (param i32) (result i32)))
    (import "host" "at" (func $at (type $t)))
    (import "host" "through" (func $through (type $t)))
    (memory (export "memory") 1 4)
    (table $t 4 8 funcref)
    (elem (i32.const 0) $through $branch $tail $indirect_tail)
    (elem $passive func $branch)
    (data $bytes "some bytes")
    (global $sum (mut i32) (i32.const 0))
    (func $note (param i32) (global.set $sum (i32.add (global.get $sum) (call $at (local.get 0)))))
    (func $branch (type $t)
        (block $c (block $b (block $a (br_table $a $b $c (i32.and (local.get 0) (i32.const 3))))
            (call $note (i32.const 10)) (return (i32.const 1)))
            (call $note (i32.const 11)))
        (call $note (i32.const 12))
        (if (result i32) (i32.gt_s (call $at (local.get 0)) (i32.const 8))
            (then (call $at (i32.const 13)))
            (else (i32.add (call $at (i32.const 14)) (call $at (i32.const 15))))))
    (func $tail (type $t) (drop (call $at (i32.const 20))) (return_call $at (i32.mul (local.get 0) (i32.const 3))))
    (func $indirect_tail (type $t)
        (return_call_indirect (type $t) (local.get 0) (i32.and (local.get 0) (i32.const 1))))
    (func $bulk
        (memory.fill (i32.const 0) (i32.const 7) (i32.const 5000))
        (call $note (i32.const 30))
        (memory.copy (i32.const 100) (i32.const 0) (i32.const 900))
        (memory.init $bytes (i32.const 0) (i32.const 1) (i32.const 7))
        (call $note (memory.grow (i32.const 1)))
        (table.init $t $passive (i32.const 1) (i32.const 0) (i32.const 1))
        (table.copy (i32.const 1) (i32.const 1) (i32.const 2))
        (call $note (table.grow (ref.func $branch) (i32.const 2)))
        (table.fill (i32.const 5) (ref.null func) (i32.const 1))
        (call $note (i32.const 33)))
    (func (export "_start") (local $i i32)
        (loop $again
            (call $note (local.get $i))
            (call $note (call_indirect (type $t) (local.get $i) (i32.and (local.get $i) (i32.const 3))))
            (call $bulk)
            (loop $inner
                (global.set $sum (i32.add (global.get $sum) (i32.const 1)))
                (br_if $inner (i32.and (global.get $sum) (i32.const 7))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 4))))))"#;

/// Calls of the host: whether they are through a table, and the fuel that the run has used then.
type Calls = Vec<(bool, u64)>;

/// A sandbox that allows so many calls of the host, and what writes them down.
fn sandbox(host_calls: u64) -> (Sandbox, Arc<Mutex<Calls>>) {
    let calls = Arc::new(Mutex::new(Calls::new()));
    let note = |is_through: bool| {
        let calls = Arc::clone(&calls);
        move |c: &mut Context<'_>, of: i32| {
            calls.lock().unwrap().push((is_through, FUEL - c.fuel_left()));
            of.wrapping_mul(5) % 17
        }
    };
    let config = Config::default().with_fuel(FUEL).with_host_calls(host_calls);
    let builder = Sandbox::builder().config(config);
    let builder = builder.host_function("host", "at", note(false)).host_function("host", "through", note(true));
    (builder.build().unwrap(), calls)
}

/// Runs the module, and compares the run with that with each instrument. Returns the calls and the end.
fn compare(wasm: &[u8], host_calls: u64) -> (Calls, Result<Outcome, Box<Stopped>>) {
    let (sandbox, calls) = sandbox(host_calls);
    let taken = || std::mem::take(&mut *calls.lock().unwrap());
    let result = match sandbox.run(&sandbox.load(wasm).unwrap(), b"") {
        Ok(outcome) => Ok(outcome),
        Err(Error::Stopped(stopped)) => Err(stopped),
        Err(error) => panic!("{error}"),
    };
    let plain = taken();
    let rerun = Rerun::new(wasm, b"");

    let profile = sandbox.first_profile(&rerun, |_| {}).unwrap();
    assert_eq!((taken(), profile.result), (plain.clone(), result.clone()), "profile, {host_calls} calls");
    let coverage = sandbox.first_coverage(&rerun, |_| {}).unwrap();
    assert_eq!((taken(), coverage.result), (plain.clone(), result.clone()), "coverage, {host_calls} calls");
    let debugger = sandbox.first_debugger(&rerun, |_| {}).unwrap();
    let ended = debugger.result().cloned().map_err(|stopped| Box::new(stopped.clone()));
    assert_eq!((taken(), ended), (plain.clone(), result.clone()), "debugger, {host_calls} calls");
    let run = (&sandbox, &rerun);
    let differences = Differences::find_first(run, run, |_| {}).unwrap();
    assert_eq!(differences.first, []);
    assert_eq!((taken(), differences.results), ([&plain[..]; 2].concat(), [result.clone(), result.clone()]));

    // It takes the recorded answers.
    if let Err(stopped) = &result {
        let mut run = sandbox.start(&sandbox.load(wasm).unwrap(), b"").unwrap();
        run.record(1 << 20);
        run.finish().unwrap_err();
        assert_eq!(taken(), plain);
        let explanation = sandbox.explain(&rerun.clone().with_effects(run.take_effects()), stopped).unwrap();
        assert_eq!((explanation.fuel, taken()), (stopped.usage.fuel, Calls::new()));
    }
    (plain, result)
}

/// The host is asked in a run without an instrument, whose answers the runs with one repeat. So that their fuel at each
/// call is seen too, they are stopped at each.
#[test]
fn the_fuel_at_each_call_is_the_same_with_each_instrument() {
    let wasm = wat::parse_str(MODULE).unwrap();
    let (all, result) = compare(&wasm, 10_000);
    assert_eq!(result.unwrap().usage.host_calls, all.len() as u64);
    assert!(all.len() > 30 && all.iter().any(|(is_through, _)| *is_through), "{all:?}");
    for (number, (_, fuel)) in all.iter().enumerate() {
        let limit = number as u64;
        let (calls, result) = compare(&wasm, limit);
        assert_eq!(calls, all[..number]);
        let stopped = result.unwrap_err();
        assert_eq!(stopped.reason, StopReason::Limit(LimitExceeded::HostCalls { limit }));
        // The call is refused before it is charged.
        assert_eq!(stopped.usage.fuel + meter::HOST_CALL, *fuel, "call {number}");
    }
}

#[test]
fn a_debugger_shows_the_fuel_at_each_call() {
    let wasm = wat::parse_str(MODULE).unwrap();
    let (sandbox, calls) = sandbox(10_000);
    let mut debugger = sandbox.first_debugger(&Rerun::new(&wasm, b""), |_| {}).unwrap();
    let calls = calls.lock().unwrap().clone();
    let direct: Vec<_> = calls.iter().filter(|(is_through, _)| !is_through).map(|(_, fuel)| *fuel).collect();
    for (number, fuel) in (1..).zip(&direct) {
        debugger.go_to_hit(&Breakpoint::Function(0), number).unwrap().unwrap();
        assert_eq!(debugger.usage().fuel + meter::HOST_CALL, *fuel, "call {number}");
    }
    assert_eq!(debugger.go_to_hit(&Breakpoint::Function(0), direct.len() as u64 + 1).unwrap(), None);
}
