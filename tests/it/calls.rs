//! Calls by Rust types and by values, executions and their steps, sandboxes and threads.

use belljar::{CallError, Config, Error, HostStop, LimitExceeded, Sandbox, Step, StopReason, Value, ValueType};

fn sandbox() -> Sandbox {
    Sandbox::new(Config::default()).unwrap()
}

const ALL_TYPES: &str = r#"(module
    (func (export "none"))
    (func (export "one") (param i64) (result i64) (local.get 0))
    (func (export "all") (param i32 i32 i64 i64 f32 f64) (result f64 f32 i64 i64 i32 i32)
        (local.get 5) (local.get 4) (local.get 3) (local.get 2) (local.get 1) (local.get 0))
    (func (export "eight") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 7)))
    (func (export "vector") (param v128) (result v128) (local.get 0)))"#;

#[test]
fn tuples_stand_for_parameters_and_results() {
    let sandbox = sandbox();
    let module = sandbox.load_text(ALL_TYPES).unwrap();
    sandbox.call::<(), ()>(&module, "none", ()).unwrap();
    assert_eq!(sandbox.call::<i64, i64>(&module, "one", -5).unwrap(), -5);
    assert_eq!(sandbox.call::<(u64,), (u64,)>(&module, "one", (u64::MAX,)).unwrap(), (u64::MAX,));
    let given = (-1i32, u32::MAX, i64::MIN, u64::MAX, -0.0f32, f64::MIN_POSITIVE);
    let back: (f64, f32, u64, i64, u32, i32) = sandbox.call(&module, "all", given).unwrap();
    assert_eq!(back, (f64::MIN_POSITIVE, -0.0, u64::MAX, i64::MIN, u32::MAX, -1));
    assert_eq!(back.1.to_bits(), (-0.0f32).to_bits());
    assert_eq!(sandbox.call::<_, i32>(&module, "eight", (1, 0, 0, 0, 0, 0, 0, 41)).unwrap(), 42);
}

#[test]
fn nans_pass_through_with_their_bits() {
    let sandbox = sandbox();
    let module = sandbox
        .load_text("(module (func (export \"f\") (param f32 f64) (result f32 f64) (local.get 0) (local.get 1)))")
        .unwrap();
    let (a, b) = (0xffc1_2345_u32, 0x7ff8_0000_0000_0abc_u64);
    let given = (f32::from_bits(a), f64::from_bits(b));
    let (x, y): (f32, f64) = sandbox.call(&module, "f", given).unwrap();
    assert_eq!((x.to_bits(), y.to_bits()), (a, b));
}

/// Reaches `CallError::Signature`.
#[test]
fn another_signature_is_told() {
    let sandbox = sandbox();
    let module = sandbox.load_text(ALL_TYPES).unwrap();
    let Err(Error::Call(error)) = sandbox.call::<(i32,), i64>(&module, "one", (1,)) else { panic!("it was called") };
    let CallError::Signature { name, expected, found } = *error else { panic!("{error}") };
    assert_eq!(
        (name.as_str(), expected.to_string().as_str(), found.to_string().as_str()),
        ("one", "(i64) -> i64", "(i32) -> i64")
    );
    // Too few, too many, other results, results that are ignored.
    assert!(sandbox.call::<(), i64>(&module, "one", ()).is_err());
    assert!(sandbox.call::<(i64, i64), i64>(&module, "one", (1, 2)).is_err());
    assert!(sandbox.call::<i64, i32>(&module, "one", 1).is_err());
    assert!(sandbox.call::<i64, ()>(&module, "one", 1).is_err());
    assert!(sandbox.call::<(), i32>(&module, "none", ()).is_err());
    let message = sandbox.call::<i64, f64>(&module, "one", 1).unwrap_err().to_string();
    assert_eq!(message, "call: the function `one` is (i64) -> i64, called as (i64) -> f64");
}

#[test]
fn values_are_checked_and_returned_in_order() {
    let sandbox = sandbox();
    let module = sandbox.load_text(ALL_TYPES).unwrap();
    let outcome = sandbox.call_values(&module, "vector", &[Value::V128(u128::MAX - 1)]).unwrap();
    assert_eq!(outcome.results, [Value::V128(u128::MAX - 1)]);
    let Err(Error::Call(error)) = sandbox.call_values(&module, "vector", &[Value::I32(1)]) else { panic!() };
    let expected =
        CallError::Arguments { name: "vector".into(), expected: vec![ValueType::V128], found: vec![ValueType::I32] };
    assert_eq!(*error, expected);
}

/// Reaches `CallError::OtherSandbox`.
#[test]
fn a_module_of_another_sandbox_is_refused() {
    let (one, other) = (sandbox(), sandbox());
    let module = one.load_text("(module (func (export \"_start\")))").unwrap();
    let refused = Error::from(CallError::OtherSandbox);
    assert_eq!(other.run(&module, b"").unwrap_err(), refused);
    assert_eq!(other.start(&module, b"").unwrap_err(), refused);
    assert_eq!(other.call_values(&module, "_start", &[]).unwrap_err(), refused);
    assert_eq!(other.call::<(), ()>(&module, "_start", ()).unwrap_err(), refused);
    assert_eq!(other.instance(&module).unwrap_err(), refused);
    // A clone is the same sandbox.
    assert!(one.clone().run(&module, b"").is_ok());
}

/// Reaches `CallError::Ended`.
#[test]
fn an_execution_ends_once() {
    let sandbox = sandbox();
    let module = sandbox.load_text("(module (func (export \"_start\")) (func (export \"f\") unreachable))").unwrap();
    let mut done = sandbox.start(&module, b"").unwrap();
    assert!(matches!(done.step(1_000_000), Ok(Step::Done(_))));
    assert_eq!(done.step(1).unwrap_err(), Error::from(CallError::Ended));
    assert_eq!(done.finish().unwrap_err(), Error::from(CallError::Ended));
    let mut stopped = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
    assert!(matches!(stopped.finish(), Err(Error::Stopped(_))));
    assert_eq!(stopped.finish().unwrap_err(), Error::from(CallError::Ended));
}

const WRITER: &str = r#"(module
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "env" "log" (func $log (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "abcdefghij")
    (func (export "_start")
        (local $i i32)
        (loop $next
            (call $write (local.get $i) (i32.const 1))
            (call $log (local.get $i) (i32.const 1))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))))"#;

#[test]
fn a_run_in_flight_shows_what_it_has_produced() {
    let sandbox = sandbox();
    let module = sandbox.load_text(WRITER).unwrap();
    let mut run = sandbox.start(&module, b"").unwrap();
    let (mut seen, mut fuel) = (0, 0);
    let outcome = loop {
        match run.step(10).unwrap() {
            Step::Done(outcome) => break outcome,
            Step::Yielded | Step::Waiting => {
                assert!(b"abcdefghij".starts_with(run.output()));
                assert!(run.output().len() >= seen);
                assert!(run.usage().fuel >= fuel);
                assert_eq!(run.usage().output_bytes, run.output().len() as u64);
                assert!(run.log().entries.len() <= run.output().len());
                (seen, fuel) = (run.output().len(), run.usage().fuel);
            }
        }
    };
    assert!(seen >= 9, "it was seen on the way");
    assert_eq!(outcome.output, b"abcdefghij");
    assert_eq!(outcome.log.entries.len(), 10);
    assert_eq!(outcome.usage, run.usage());
    // What it had is in the outcome now.
    assert!(run.output().is_empty() && run.log().entries.is_empty());
}

#[test]
fn a_step_of_nothing_does_nothing() {
    let sandbox = sandbox();
    let module = sandbox.load_text(WRITER).unwrap();
    let mut run = sandbox.start(&module, b"").unwrap();
    for _ in 0..10 {
        assert_eq!(run.step(0).unwrap(), Step::Yielded);
        assert!(run.output().is_empty());
    }
    assert_eq!(run.finish().unwrap(), sandbox.run(&module, b"").unwrap());
}

#[test]
fn a_run_takes_its_data_with_it() {
    let sandbox = sandbox();
    let module = sandbox.load_text("(module (func (export \"_start\")))").unwrap();
    let mut run = sandbox.start_with(&module, b"", vec![1, 2, 3]).unwrap();
    assert_eq!(run.data::<Vec<i32>>(), Some(&vec![1, 2, 3]));
    assert_eq!(run.data::<String>(), None);
    assert_eq!(run.take_data::<String>(), None);
    assert_eq!(run.take_data::<Vec<i32>>(), Some(vec![1, 2, 3]));
    assert_eq!(run.take_data::<Vec<i32>>(), None);
    assert!(run.finish().is_ok());
}

#[test]
fn sandboxes_and_modules_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let sandbox = sandbox();
    let module = sandbox.load_text(WRITER).unwrap();
    let run = sandbox.start(&module, b"").unwrap();
    shared(&sandbox);
    shared(&module);
    sent(&run);
    sent(&sandbox.instance(&module).unwrap());
    let expected = sandbox.run(&module, b"").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(sandbox.run(&module, b"").unwrap(), expected);
                }
                let loaded_here = sandbox.load_text(WRITER).unwrap();
                assert_eq!(sandbox.run(&loaded_here, b"").unwrap(), expected);
            });
        }
    });
    // A run in flight may go on in another thread.
    let mut run = sandbox.start(&module, b"").unwrap();
    run.step(1_500).unwrap();
    let outcome = std::thread::spawn(move || run.finish()).join().unwrap();
    assert_eq!(outcome.unwrap(), expected);
}

#[test]
fn the_calls_without_a_sandbox_do_the_same() {
    let sandbox = sandbox();
    let wasm = sandbox.assemble(WRITER).unwrap();
    let module = sandbox.load(&wasm).unwrap();
    let config = Config::default();
    assert_eq!(belljar::execute(&wasm, b"", &config).unwrap(), sandbox.run(&module, b"").unwrap());
    assert_eq!(&belljar::validate(&wasm, &config).unwrap(), module.inspect());
    assert_eq!(&sandbox.validate(&wasm).unwrap(), module.inspect());
    assert_eq!(&sandbox.inspect(&wasm).unwrap(), module.inspect());
    let wrong = config.with_fuel(0);
    assert!(matches!(belljar::execute(&wasm, b"", &wrong), Err(Error::Config(_))));
    assert!(matches!(belljar::validate(&wasm, &wrong), Err(Error::Config(_))));
}

#[test]
fn inspecting_needs_no_imports() {
    let sandbox = sandbox();
    let wasm = sandbox.assemble("(module (import \"db\" \"get\" (func (param i32))))").unwrap();
    assert!(sandbox.load(&wasm).is_err() && sandbox.validate(&wasm).is_err());
    let inspection = sandbox.inspect(&wasm).unwrap();
    assert_eq!(inspection.capabilities().calls, ["db.get"]);
    // But it must be valid, and within the limits.
    let invalid = sandbox.assemble("(module (func (result i32)))").unwrap();
    assert!(sandbox.inspect(&invalid).is_err());
    let small = Sandbox::new(Config::default().with_module_size_bytes(8)).unwrap();
    assert!(small.inspect(&wasm).is_err());
}

#[test]
fn every_kind_of_input_is_the_same_bytes() {
    let sandbox = sandbox();
    let module = sandbox
        .load_text(
            r#"(module
                (import "env" "read_input" (func $read (param i32 i32) (result i32)))
                (import "env" "write_output" (func $write (param i32 i32)))
                (memory (export "memory") 1)
                (func (export "_start") (call $write (i32.const 0) (call $read (i32.const 0) (i32.const 100)))))"#,
        )
        .unwrap();
    let outcome = |input: belljar::Input| sandbox.run(&module, input).unwrap();
    let expected = outcome(b"abc".into());
    assert_eq!(expected.output, b"abc");
    assert_eq!(expected.output_text(), "abc");
    assert_eq!(outcome("abc".into()), expected);
    assert_eq!(outcome(b"abc".as_slice().into()), expected);
    assert_eq!(outcome(vec![b'a', b'b', b'c'].into()), expected);
    assert_eq!(outcome((&vec![b'a', b'b', b'c']).into()), expected);
    assert_eq!(outcome(String::from("abc").into()), expected);
    assert_eq!(outcome(std::sync::Arc::<[u8]>::from(b"abc".as_slice()).into()), expected);
}

#[test]
fn blame_and_repetition_are_told_by_the_reason() {
    let guest = StopReason::Limit(LimitExceeded::Fuel { limit: 1 });
    let host =
        StopReason::Host(HostStop::HostFunction { module: "m".into(), function: "f".into(), message: "x".into() });
    assert!(guest.is_guest_fault() && guest.is_deterministic());
    assert!(!host.is_guest_fault() && !host.is_deterministic());
    assert!(
        !StopReason::Host(HostStop::Cancelled).is_guest_fault()
            && !StopReason::Host(HostStop::Cancelled).is_deterministic()
    );
    assert!(!StopReason::Host(HostStop::Deadline { limit_ms: 1 }).is_guest_fault());
}
