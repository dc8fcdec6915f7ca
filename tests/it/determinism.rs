//! A run is a pure function: it comes out the same whatever ran before and however it is sliced, and
//! where it was stopped it can be stopped again.

use std::sync::OnceLock;

use belljar::{
    Config, Context, Error, HostStop, LimitExceeded, Log, Module, Sandbox, Step, StopReason, Stopped, Usage,
};

use crate::fixture;

/// Everything that costs fuel in one run: start function, growth of both kinds, bulk operators, host
/// calls of every price, nested calls.
const MIXED: &str = r#"(module
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "env" "log" (func $log (param i32 i32)))
    (memory (export "memory") 0 10)
    (table $t 0 funcref)
    (data $text "some text to be copied to where it is needed, a few times over")
    (start $begin)
    (func $begin (drop (memory.grow (i32.const 1))) (memory.init $text (i32.const 0) (i32.const 0) (i32.const 62)))
    (func $nest (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $nest (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
    (func (export "execute") (param i32 i32) (result i32)
        (local $i i32)
        (drop (call $read (i32.const 100) (local.get 1)))
        (call $write (i32.const 100) (local.get 1))
        (memory.fill (i32.const 200) (i32.const 65) (i32.const 3000))
        (drop (table.grow $t (ref.null func) (i32.const 500)))
        (call $log (i32.const 200) (i32.const 130))
        (memory.copy (i32.const 4000) (i32.const 0) (i32.const 3000))
        (loop $next
            (call $write (local.get $i) (i32.const 3))
            (drop (call $nest (local.get $i)))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 6))))
        (table.fill $t (i32.const 0) (ref.null func) (i32.const 500))
        (call $log (i32.const 0) (i32.const 4))
        (call $write (i32.const 4000) (i32.const 62))
        (i32.const 0)))"#;

fn load(config: Config) -> (Sandbox, Module) {
    let sandbox = Sandbox::new(config).unwrap();
    // Reading the text takes longer than all the rest, and it is done thousands of times here.
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let module = sandbox.load(BYTES.get_or_init(|| sandbox.assemble(MIXED).unwrap())).unwrap();
    (sandbox, module)
}

fn stopped(error: Error) -> Stopped {
    match error {
        Error::Stopped(stopped) => *stopped,
        other => panic!("{other}"),
    }
}

/// What a run had produced at some point.
#[derive(Debug, Clone, PartialEq)]
struct Partial {
    output: Vec<u8>,
    log: Log,
    usage: Usage,
}

/// The same run, stopped by its fuel at `fuel`.
fn stopped_at(fuel: u64) -> Stopped {
    let (sandbox, module) = load(Config::default().with_fuel(fuel));
    stopped(sandbox.run(&module, b"input").unwrap_err())
}

#[test]
fn a_run_costs_the_same_the_first_and_the_thousandth_time() {
    let (sandbox, module) = load(Config::default());
    let first = sandbox.run(&module, b"input").unwrap();
    for n in 0..1000 {
        if n % 100 == 0 {
            // Other modules, other sandboxes, and runs that are stopped half-way.
            let (other, same) = load(Config::default().with_fuel(2_000 + n));
            assert!(other.run(&same, b"").is_err());
            assert_eq!(other.load_text(MIXED).unwrap().inspect(), module.inspect());
            sandbox.start(&module, b"left alone").unwrap().step(1_700).unwrap();
            let fresh = sandbox.load_text(MIXED).unwrap();
            assert_eq!(sandbox.run(&fresh, b"input").unwrap(), first);
        }
        assert_eq!(sandbox.run(&module, b"input").unwrap(), first, "run {n}");
    }
}

#[test]
fn two_runs_in_turns_do_not_see_each_other() {
    let (sandbox, module) = load(Config::default());
    let expected = [sandbox.run(&module, b"one").unwrap(), sandbox.run(&module, b"another").unwrap()];
    let mut runs = [sandbox.start(&module, b"one").unwrap(), sandbox.start(&module, b"another").unwrap()];
    let mut outcomes = [None, None];
    while outcomes.iter().any(Option::is_none) {
        for (run, outcome) in runs.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let Step::Done(done) = run.step(13).unwrap()
            {
                *outcome = Some(done);
            }
        }
    }
    assert_eq!(outcomes.map(Option::unwrap), expected);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_nan_is_not_the_machines() {
    let zero = std::hint::black_box(0.0_f32);
    assert_eq!((zero / zero).to_bits(), 0xffc0_0000, "what the engine would give without its feature `deterministic`");
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let text = "(module (func (export \"nan\") (result f32) (f32.div (f32.const 0) (f32.const 0))))";
    let nan: f32 = sandbox.call(&sandbox.load_text(text).unwrap(), "nan", ()).unwrap();
    assert_eq!(nan.to_bits(), 0x7fc0_0000);
}

/// Xorshift: the same numbers everywhere.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn every_fixture_is_the_same_in_random_slices() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut compared = 0;
    for path in fixture::FOLDERS.iter().flat_map(|folder| fixture::files(folder)) {
        let fixture = fixture::parse::Fixture::read(path).unwrap();
        let Ok(Ok((sandbox, module))) = fixture::load(&fixture) else { continue };
        for _ in 0..4 {
            // From 0 to a few thousand, most of them short.
            let mut slice = || random(&mut state) % (1 << (random(&mut state) % 13));
            let found = fixture::actions(&fixture, &sandbox, &module, &mut slice);
            assert_eq!(found, fixture.expected, "{}", fixture.path.display());
            compared += 1;
        }
    }
    assert!(compared > 200, "only {compared} runs");
}

/// Each fuel from 1 up to what the run needs: what it has produced by then is a beginning of the
/// whole, never less than with less fuel, and never costs more than there is.
#[test]
fn a_run_can_be_stopped_at_every_fuel() {
    let (sandbox, module) = load(Config::default());
    let whole = sandbox.run(&module, b"input").unwrap();
    let mut last = Usage::default();
    for fuel in 1..whole.usage.fuel {
        let stopped = stopped_at(fuel);
        assert_eq!(stopped.reason, StopReason::Limit(LimitExceeded::Fuel { limit: fuel }));
        assert!(whole.output.starts_with(&stopped.output), "at {fuel}");
        assert!(whole.log.entries.starts_with(&stopped.log.entries), "at {fuel}");
        let now = stopped.usage;
        assert!(now.fuel <= fuel && now.fuel >= last.fuel, "at {fuel}");
        assert!(now.memory_peak_bytes >= last.memory_peak_bytes && now.host_calls >= last.host_calls, "at {fuel}");
        assert_eq!(now.output_bytes, stopped.output.len() as u64);
        last = now;
    }
    let (sandbox, module) = load(Config::default().with_fuel(whole.usage.fuel));
    assert_eq!(sandbox.run(&module, b"input").unwrap(), whole, "just enough is enough");
}

/// A cancel or a deadline can act wherever a step may end. At each of these places, the fuel that is
/// told is the fuel at which the same run stops with the same partial outcome.
#[test]
fn where_a_step_ends_the_fuel_can_end() {
    let (sandbox, module) = load(Config::default());
    let mut run = sandbox.start(&module, b"input").unwrap();
    let mut places: Vec<Partial> = Vec::new();
    while let Step::Yielded = run.step(1).unwrap() {
        let here = Partial { output: run.output().to_vec(), log: run.log().clone(), usage: run.usage() };
        match places.last_mut() {
            // Some steps only save up for the next operator.
            Some(last) if last.usage.fuel == here.usage.fuel => assert_eq!(*last, here),
            _ => places.push(here),
        }
    }
    assert!(places.len() > 50, "only {} places", places.len());
    for place in places {
        let Stopped { output, log, usage, .. } = stopped_at(place.usage.fuel.max(1));
        assert_eq!(Partial { output, log, usage }, place);
    }
}

/// Reaches `HostStop::Cancelled`.
#[test]
fn a_cancel_tells_the_fuel_at_which_it_struck() {
    let (sandbox, module) = load(Config::default());
    for steps in [0, 1, 3, 100, 250] {
        let mut run = sandbox.start(&module, b"input").unwrap();
        let cancel = run.cancel_handle();
        for _ in 0..steps {
            run.step(7).unwrap();
        }
        assert!(!cancel.is_cancelled());
        cancel.cancel();
        let by_cancel = stopped(run.finish().unwrap_err());
        assert_eq!(by_cancel.reason, StopReason::Host(HostStop::Cancelled));
        let by_fuel = stopped_at(by_cancel.usage.fuel.max(1));
        assert_eq!(
            (by_cancel.output, by_cancel.log, by_cancel.usage),
            (by_fuel.output, by_fuel.log, by_fuel.usage),
            "after {steps} steps"
        );
    }
}

const LONG: &str = r#"(module
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "own" "tick" (func $tick))
    (memory (export "memory") 1)
    (func $loop (local i32)
        (loop (call $write (i32.const 0) (i32.const 1)) (call $tick) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10000000)))))
    (func (export "_start") (call $loop))
    (func (export "spin") (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000000)))))
    (func (export "grow") (local i32)
        (loop (drop (memory.grow (i32.const 0))) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10000000))))))"#;

fn long(config: Config, tick: impl Fn() + Send + Sync + 'static) -> (Sandbox, Module) {
    let tick = move |_: &mut Context<'_>| tick();
    let sandbox = Sandbox::builder().config(config).host_function("own", "tick", tick).build().unwrap();
    let module = sandbox.load_text(LONG).unwrap();
    (sandbox, module)
}

/// A cancel that comes from the run's own host function, or from another thread, in the middle of a
/// slice.
#[test]
fn a_cancel_from_outside_ends_a_long_run() {
    let plenty = Config::default().with_fuel(1_000_000_000_000);
    let handle = std::sync::Arc::new(std::sync::Mutex::new(None::<belljar::Cancel>));
    let (ticks, shared) = (std::sync::atomic::AtomicU32::new(0), std::sync::Arc::clone(&handle));
    let (sandbox, module) = long(plenty.clone(), move || {
        if ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 5_000
            && let Some(cancel) = &*shared.lock().unwrap()
        {
            cancel.cancel();
        }
    });
    let mut run = sandbox.start(&module, b"").unwrap();
    *handle.lock().unwrap() = Some(run.cancel_handle());
    let by_cancel = stopped(run.finish().unwrap_err());
    assert_eq!(by_cancel.reason, StopReason::Host(HostStop::Cancelled));
    let (sandbox, module) = long(plenty.clone().with_fuel(by_cancel.usage.fuel), || {});
    let by_fuel = stopped(sandbox.run(&module, b"").unwrap_err());
    assert_eq!((by_cancel.output, by_cancel.usage), (by_fuel.output, by_fuel.usage));

    let (sandbox, module) = long(plenty, || {});
    for name in ["spin", "grow"] {
        let mut run = sandbox.start_call(&module, name, &[], b"", ()).unwrap();
        let cancel = run.cancel_handle();
        let canceller = std::thread::spawn(move || cancel.cancel());
        assert_eq!(stopped(run.finish().unwrap_err()).reason, StopReason::Host(HostStop::Cancelled));
        canceller.join().unwrap();
    }
}

/// Reaches `HostStop::Deadline`.
#[test]
fn a_deadline_tells_the_fuel_at_which_it_struck() {
    let plenty = Config::default().with_fuel(1_000_000_000_000).with_output_bytes(1 << 30);
    let (sandbox, module) = long(plenty.clone().with_deadline_ms(20), || {});
    let by_deadline = stopped(sandbox.run(&module, b"").unwrap_err());
    assert_eq!(by_deadline.reason, StopReason::Host(HostStop::Deadline { limit_ms: 20 }));
    let (sandbox, module) = long(plenty.with_fuel(by_deadline.usage.fuel.max(1)), || {});
    let by_fuel = stopped(sandbox.run(&module, b"").unwrap_err());
    assert!(by_deadline.output == by_fuel.output);
    assert_eq!((by_deadline.log, by_deadline.usage), (by_fuel.log, by_fuel.usage));
}

#[test]
fn a_deadline_in_the_start_function_strikes_too() {
    let config = Config::default().with_fuel(1_000_000_000_000).with_deadline_ms(5);
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox
        .load_text(
            r#"(module (start $f) (func (export "_start")) (func $f (local i32)
        (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000000))))))"#,
        )
        .unwrap();
    assert_eq!(
        stopped(sandbox.run(&module, b"").unwrap_err()).reason,
        StopReason::Host(HostStop::Deadline { limit_ms: 5 })
    );
    assert_eq!(
        stopped(sandbox.instance(&module).unwrap_err()).reason,
        StopReason::Host(HostStop::Deadline { limit_ms: 5 })
    );
}

/// The largest deadline is no deadline that anything here could meet.
#[test]
fn a_deadline_that_does_not_strike_changes_nothing() {
    let (sandbox, module) = load(Config::default());
    let (with, same) = load(Config::default().with_deadline_ms(31_536_000_000));
    assert_eq!(with.run(&same, b"input").unwrap(), sandbox.run(&module, b"input").unwrap());
}
