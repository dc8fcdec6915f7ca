//! Explanations of stops whose functions, operators and values are known.

use belljar::{
    CallError, Config, Error, HostFunction, HostStop, LimitExceeded, Sandbox, StopReason, Stopped, Value,
    error::InjectedFault,
    explain::{Explanation, Rerun},
};

use crate::fixture;

fn stopped(sandbox: &Sandbox, wasm: &[u8], input: &[u8]) -> Stopped {
    match sandbox.run(&sandbox.load(wasm).unwrap(), input) {
        Err(Error::Stopped(stopped)) => *stopped,
        other => panic!("{other:?}"),
    }
}

fn explain(config: Config, wasm: &[u8], input: &[u8]) -> Explanation {
    let sandbox = Sandbox::new(config).unwrap();
    let stopped = stopped(&sandbox, wasm, input);
    sandbox.explain(&Rerun::new(wasm, input), &stopped).unwrap()
}

/// The functions with their operators, the innermost first.
fn frames(explanation: &Explanation) -> Vec<(&str, &str)> {
    explanation.frames.iter().map(|frame| (frame.name.as_deref().unwrap_or("-"), &*frame.operator)).collect()
}

/// The line of each function, and the line and column of the innermost.
fn lines(explanation: &Explanation) -> Vec<u32> {
    explanation.frames.iter().flat_map(|frame| &frame.locations).map(|location| location.line).collect()
}

const CHAIN: [(&str, &str); 3] = [("term", "call"), ("expression", "call"), ("execute", "call")];

#[test]
fn a_c_guest_stops_at_a_line() {
    let wasm = std::fs::read(fixture::root().join("explain/parser.wasm")).unwrap();

    let trap = explain(Config::default(), &wasm, b"12!4");
    assert_eq!(frames(&trap), [&[("digit", "unreachable")], &CHAIN[..]].concat());
    assert_eq!(lines(&trap), [18, 30, 35, 48]);

    let division = explain(Config::default(), &wasm, b"1204");
    assert_eq!(frames(&division), [&[("digit", "i32.div_s")], &CHAIN[..]].concat());
    assert_eq!(lines(&division), [19, 30, 35, 48]);
    let innermost = &division.frames[0];
    assert_eq!(innermost.operands, [Value::I32(100), Value::I32(0)]);
    assert_eq!((&*innermost.locations[0].file, innermost.locations[0].column), ("explain/parser.c", Some(13)));
    let of = innermost.locals.iter().find(|local| local.index == 1).unwrap();
    assert_eq!(of.value, Value::I32(100));

    let fuel = explain(Config::default().with_fuel(50_000), &wasm, b"L");
    assert_eq!(fuel.frames[0].name.as_deref(), Some("burn"));
    assert_eq!((fuel.used_by[0].function.as_str(), fuel.used_by[0].of), ("burn", fuel.fuel));

    let stack = explain(Config::default().with_call_depth(1_500), &wasm, b"(");
    assert_eq!((stack.depth, stack.frames.len()), (1_500, 1_000));
    assert_eq!(stack.frames[0].name.as_deref(), Some("nested"));
    assert_eq!(frames(&stack)[997..], CHAIN);
    assert_eq!((stack.used_by[0].function.as_str(), stack.used_by[0].amount), ("nested", 1_497));
}

/// A module whose `_start` calls what `body` has, after `_initialize` has called and returned from the same functions.
fn module(body: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
            (type $t (func (param i32)))
            (import "env" "log" (func $log (param i32 i32)))
            (memory (export "memory") 1 2)
            (table $t 4 funcref)
            (elem (i32.const 0) $leaf $host $middle)
            (func $host (param i32) (call $log (local.get 0) (i32.const 70000)))
            (func $leaf (param i32) (i32.store offset=4 (local.get 0) (i32.const 7)))
            (func $middle (param i32) (call $leaf (local.get 0)))
            (func $tail (param i32) (return_call $leaf (local.get 0)))
            (func $indirect_tail (param i32 i32) (return_call_indirect (type $t) (local.get 1) (local.get 0)))
            (func $spin (param i32)
                (if (i32.eqz (local.get 0)) (then (unreachable)))
                (return_call $spin (i32.sub (local.get 0) (i32.const 1))))
            (func $caller {body})
            (func (export "_initialize") (call $middle (i32.const 0)) (call_indirect (type $t) (i32.const 0) (i32.const 2)))
            (func $start (export "_start") (call $caller)))"#
    ))
    .unwrap()
}

#[test]
fn frames_are_those_of_the_calls_that_have_not_returned() {
    let start = [("caller", "call"), ("start", "call")];
    let cases: [(&str, &[(&str, &str)]); 9] = [
        ("(call $leaf (i32.const 65536))", &[("leaf", "i32.store"), start[0], start[1]]),
        ("(call $middle (i32.const 0)) (call $leaf (i32.const -1))", &[("leaf", "i32.store"), start[0], start[1]]),
        ("(call $middle (i32.const -1))", &[("leaf", "i32.store"), ("middle", "call"), start[0], start[1]]),
        // The caller of a tail call has returned.
        ("(call $tail (i32.const -1))", &[("leaf", "i32.store"), start[0], start[1]]),
        ("(call $spin (i32.const 1000))", &[("spin", "unreachable"), start[0], start[1]]),
        (
            "(call $indirect_tail (i32.const 2) (i32.const -1))",
            &[("leaf", "i32.store"), ("middle", "call"), start[0], start[1]],
        ),
        // A tail call that fails has not.
        (
            "(call $indirect_tail (i32.const 2) (i32.const 0)) (call $indirect_tail (i32.const 3) (i32.const 0))",
            &[("indirect_tail", "return_call_indirect"), start[0], start[1]],
        ),
        ("(call_indirect (type $t) (i32.const 0) (i32.const 3))", &[("caller", "call_indirect"), start[1]]),
        // The host refuses the range.
        (
            "(call_indirect (type $t) (i32.const 0) (i32.const 1))",
            &[("host", "call"), ("caller", "call_indirect"), start[1]],
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(frames(&explain(Config::default(), &module(body), b"")), expected, "{body}");
    }
}

#[test]
fn operands_and_locals_are_those_of_the_stop() {
    let store =
        explain(Config::default(), &module("(call $middle (i32.const 0)) (call $middle (i32.const 65533))"), b"");
    let [leaf, middle, ..] = &store.frames[..] else { panic!("{store}") };
    assert_eq!((&leaf.operands[..], leaf.access_offset), (&[Value::I32(65_533), Value::I32(7)][..], Some(4)));
    assert_eq!((middle.operands[0], middle.locals[0].value), (Value::I32(65_533), Value::I32(65_533)));
    assert_eq!(store.memory_bytes, Some(65_536));

    let all = r#"(module
        (func (export "_start") (local i64 f32 f64 v128 externref i32)
            (local.set 0 (i64.const -5)) (local.set 1 (f32.const 1.5)) (local.set 2 (f64.const -0.0))
            (local.set 3 (v128.const i64x2 1 2)) (local.set 5 (i32.const 9))
            (drop (i64.trunc_f64_s (f64.const nan)))))"#;
    let all = explain(Config::default(), &wat::parse_str(all).unwrap(), b"");
    let values: Vec<_> = all.frames[0].locals.iter().map(|local| (local.index, local.value)).collect();
    let vector = Value::V128(1 | 2 << 64);
    let expected = [(0, Value::I64(-5)), (1, Value::F32(1.5)), (2, Value::F64(-0.0)), (3, vector), (5, Value::I32(9))];
    assert_eq!(values, expected);
    assert!(matches!(all.frames[0].operands[..], [Value::F64(value)] if value.is_nan()));
}

#[test]
fn limits_are_explained_where_they_were_reached() {
    let grow = module("(drop (memory.grow (i32.const 1)))");
    let memory = explain(Config::default().with_memory_bytes(65_536), &grow, b"");
    assert_eq!(frames(&memory), [("caller", "memory.grow"), ("start", "call")]);

    // Fuel that ends at each unit: the same functions, and never an error.
    let wasm = module("(call $middle (i32.const 0)) (call $spin (i32.const 3))");
    let end = stopped(&Sandbox::new(Config::default()).unwrap(), &wasm, b"").usage.fuel;
    let mut seen = Vec::new();
    for fuel in end - 110..end {
        let explanation = explain(Config::default().with_fuel(fuel), &wasm, b"");
        assert_eq!(explanation.reason, StopReason::Limit(LimitExceeded::Fuel { limit: fuel }));
        let names: Vec<_> = explanation.frames.iter().filter_map(|frame| frame.name.clone()).collect();
        if seen.last() != Some(&names) {
            seen.push(names);
        }
    }
    for expected in
        [&["_initialize"][..], &["middle", "_initialize"], &["caller", "start"], &["spin", "caller", "start"]]
    {
        assert!(seen.iter().any(|names| names == expected), "{expected:?} is not in {seen:?}");
    }
    let fault = explain(Config::default().with_stop_at_fuel(end - 1), &wasm, b"");
    let injected = HostStop::Injected { fault: InjectedFault::Fuel, number: end - 1 };
    assert_eq!(fault.reason, StopReason::Host(injected));
}

#[test]
fn a_cancelled_run_is_explained_by_its_fuel() {
    let wasm = module("(loop (br 0))");
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let mut run = sandbox.start(&sandbox.load(&wasm).unwrap(), b"").unwrap();
    run.step(100_000).unwrap();
    run.cancel_handle().cancel();
    let Err(Error::Stopped(stopped)) = run.finish() else { panic!("it was cancelled") };
    assert_eq!(stopped.reason, StopReason::Host(HostStop::Cancelled));
    let explanation = sandbox.explain(&Rerun::new(&wasm, b""), &stopped).unwrap();
    assert_eq!(frames(&explanation), [("caller", "br"), ("start", "call")]);
    assert_eq!(explanation.used_by[0].function, "caller");
}

#[test]
fn host_functions_are_not_called_again() {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let next = move || counted.fetch_add(1, Ordering::Relaxed);
    let sandbox = Sandbox::builder().function(HostFunction::new("app", "next", next)).build().unwrap();
    let wasm = r#"(module (import "app" "next" (func $next (result i32)))
        (func $use (param i32) (if (i32.eq (local.get 0) (i32.const 2)) (then (unreachable))))
        (func (export "_start") (loop (call $use (call $next)) (br 0))))"#;
    let wasm = wat::parse_str(wasm).unwrap();
    let mut run = sandbox.start(&sandbox.load(&wasm).unwrap(), b"").unwrap();
    run.record(1 << 20);
    let Err(Error::Stopped(stopped)) = run.finish() else { panic!("the third call stops it") };

    let rerun = Rerun::new(&wasm, b"").with_effects(run.take_effects());
    let explanation = sandbox.explain(&rerun, &stopped).unwrap();
    assert_eq!(explanation.frames[0].locals[0].value, Value::I32(2));
    assert_eq!(sandbox.profile(&rerun).unwrap().fuel(), stopped.usage.fuel);
    assert_eq!(calls.load(Ordering::Relaxed), 3);

    // Without the answers it cannot be had again.
    let error = sandbox.explain(&Rerun::new(&wasm, b""), &stopped).unwrap_err();
    let Error::Call(error) = error else { panic!("{error}") };
    let CallError::NotRepeated { expected, found } = *error else { panic!("{error}") };
    assert!(expected == stopped.usage.fuel && found < expected, "{expected} {found}");
}

#[test]
fn a_tail_call_that_has_no_fuel_is_in_its_function() {
    let wasm = wat::parse_str(
        "(module (func $f (export \"_start\") (call $g)) (func $g (return_call $h)) (func $h (loop (br 0))))",
    );
    let wasm = wasm.unwrap();
    let mut seen = Vec::new();
    for fuel in 1_000..1_040 {
        let explanation = explain(Config::default().with_fuel(fuel), &wasm, b"");
        let frames: Vec<_> = explanation.frames.iter().map(|frame| frame.name.clone().unwrap()).collect();
        if seen.last() != Some(&frames) {
            seen.push(frames);
        }
    }
    assert_eq!(seen, [vec![], vec!["f"], vec!["g", "f"], vec!["h", "f"]]);
}

#[test]
fn a_run_that_was_cancelled_at_once_is_before_the_first_function() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let wasm = module("(loop (br 0))");
    let mut run = sandbox.start(&sandbox.load(&wasm).unwrap(), b"").unwrap();
    run.cancel_handle().cancel();
    let Err(Error::Stopped(stopped)) = run.finish() else { panic!("it was cancelled") };
    assert_eq!(stopped.usage.fuel, 0);
    let explanation = sandbox.explain(&Rerun::new(&wasm, b""), &stopped).unwrap();
    assert_eq!((explanation.depth, explanation.frames.len()), (0, 0));
}

#[test]
fn the_size_of_a_memory_is_that_of_the_one_that_is_accessed() {
    for (memories, expected) in [
        ("(memory (export \"memory\") 2)", Some(131_072)),
        ("(memory 2)", None),
        ("(memory 2) (memory (export \"memory\") 1)", None),
    ] {
        let wasm = format!("(module {memories} (func (export \"_start\") (drop (i32.load (i32.const 131069)))))");
        let explanation = explain(Config::default(), &wat::parse_str(wasm).unwrap(), b"");
        assert_eq!(explanation.memory_bytes, expected, "{memories}");
    }
}

/// Functions that call each other in turn are shown once, as far as they are at most four.
#[test]
fn a_cycle_of_calls_is_shown_once() {
    let lines = |functions: u32, depth: u32| {
        let function = |number: u32| {
            let next = (number + 1) % functions;
            let end = if number == 0 { "(if (i32.eqz (local.get 0)) (then (unreachable)))" } else { "" };
            format!("(func $f{number} (param i32) {end} (call $f{next} (i32.sub (local.get 0) (i32.const 1))))")
        };
        let functions: String = (0..functions).map(function).collect();
        let start = format!("(func (export \"_start\") (call $f0 (i32.const {depth})))");
        let wasm = wat::parse_str(format!("(module {functions} {start})")).unwrap();
        let explanation = explain(Config::default(), &wasm, b"");
        assert_eq!(explanation.depth, u64::from(depth) + 2);
        explanation.to_string().lines().count()
    };
    // The innermost with its operator, the cycle, what it is repeated, and `_start`.
    for functions in 1..=4 {
        assert_eq!(lines(functions, 10 * functions), 2 + functions as usize + 1 + 1, "{functions}");
    }
    // The outermost are shown in the same way, and how many are left out between them.
    assert_eq!(lines(2, 6_000), (2 + 2 + 1 + 1) + 1 + (2 + 1 + 1 + 1));
    // Five in turn are not.
    assert_eq!(lines(5, 50), 50 + 3);
}
