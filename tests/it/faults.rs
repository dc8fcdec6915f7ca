//! Injected faults: the place that a number means, and the result there. `tests/bounds` walks every place of a few
//! guests.

use std::sync::{Arc, Mutex};

use belljar::{
    AsyncContext, CallError, Config, Context, Error, HostError, HostStop, Instance, LimitExceeded, Module, Outcome,
    Sandbox, Scheduler, Step, StopReason, Stopped, config::OnGrowthLimit, error::InjectedFault,
};

/// Tells with a byte of output for each growth whether it was given. Some of them have no number: by
/// nothing, past what is declared, past what 32 bits count.
const GROWING: &str = r#"(module
    (import "env" "write_output" (func $write (param i32 i32)))
    (memory (export "memory") 1)
    (memory $declared 0 2)
    (table $t 1 funcref)
    (table $small 0 5 funcref)
    (func $tell (param i32)
        (i32.store8 (i32.const 0) (local.get 0))
        (call $write (i32.const 0) (i32.const 1)))
    (func (export "_start")
        (call $tell (memory.grow (i32.const 0)))
        (call $tell (memory.grow (i32.const 65535)))
        (call $tell (memory.grow (i32.const 1)))
        (call $tell (memory.grow $declared (i32.const 3)))
        (call $tell (memory.grow $declared (i32.const 2)))
        (call $tell (table.grow $t (ref.null func) (i32.const 0)))
        (call $tell (table.grow $t (ref.null func) (i32.const 320)))
        (call $tell (table.grow $small (ref.null func) (i32.const 6)))
        (call $tell (table.grow $small (ref.null func) (i32.const 5)))
        (call $tell (memory.grow (i32.const 1))))
    (func (export "more") (param i32) (result i32) (memory.grow (local.get 0))))"#;

/// What it tells of them, -1 as 255; the growths that have a number are those at these places.
const GROWN: [u8; 10] = [1, 255, 1, 255, 0, 1, 1, 255, 0, 2];
const NUMBERED: [usize; 5] = [2, 4, 6, 8, 9];

/// Calls functions of both kinds in turns: seven calls, of which the own function's are the even ones. A call
/// of its own function is where a step may end.
const CALLING: &str = r#"(module
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "env" "log" (func $log (param i32 i32)))
    (import "own" "left" (func $left))
    (memory (export "memory") 1)
    (data (i32.const 0) "abcdef")
    (func (export "left") (call $left))
    (func $turn)
    (func (export "_start")
        (call $write (i32.const 0) (i32.const 1))
        (call $turn)
        (call $left)
        (call $log (i32.const 1) (i32.const 1))
        (call $turn)
        (call $left)
        (call $write (i32.const 2) (i32.const 1))
        (call $turn)
        (call $left)
        (call $log (i32.const 3) (i32.const 3))))"#;

fn growing(config: Config) -> (Sandbox, Module) {
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load_text(GROWING).unwrap();
    (sandbox, module)
}

/// What each call of the own function was told of the fuel left.
type Told = Arc<Mutex<Vec<u64>>>;

fn calling(config: Config) -> (Sandbox, Module, Told) {
    let told = Told::default();
    let to = Arc::clone(&told);
    let left = move |context: &mut Context<'_>| -> Result<(), HostError> {
        to.lock().unwrap().push(context.fuel_left());
        context.write_output(b"+")
    };
    let sandbox = Sandbox::builder().config(config).host_function("own", "left", left).build().unwrap();
    let module = sandbox.load_text(CALLING).unwrap();
    (sandbox, module, told)
}

fn stopped<T: std::fmt::Debug>(result: Result<T, Error>) -> Stopped {
    match result {
        Err(Error::Stopped(stopped)) => *stopped,
        other => panic!("{other:?}"),
    }
}

fn injected(fault: InjectedFault, number: u64) -> StopReason {
    StopReason::Host(HostStop::Injected { fault, number })
}

fn in_steps(sandbox: &Sandbox, module: &Module, fuel: u64) -> Result<Outcome, Error> {
    let mut run = sandbox.start(module, b"")?;
    loop {
        if let Step::Done(outcome) = run.step(fuel)? {
            return Ok(outcome);
        }
    }
}

/// At once, and in steps of three sizes.
fn run(sandbox: &Sandbox, module: &Module) -> Result<Outcome, Error> {
    let whole = sandbox.run(module, b"");
    for fuel in [1, 7, 1_000] {
        assert_eq!(in_steps(sandbox, module, fuel), whole, "steps of {fuel}");
    }
    whole
}

/// A stop at a fuel is what a limit of so much fuel is, but for its name. A run that was cancelled comes to
/// the same place again.
#[test]
fn a_stop_at_a_fuel_is_a_limit_of_another_name() {
    let (sandbox, module, _) = calling(Config::default());
    let whole = run(&sandbox, &module).unwrap();
    let mut places = 0;
    for fuel in [0, 1_000].into_iter().chain(whole.usage.fuel - 250..) {
        let mut execution = sandbox.start(&module, b"").unwrap();
        if execution.step(fuel) != Ok(Step::Yielded) {
            break;
        }
        execution.cancel_handle().cancel();
        let cancelled = stopped(execution.finish());
        let fuel = cancelled.usage.fuel.max(1);

        let (sandbox, module, _) = calling(Config::default().with_stop_at_fuel(fuel));
        let by_fault = stopped(run(&sandbox, &module));
        assert_eq!(by_fault.reason, injected(InjectedFault::Fuel, fuel));
        let (sandbox, module, _) = calling(Config::default().with_fuel(fuel));
        let by_limit = stopped(run(&sandbox, &module));
        assert_eq!(by_limit.reason, StopReason::Limit(LimitExceeded::Fuel { limit: fuel }));
        let rest = |stopped: Stopped| (stopped.output, stopped.log, stopped.usage);
        let (cancelled, by_fault, by_limit) = (rest(cancelled), rest(by_fault), rest(by_limit));
        assert_eq!(by_fault, by_limit, "at {fuel}");
        assert_eq!(by_fault, cancelled, "at {fuel}");
        places += usize::from(by_fault.2.host_calls > 0);
    }
    assert!(places > 0, "no place is after a call");
    let (sandbox, module, _) = calling(Config::default().with_stop_at_fuel(whole.usage.fuel));
    assert_eq!(run(&sandbox, &module).unwrap(), whole, "just enough is enough");
}

#[test]
fn of_a_limit_and_a_fault_the_first_is_met() {
    let ended = |config: Config| {
        let (sandbox, module, _) = calling(config);
        stopped(run(&sandbox, &module)).reason
    };
    let fuel = |limit, fault| ended(Config::default().with_fuel(limit).with_stop_at_fuel(fault));
    assert_eq!(fuel(2_100, 2_099), injected(InjectedFault::Fuel, 2_099));
    assert_eq!(fuel(2_100, 2_100), injected(InjectedFault::Fuel, 2_100));
    assert_eq!(fuel(2_100, 2_101), StopReason::Limit(LimitExceeded::Fuel { limit: 2_100 }));
    let calls = |limit, fault| ended(Config::default().with_host_calls(limit).with_fail_host_call(fault));
    assert_eq!(calls(3, 3), injected(InjectedFault::HostCall, 3));
    assert_eq!(calls(3, 4), StopReason::Limit(LimitExceeded::HostCalls { limit: 3 }));
    let both = |fuel| ended(Config::default().with_stop_at_fuel(fuel).with_fail_host_call(1));
    assert_eq!(both(2_000), injected(InjectedFault::Fuel, 2_000));
    assert_eq!(both(1_000_000), injected(InjectedFault::HostCall, 1));
}

/// What it was told until then is what it is told without the fault.
#[test]
fn a_host_function_does_not_see_a_fault_coming() {
    let (sandbox, module, told) = calling(Config::default());
    let whole = sandbox.run(&module, b"").unwrap();
    let all = told.lock().unwrap().clone();
    assert_eq!(all.len(), 3);
    for fuel in (whole.usage.fuel - 200..=whole.usage.fuel).step_by(10) {
        let (sandbox, module, told) = calling(Config::default().with_stop_at_fuel(fuel));
        let _ = sandbox.run(&module, b"");
        assert!(all.starts_with(&told.lock().unwrap()), "at {fuel}");
    }
}

/// Calls of both kinds have numbers, and the failed one has done nothing.
#[test]
fn a_host_call_fails_before_it_does_anything() {
    let (sandbox, module, _) = calling(Config::default());
    let whole = run(&sandbox, &module).unwrap();
    assert_eq!((whole.usage.host_calls, &*whole.output, whole.log.entries.len()), (7, &b"a++c+"[..], 2));
    let done = [("", 0), ("a", 0), ("a+", 0), ("a+", 1), ("a++", 1), ("a++c", 1), ("a++c+", 1)];
    for (number, (output, lines)) in (1..).zip(done) {
        let (sandbox, module, told) = calling(Config::default().with_fail_host_call(number));
        let stop = stopped(sandbox.run(&module, b""));
        assert_eq!(stop.reason, injected(InjectedFault::HostCall, number));
        assert_eq!((&*stop.output, stop.log.entries.len()), (output.as_bytes(), lines), "{number}");
        assert_eq!((stop.usage.host_calls, told.lock().unwrap().len() as u64), (number, (number - 1) / 2));
        assert_eq!(stopped(run(&sandbox, &module)), stop);
    }
    let (sandbox, module, _) = calling(Config::default().with_fail_host_call(8));
    assert_eq!(run(&sandbox, &module).unwrap(), whole);
}

/// One that would wait fails before it does, and the same run meets it however often it has waited before.
#[test]
fn an_async_host_call_has_a_number_too() {
    let ended = |config: Config| {
        let next = |mut context: AsyncContext| async move {
            context.write_output(b"+".into()).await?;
            Ok::<(), HostError>(())
        };
        let builder = Sandbox::builder().config(config).async_host_function("own", "left", next);
        let sandbox = builder.build().unwrap();
        let module = sandbox.load_text(CALLING).unwrap();
        run(&sandbox, &module)
    };
    let whole = ended(Config::default()).unwrap();
    assert_eq!((&*whole.output, whole.usage.host_calls), (&b"a++c+"[..], 7));
    for (number, output) in [(1, ""), (2, "a"), (4, "a+"), (6, "a++c")] {
        let stop = stopped(ended(Config::default().with_fail_host_call(number)));
        assert_eq!((stop.reason, stop.usage.host_calls), (injected(InjectedFault::HostCall, number), number));
        assert_eq!(stop.output, output.as_bytes());
    }
    for fuel in whole.usage.fuel - 200..whole.usage.fuel {
        let stop = stopped(ended(Config::default().with_stop_at_fuel(fuel)));
        assert_eq!(stop.reason, injected(InjectedFault::Fuel, fuel));
        assert!(stop.usage.fuel <= fuel && whole.output.starts_with(&stop.output));
    }
    assert_eq!(ended(Config::default().with_stop_at_fuel(whole.usage.fuel)).unwrap(), whole);
}

/// A growth for which a step lacks fuel is asked for again: it is the same growth, with the same number.
#[test]
fn a_growth_has_one_number_whatever_the_step() {
    let (sandbox, module) = growing(Config::default());
    let whole = run(&sandbox, &module).unwrap();
    assert_eq!(whole.output, GROWN);
    for (number, place) in (1..).zip(NUMBERED) {
        for on_limit in [OnGrowthLimit::Stop, OnGrowthLimit::Refuse] {
            let config = Config::default().with_on_growth_limit(on_limit).with_deny_growth(number);
            let (sandbox, module) = growing(config);
            let outcome = run(&sandbox, &module).unwrap();
            let mut expected = GROWN;
            expected[place] = 255;
            // The last one finds what the first has left.
            expected[9] = if number == 1 { 1 } else { expected[9] };
            assert_eq!(outcome.output, expected, "{number}");
            // It costs the operator, and nothing of what would have been added.
            let added = [1_024, 2 * 1_024, 320 / 16, 0, 1_024][number as usize - 1];
            assert_eq!(outcome.usage.fuel, whole.usage.fuel - added, "{number}");
        }
    }
    let (sandbox, module) = growing(Config::default().with_deny_growth(6));
    assert_eq!(run(&sandbox, &module).unwrap(), whole);
}

/// One past the limit has a number too, and is denied as any other.
#[test]
fn a_growth_past_the_limit_can_be_denied() {
    let grown = |config: Config, pages: &[i32]| {
        let (sandbox, module) = growing(config.with_memory_bytes(2 << 16));
        let mut instance = sandbox.instance(&module).unwrap();
        pages.iter().map(|pages| instance.call::<_, i32>("more", *pages)).collect::<Result<Vec<_>, _>>()
    };
    let stop = grown(Config::default(), &[2]).unwrap_err();
    assert_eq!(stop.stop_reason(), Some(&StopReason::Limit(LimitExceeded::Memory { limit: 2 << 16, asked: 3 << 16 })));
    assert_eq!(grown(Config::default().with_deny_growth(1), &[2, 1]), Ok(vec![-1, 1]));
    let refuse = Config::default().with_on_growth_limit(OnGrowthLimit::Refuse);
    assert_eq!(grown(refuse.clone(), &[2, 1]), Ok(vec![-1, 1]));
    assert_eq!(grown(refuse.with_deny_growth(2), &[2, 1, 1]), Ok(vec![-1, -1, 1]));
}

fn more(instance: &mut Instance, pages: i32) -> i32 {
    instance.call("more", pages).unwrap()
}

/// An instance counts until it is reset; the host's own growths are among them.
#[test]
fn an_instance_counts_over_all_its_calls() {
    let (sandbox, module) = growing(Config::default().with_deny_growth(3));
    let mut instance = sandbox.instance(&module).unwrap();
    for _ in 0..2 {
        assert_eq!(more(&mut instance, 1), 1);
        assert_eq!(instance.grow_memory(1), Ok(Some(2)));
        assert_eq!((more(&mut instance, 1), more(&mut instance, 1)), (-1, 3));
        instance.reset().unwrap();
    }
    assert_eq!((more(&mut instance, 1), more(&mut instance, 1)), (1, 2));
    assert_eq!((instance.grow_memory(1), instance.grow_memory(1)), (Ok(None), Ok(Some(3))));

    let (sandbox, module, _) = calling(Config::default().with_fail_host_call(3));
    let mut instance = sandbox.instance(&module).unwrap();
    for _ in 0..2 {
        assert_eq!([instance.call("left", ()), instance.call("left", ())], [Ok(()), Ok(())]);
        let stop = stopped(instance.call::<_, ()>("left", ()));
        assert_eq!((&stop.reason, stop.usage.host_calls), (&injected(InjectedFault::HostCall, 3), 3));
        let poisoned = CallError::Poisoned(stop.reason);
        assert_eq!(instance.call::<_, ()>("left", ()), Err(poisoned.into()));
        instance.reset().unwrap();
    }

    let (sandbox, module, _) = calling(Config::default());
    let mut instance = sandbox.instance(&module).unwrap();
    let before = instance.usage().fuel;
    instance.call::<_, ()>("left", ()).unwrap();
    let (once, twice) = (instance.usage().fuel, 2 * instance.usage().fuel - before);
    for (fuel, ends) in
        [(once - 1, [false, false]), (once, [true, false]), (twice - 1, [true, false]), (twice, [true; 2])]
    {
        let (sandbox, module, _) = calling(Config::default().with_stop_at_fuel(fuel));
        let mut instance = sandbox.instance(&module).unwrap();
        assert_eq!([(); 2].map(|()| instance.call::<_, ()>("left", ()).is_ok()), ends, "{fuel}");
        assert!(instance.usage().fuel <= fuel);
    }
}

/// However a run is driven.
#[test]
fn calls_and_turns_meet_faults_too() {
    let (sandbox, module) = growing(Config::default().with_deny_growth(1));
    assert_eq!(sandbox.call::<i32, i32>(&module, "more", 1), Ok(-1));
    for config in [
        Config::default().with_stop_at_fuel(3_000),
        Config::default().with_fail_host_call(5),
        Config::default().with_deny_growth(4),
    ] {
        let (sandbox, module) = growing(config);
        let whole = run(&sandbox, &module);
        let mut scheduler = Scheduler::new(100);
        for key in 0..3 {
            scheduler.add(key, sandbox.start(&module, b"").unwrap());
        }
        assert!(scheduler.collect::<Vec<_>>().into_iter().all(|(_, ended)| ended == whole));
    }
}
