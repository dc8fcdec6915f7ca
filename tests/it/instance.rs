//! Instances: state, reset, and what a stop leaves behind.

use belljar::{
    CallError, Config, Error, GuestFault, HostStop, Instance, LimitExceeded, Sandbox, StopReason, Trap, Value,
};

const COUNTER: &str = r#"(module
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "log" (func $log (param i32 i32)))
    (import "env" "fail" (func $fail (param i32 i32)))
    (global $n (mut i32) (i32.const 0))
    (memory (export "memory") 1)
    (data (i32.const 0) "hello")
    (func (export "_initialize") (global.set $n (i32.const 100)))
    (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n))
    (func (export "write") (param i32) (call $write (i32.const 0) (local.get 0)))
    (func (export "log") (call $log (i32.const 0) (i32.const 5)))
    (func (export "fail") (call $fail (i32.const 0) (i32.const 5)))
    (func (export "trap") (global.set $n (i32.const -1)) unreachable)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "execute") (param i32 i32) (result i32)
        (drop (call $read (i32.const 16) (local.get 1)))
        (call $write (i32.const 16) (local.get 1))
        (local.get 1)))"#;

fn instance(config: Config) -> Instance {
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load_text(COUNTER).unwrap();
    sandbox.instance(&module).unwrap()
}

#[test]
fn state_stays_between_calls_until_reset() {
    let mut instance = instance(Config::default());
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap(), 101);
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap(), 102);
    assert_eq!(instance.call_values("next", &[]).unwrap().results, [Value::I32(103)]);
    assert_eq!(instance.call::<i32, i32>("grow", 2).unwrap(), 1);
    assert_eq!(instance.memory().len(), 3 * 65536);
    instance.reset().unwrap();
    assert_eq!(instance.memory().len(), 65536);
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap(), 101);
}

#[test]
fn two_instances_share_nothing() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox.load_text(COUNTER).unwrap();
    let (mut one, mut other) = (sandbox.instance(&module).unwrap(), sandbox.instance(&module).unwrap());
    one.call::<(), i32>("next", ()).unwrap();
    one.memory_mut()[0] = b'J';
    assert_eq!(other.call::<(), i32>("next", ()).unwrap(), 101);
    assert_eq!(&other.memory()[..5], b"hello");
    assert_eq!(sandbox.call::<(), i32>(&module, "next", ()).unwrap(), 101);
}

#[test]
fn the_host_reads_and_writes_the_memory() {
    let mut instance = instance(Config::default());
    assert_eq!(&instance.memory()[..5], b"hello");
    instance.memory_mut()[..5].copy_from_slice(b"HELLO");
    let outcome = instance.call_values("write", &[Value::I32(5)]).unwrap();
    assert_eq!(outcome.output, b"HELLO");
}

/// Reaches `CallError::Poisoned`.
#[test]
fn a_stopped_instance_is_refused_until_reset() {
    let mut instance = instance(Config::default());
    let reason = StopReason::Guest(GuestFault::Trap(Trap::Unreachable));
    assert_eq!(instance.call::<(), ()>("trap", ()).unwrap_err().stop_reason(), Some(&reason));
    let poisoned = Error::from(CallError::Poisoned(reason));
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap_err(), poisoned);
    assert_eq!(instance.call_values("next", &[]).unwrap_err(), poisoned);
    assert_eq!(instance.run(b"").unwrap_err(), poisoned);
    instance.reset().unwrap();
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap(), 101);
}

#[test]
fn a_wrong_call_leaves_the_instance_as_it_was() {
    let mut instance = instance(Config::default());
    assert!(matches!(instance.call::<i32, i32>("next", 1), Err(Error::Call(_))));
    assert!(matches!(instance.call_values("nobody", &[]), Err(Error::Call(_))));
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap(), 101);
}

/// A status is an answer of the guest: its state is whole.
#[test]
fn a_status_does_not_poison_and_does_not_stay() {
    let mut instance = instance(Config::default());
    assert_eq!(
        instance.run(b"abc").unwrap_err().stop_reason(),
        Some(&StopReason::Guest(GuestFault::Status { code: 3 }))
    );
    let outcome = instance.call_values("next", &[]).unwrap();
    assert_eq!((outcome.status, outcome.results), (0, vec![Value::I32(101)]));
    assert_eq!(instance.run(b"").unwrap().status, 0);
}

#[test]
fn output_and_log_are_of_each_call() {
    let mut instance = instance(Config::default());
    for _ in 0..3 {
        assert_eq!(instance.call_values("write", &[Value::I32(5)]).unwrap().output, b"hello");
        assert_eq!(instance.call_values("log", &[]).unwrap().log.entries.len(), 1);
    }
    let stopped = instance.run(b"xyz").unwrap_err();
    let Error::Stopped(stopped) = stopped else { panic!("{stopped}") };
    assert_eq!((stopped.output.as_slice(), stopped.log.entries.len()), (b"xyz".as_slice(), 0));
}

#[test]
fn usage_is_the_sum_of_all_calls() {
    let mut instance = instance(Config::default());
    let start = instance.usage();
    assert!(start.fuel > 1_000, "the instance itself is paid for");
    let mut rounds = Vec::new();
    for n in 1..=4u64 {
        instance.call::<(), i32>("next", ()).unwrap();
        let outcome = instance.call_values("write", &[Value::I32(5)]).unwrap();
        assert_eq!(outcome.usage, instance.usage());
        instance.call_values("log", &[]).unwrap();
        let _ = instance.run(b"abcd");
        let now = instance.usage();
        assert_eq!((now.output_bytes, now.log_bytes, now.input_bytes), (9 * n, 5 * n, 4 * n));
        assert_eq!(now.host_calls, 4 * n);
        rounds.push(now.fuel);
    }
    let cost = rounds[0] - start.fuel;
    assert!(rounds.windows(2).all(|two| two[1] - two[0] == cost), "each round costs the same: {rounds:?}");
    instance.reset().unwrap();
    assert_eq!(instance.usage(), start);
}

/// Every limit bounds the sum of all calls.
#[test]
fn limits_are_for_all_calls_together() {
    let mut of_output = instance(Config::default().with_output_bytes(12));
    assert!(of_output.call_values("write", &[Value::I32(5)]).is_ok());
    assert!(of_output.call_values("write", &[Value::I32(5)]).is_ok());
    let stopped = of_output.call_values("write", &[Value::I32(5)]).unwrap_err();
    assert_eq!(stopped.stop_reason(), Some(&StopReason::Limit(LimitExceeded::Output { limit: 12, asked: 15 })));

    let mut of_lines = instance(Config::default().with_log_lines(2));
    let kept: Vec<_> = (0..4).map(|_| of_lines.call_values("log", &[]).unwrap().log).collect();
    assert_eq!(kept.iter().map(|log| log.entries.len()).collect::<Vec<_>>(), [1, 1, 0, 0]);
    assert_eq!(kept.iter().map(|log| log.dropped).collect::<Vec<_>>(), [0, 0, 1, 1]);

    let mut of_log_bytes = instance(Config::default().with_log_bytes(8));
    let kept: Vec<_> = (0..3).map(|_| of_log_bytes.call_values("log", &[]).unwrap().log).collect();
    assert_eq!(kept.iter().flat_map(|log| &log.entries).map(|e| e.text.as_str()).collect::<Vec<_>>(), ["hello", "hel"]);

    let mut of_calls = instance(Config::default().with_host_calls(2));
    assert!(of_calls.call_values("log", &[]).is_ok());
    assert!(of_calls.call_values("log", &[]).is_ok());
    let stopped = of_calls.call_values("log", &[]).unwrap_err();
    assert_eq!(stopped.stop_reason(), Some(&StopReason::Limit(LimitExceeded::HostCalls { limit: 2 })));

    let mut of_memory = instance(Config::default().with_memory_bytes(3 * 65536));
    assert_eq!(of_memory.call::<i32, i32>("grow", 1).unwrap(), 1);
    assert_eq!(of_memory.call::<i32, i32>("grow", 1).unwrap(), 2);
    assert!(of_memory.call::<i32, i32>("grow", 1).is_err());

    let mut of_fuel = instance(Config::default().with_fuel(4_000));
    let ended = (0..1_000).map(|_| of_fuel.call::<(), i32>("next", ())).find_map(Result::err).unwrap();
    assert_eq!(ended.stop_reason(), Some(&StopReason::Limit(LimitExceeded::Fuel { limit: 4_000 })));
    let Error::Stopped(stopped) = ended else { panic!() };
    assert!(stopped.usage.fuel <= 4_000);
}

/// The last words of a call are those of this call.
#[test]
fn a_failing_call_keeps_what_it_had_written() {
    let mut instance = instance(Config::default());
    instance.call_values("write", &[Value::I32(2)]).unwrap();
    let Err(Error::Stopped(stopped)) = instance.call_values("fail", &[]) else { panic!("it did not fail") };
    assert_eq!(stopped.reason, StopReason::Guest(GuestFault::Failed { message: "hello".into() }));
    assert!(stopped.output.is_empty());
    assert_eq!(stopped.usage.output_bytes, 2);
}

#[test]
fn a_cancelled_instance_stays_so_until_reset() {
    let mut instance = instance(Config::default());
    let cancel = instance.cancel_handle();
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap(), 101);
    cancel.cancel();
    assert!(cancel.is_cancelled());
    assert_eq!(
        instance.call::<(), i32>("next", ()).unwrap_err().stop_reason(),
        Some(&StopReason::Host(HostStop::Cancelled))
    );
    assert!(matches!(instance.call::<(), i32>("next", ()), Err(Error::Call(_))));
    instance.reset().unwrap();
    assert_eq!(instance.call::<(), i32>("next", ()).unwrap(), 101);
    assert!(!instance.cancel_handle().is_cancelled());
}

/// The start function of a module without an export section, with custom sections where that would
/// stand.
#[test]
fn making_an_instance_runs_the_start_function() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    wasm.extend_from_slice(b"\x01\x04\x01\x60\0\0");
    wasm.extend_from_slice(b"\0\x03\x01x\xff");
    wasm.extend_from_slice(b"\x03\x02\x01\0");
    wasm.extend_from_slice(b"\0\x02\x01y");
    wasm.extend_from_slice(b"\x08\x01\0");
    wasm.extend_from_slice(b"\0\x02\x01z");
    wasm.extend_from_slice(b"\x0a\x05\x01\x03\0\0\x0b");
    let module = sandbox.load(&wasm).unwrap();
    let stopped = sandbox.instance(&module).unwrap_err();
    assert_eq!(stopped.stop_reason(), Some(&StopReason::Guest(GuestFault::Trap(Trap::Unreachable))));
    // A long one ends at the fuel.
    let sandbox = Sandbox::new(Config::default().with_fuel(10_000)).unwrap();
    let module = sandbox.load_text("(module (start $f) (func $f (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10000))))))").unwrap();
    let stopped = sandbox.instance(&module).unwrap_err();
    assert_eq!(stopped.stop_reason(), Some(&StopReason::Limit(LimitExceeded::Fuel { limit: 10_000 })));
}

#[test]
fn data_stays_through_a_reset() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox.load_text(COUNTER).unwrap();
    let mut instance = sandbox.instance_with(&module, String::from("mine")).unwrap();
    instance.data_mut::<String>().unwrap().push('!');
    instance.reset().unwrap();
    assert_eq!(instance.data::<String>().unwrap(), "mine!");
    assert_eq!(instance.data::<u8>(), None);
}

#[test]
fn without_an_exported_memory_it_is_empty() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox.load_text("(module (memory 1))").unwrap();
    let mut instance = sandbox.instance(&module).unwrap();
    assert!(instance.memory().is_empty() && instance.memory_mut().is_empty());
}

#[test]
fn input_is_of_each_call() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox
        .load_text(
            r#"(module
                (import "env" "input_len" (func $len (result i32)))
                (import "env" "read_input" (func $read (param i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "f") (result i32 i32) (call $len) (call $read (i32.const 0) (i32.const 2))))"#,
        )
        .unwrap();
    let mut instance = sandbox.instance(&module).unwrap();
    let two = |a, b| vec![Value::I32(a), Value::I32(b)];
    assert_eq!(instance.call_with_input("f", &[], "abc").unwrap().results, two(3, 2));
    assert_eq!(instance.call_with_input("f", &[], "d").unwrap().results, two(1, 1));
    assert_eq!(instance.call_values("f", &[]).unwrap().results, two(0, 0));
    assert_eq!(&instance.memory()[..3], b"db\0");
}

#[test]
fn an_export_is_found_by_name_and_type_whatever_was_called_before() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox
        .load_text(
            r#"(module
                (global $n (mut i32) (i32.const 0))
                (func (export "next") (result i32)
                    (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
                (func (export "twice") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
                (func (export "trap") (param i32) (result i32) unreachable))"#,
        )
        .unwrap();
    let mut instance = sandbox.instance(&module).unwrap();
    let mut other = sandbox.instance(&module).unwrap();
    assert_eq!(instance.call::<(), i32>("next", ()), Ok(1));
    assert_eq!(instance.call::<(), u32>("next", ()), Ok(2));
    assert_eq!(instance.call::<i32, i32>("twice", 4), Ok(8));
    assert_eq!(instance.call::<(), i32>("next", ()), Ok(3));
    assert_eq!(other.call::<(), i32>("next", ()), Ok(1));
    assert!(matches!(refusal(instance.call::<i32, i32>("next", 1)), CallError::Signature { .. }));
    assert!(matches!(refusal(instance.call::<(), i64>("next", ())), CallError::Signature { .. }));

    instance.reset().unwrap();
    assert_eq!(instance.call::<(), i32>("next", ()), Ok(1));
    let fuel = instance.usage().fuel;
    let mut twice = instance.function::<i32, i32>("twice").unwrap();
    assert_eq!((1..=3).map(|n| twice.call(n)).collect::<Result<Vec<_>, _>>(), Ok(vec![2, 4, 6]));
    let by_function = instance.usage().fuel - fuel;
    for n in 1..=3 {
        assert_eq!(instance.call_values("twice", &[Value::I32(n)]).unwrap().results, [Value::I32(2 * n)]);
    }
    assert_eq!(instance.usage().fuel - fuel, 2 * by_function);

    let mut trap = instance.function::<i32, i32>("trap").unwrap();
    assert!(matches!(
        trap.call(1).unwrap_err().stop_reason(),
        Some(StopReason::Guest(GuestFault::Trap(Trap::Unreachable)))
    ));
    assert!(matches!(refusal(trap.call(1)), CallError::Poisoned(_)));
    assert!(matches!(refusal(instance.call::<(), i32>("next", ())), CallError::Poisoned(_)));
}

fn refusal<T>(result: Result<T, Error>) -> CallError {
    match result {
        Err(Error::Call(error)) => *error,
        _ => panic!("the call was not refused"),
    }
}
