//! Movements of a debugger at the edges: between calls of the host, at ends of runs, behind calls.

use belljar::{
    Config, GuestFault, HostStop, Sandbox, StopReason,
    explain::{Breakpoint, Debugger, DifferenceKind, Differences, Direction, Rerun, StepUnit},
};

use Direction::{Backward, Forward};

/// A module from its text, and its sandbox.
fn module(text: &str, config: Config) -> (Sandbox, Vec<u8>) {
    let sandbox = Sandbox::new(config).unwrap();
    let wasm = sandbox.assemble(text).unwrap();
    (sandbox, wasm)
}

fn step(debugger: &mut Debugger<'_>, direction: Direction) -> u64 {
    debugger.step_over(direction, StepUnit::Operator, &[]).unwrap();
    debugger.step()
}

#[test]
fn a_call_by_the_host_begins_with_no_function() {
    for start in ["", "(start $s)"] {
        let text = format!(
            r#"(module {start} (func $s nop) (func $f (drop (i32.const 1)))
                (func (export "m") (call $f) (call $f) (drop (i32.const 2))))"#
        );
        let (sandbox, wasm) = module(&text, Config::default());
        let mut debugger = sandbox.debugger(&Rerun::new(&wasm, b"").with_call("m", &[])).unwrap();
        // A call, a constant and `drop`, a call.
        assert_eq!(step(&mut debugger, Forward), 3, "{start}");
        debugger.go_to(1).unwrap();
        debugger.step_out(Forward, &[]).unwrap();
        assert_eq!(debugger.step(), 3, "{start}");
        debugger.go_to(4).unwrap();
        debugger.step_out(Backward, &[]).unwrap();
        assert_eq!(debugger.step(), 3, "{start}");
    }
}

#[test]
fn a_tail_call_is_stepped_over_to_the_caller() {
    let (sandbox, wasm) = module(
        r#"(module (func $g (drop (i32.const 1))) (func $f (return_call $g))
            (func (export "m") (call $f) (drop (i32.const 2))))"#,
        Config::default(),
    );
    let mut debugger = sandbox.debugger(&Rerun::new(&wasm, b"").with_call("m", &[])).unwrap();
    debugger.go_to(1).unwrap();
    assert_eq!(debugger.frames()[0].operator, "return_call");
    assert_eq!((step(&mut debugger, Forward), debugger.depth()), (4, 1));
}

#[test]
fn a_run_with_a_status_has_all_its_steps() {
    let (sandbox, wasm) = module(
        r#"(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
            (func (export "execute") (param i32 i32) (result i32)
                (global.set $g (i32.const 5)) (global.set $g (i32.const 6)) (i32.const 2)))"#,
        Config::default(),
    );
    let mut debugger = sandbox.debugger(&Rerun::new(&wasm, b"")).unwrap();
    let status = debugger.result().unwrap_err().reason.clone();
    assert_eq!(status, StopReason::Guest(GuestFault::Status { code: 2 }));
    assert_eq!(debugger.last(), 5);
    debugger.resume(Forward, &[Breakpoint::Global(0)]).unwrap().unwrap();
    debugger.resume(Forward, &[Breakpoint::Global(0)]).unwrap().unwrap();
    assert_eq!((debugger.step(), debugger.globals()), (3, vec![Some(belljar::Value::I32(5))]));
    debugger.go_to(u64::MAX).unwrap();
    assert_eq!(debugger.globals(), [Some(belljar::Value::I32(6))]);
    assert!(debugger.frames().is_empty());
    // From the end back into the function.
    assert_eq!(step(&mut debugger, Backward), 4);
}

#[test]
#[cfg(feature = "wasi")]
fn nothing_follows_an_exit() {
    for code in [0, 3] {
        let text = format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func (export "_start") (call $exit (i32.const {code})) (drop (i32.const 1)) unreachable))"#
        );
        let (sandbox, wasm) = module(&text, Config::default());
        let mut debugger = sandbox.debugger(&Rerun::new(&wasm, b"")).unwrap();
        assert_eq!((debugger.last(), debugger.result().is_ok()), (1, code == 0));
        debugger.go_to(u64::MAX).unwrap();
        assert_eq!(debugger.frames()[0].operator, "call");
    }
}

#[test]
fn lines_are_left_at_the_end_for_the_last() {
    let wasm = include_bytes!("../../../fixtures/explain/parser.wasm");
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let mut debugger = sandbox.debugger(&Rerun::new(wasm, b"12")).unwrap();
    debugger.go_to(u64::MAX).unwrap();
    debugger.step_over(Backward, StepUnit::Line, &[]).unwrap();
    assert!(debugger.step() + 20 > debugger.last(), "{}", debugger.step());
    assert_eq!(debugger.frames()[0].name.as_deref(), Some("execute"));
}

/// At each fuel: the step before has begun with it, and the step has not, if its own price does not depend on more.
#[test]
fn the_step_of_a_fuel_is_the_first_that_does_not_begin_with_it() {
    let (sandbox, wasm) = module(
        r#"(module (import "env" "input_len" (func $len (result i32))) (memory (export "memory") 1) (table 1 funcref)
            (func $f (i32.store (i32.const 100) (i32.const 1)))
            (func $g (param i32) (drop (call $len)) (call $f)
                (loop (i32.store (i32.const 4) (local.get 0)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 640))
                    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                (if (call $len) (then (call $f)))
                (if (memory.size) (then (drop (table.get (i32.const 0))) (loop (drop (memory.size)))))
                (loop (drop (table.get (i32.const 0)))))
            (func (export "m") (call $g (i32.const 3)) (call $f)))"#,
        Config::default(),
    );
    let mut debugger = sandbox.debugger(&Rerun::new(&wasm, b"a").with_call("m", &[])).unwrap();
    let first = debugger.usage().fuel;
    let end = debugger.result().unwrap().usage.fuel;
    let mut before = 0;
    for fuel in first..end {
        debugger.go_to_fuel(fuel).unwrap();
        let step = debugger.step();
        assert!(step >= before, "at {fuel}");
        before = step;
        let operator = debugger.frames()[0].operator.clone();
        let has_own_price = matches!(operator.as_str(), "call" | "memory.fill");
        assert!(debugger.usage().fuel > fuel || has_own_price, "at {fuel}: step {step}, {operator}");
        debugger.go_to(step - 1).unwrap();
        assert!(debugger.usage().fuel <= fuel, "at {fuel}: step {step}");
    }
}

#[test]
fn bytes_that_the_host_writes_are_seen_however_it_is_called() {
    let (sandbox, wasm) = module(
        r#"(module (import "env" "read_input" (func $read (param i32 i32) (result i32)))
            (memory (export "memory") 1) (table 1 funcref) (elem (i32.const 0) $read)
            (type $t (func (param i32 i32) (result i32)))
            (func $tail (result i32) (return_call $read (i32.const 100) (i32.const 2)))
            (func (export "m")
                (drop (call $read (i32.const 100) (i32.const 2)))
                (drop (call_indirect (type $t) (i32.const 100) (i32.const 2) (i32.const 0)))
                (drop (call $tail))))"#,
        Config::default(),
    );
    let mut debugger = sandbox.debugger(&Rerun::new(&wasm, b"abcdef").with_call("m", &[])).unwrap();
    let watch = [Breakpoint::Memory { memory: 0, range: 100..102 }];
    let mut written = Vec::new();
    while let Some(hit) = debugger.resume(Forward, &watch).unwrap() {
        assert_eq!(debugger.memory(0).unwrap()[100..102], hit.written.1);
        written.push(hit.written);
    }
    let expected = [("\0\0", "ab"), ("ab", "cd"), ("cd", "ef")];
    assert_eq!(written, expected.map(|(before, after)| (before.into(), after.into())));
    for (before, _) in expected.iter().rev() {
        debugger.resume(Backward, &watch).unwrap().unwrap();
        assert_eq!(debugger.memory(0).unwrap()[100..102], *before.as_bytes());
    }
}

#[test]
fn what_is_out_of_time_ends_here_too() {
    let mut config = Config::default().with_fuel(1_000_000_000_000);
    config.deadline_ms = Some(20);
    let (sandbox, wasm) = module(r#"(module (func (export "_start") (loop (br 0))))"#, config);
    let mut debugger = sandbox.debugger(&Rerun::new(&wasm, b"")).unwrap();
    let is_out_of_time = |reason: &StopReason| matches!(reason, StopReason::Host(HostStop::Deadline { .. }));
    assert!(is_out_of_time(&debugger.result().unwrap_err().reason));
    debugger.go_to(u64::MAX).unwrap();
    assert_eq!(debugger.step(), debugger.last());
}

fn differences(texts: [&str; 2], input: &[&[u8]; 2]) -> Differences {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let [one, other] = texts.map(|text| sandbox.assemble(text).unwrap());
    let [one, other] = [Rerun::new(&one, input[0]), Rerun::new(&other, input[1])];
    Differences::find((&sandbox, &one), (&sandbox, &other)).unwrap()
}

#[test]
fn tail_calls_of_the_host_have_what_they_take() {
    let text = r#"(module (import "env" "read_input" (func $read (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $tail (result i32) (return_call $read (i32.const 0) (i32.const 1)))
        (func (export "execute") (param i32 i32) (result i32)
            (drop (call $tail)) (drop (call $tail)) (drop (call $tail)) (i32.const 0)))"#;
    let found = differences([text, text], &[b"abc", b"aXc"]);
    let host = &found.first[0];
    // The first call and what it takes, and the second call.
    assert_eq!((host.kind, host.equal), (DifferenceKind::HostCall, 3));
    let bytes = host.events.each_ref().map(|event| event.as_ref().unwrap().bytes.as_slice());
    assert_eq!(bytes, [b"b", b"X"]);
}

#[test]
fn functions_of_the_host_are_compared_by_their_imports() {
    let text = |name: &str, of_guest: &str, byte: u8| {
        format!(
            r#"(module (import "env" "write_output" (func ${name} (param i32 i32))) (memory (export "memory") 1)
                (data (i32.const 0) "\{byte:02x}") (func ${of_guest})
                (func (export "_start") (call ${of_guest}) (call ${name} (i32.const 0) (i32.const 1))))"#
        )
    };
    let (one, other) = (text("write", "other", 1), text("other", "write", 2));
    let found = differences([&one, &other], &[b"", b""]);
    let host = &found.first[0];
    assert_eq!((host.kind, host.equal), (DifferenceKind::HostCall, 1));
    let bytes = host.events.each_ref().map(|event| event.as_ref().unwrap().bytes.as_slice());
    assert_eq!(bytes, [[1], [2]]);
}
