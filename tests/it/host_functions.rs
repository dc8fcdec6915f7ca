//! Host functions of the embedding program.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use belljar::{
    Builder, Config, Context, Error, FuncType, GuestFault, HostError, HostStop, Level, LimitExceeded, ModuleError,
    Outcome, Sandbox, Step, StopReason, Value, ValueType,
    error::{AbiFault, ConfigProblem, HostFunctionProblem},
    inspect::ExternType,
    meter,
};

/// Runs the export `f` of a module, at every slice size, which must come out the same.
fn call(sandbox: &Sandbox, wat: &str) -> Result<Outcome, Error> {
    let module = sandbox.load_text(wat).unwrap();
    let whole = sandbox.call_values(&module, "f", &[]);
    for slice in [1, 7, 1000] {
        let mut run = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
        let sliced = loop {
            match run.step(slice) {
                Ok(Step::Yielded | Step::Waiting) => {}
                Ok(Step::Done(outcome)) => break Ok(outcome),
                Err(error) => break Err(error),
            }
        };
        assert_eq!(sliced, whole, "at slices of {slice}");
    }
    whole
}

fn stopped(result: Result<Outcome, Error>) -> StopReason {
    match result {
        Err(Error::Stopped(stopped)) => stopped.reason,
        other => panic!("{other:?}"),
    }
}

/// A sandbox with `host.f`, and a module that calls it with a memory of one page.
fn with(builder: Builder, ty: &str, body: &str) -> Result<Outcome, Error> {
    let wat = format!(
        r#"(module (import "host" "f" (func $f {ty})) (memory (export "memory") 1)
            (data (i32.const 0) "hello\ff") (func (export "f") {body}))"#
    );
    call(&builder.build().unwrap(), &wat)
}

#[test]
fn every_kind_of_parameter_and_result() {
    let sandbox = Sandbox::builder()
        .host_function("m", "none", || {})
        .host_function("m", "i32", |a: i32| a.wrapping_neg())
        .host_function("m", "u32", |a: u32| a / 2)
        .host_function("m", "i64", |a: i64| a - 1)
        .host_function("m", "u64", |a: u64| a / 2)
        .host_function("m", "f32", |a: f32| -a)
        .host_function("m", "f64", |a: f64| a * 2.0)
        .host_function("m", "pair", |a: i32, b: i64| (b, a))
        .host_function("m", "three", || -> Result<(i32, u64, f32), HostError> { Ok((-1, u64::MAX, 0.5)) })
        .host_function("m", "one", |a: i32| (a,))
        .build()
        .unwrap();
    let outcome = call(
        &sandbox,
        r#"(module
            (import "m" "none" (func $none))
            (import "m" "i32" (func $i32 (param i32) (result i32)))
            (import "m" "u32" (func $u32 (param i32) (result i32)))
            (import "m" "i64" (func $i64 (param i64) (result i64)))
            (import "m" "u64" (func $u64 (param i64) (result i64)))
            (import "m" "f32" (func $f32 (param f32) (result f32)))
            (import "m" "f64" (func $f64 (param f64) (result f64)))
            (import "m" "pair" (func $pair (param i32 i64) (result i64 i32)))
            (import "m" "three" (func $three (result i32 i64 f32)))
            (import "m" "one" (func $one (param i32) (result i32)))
            (func (export "f") (result i32 i32 i64 i64 f32 f64 i64 i32 i32 i64 f32 i32)
                (call $none)
                (call $i32 (i32.const 5)) (call $u32 (i32.const -2)) (call $i64 (i64.const 0)) (call $u64 (i64.const -2))
                (call $f32 (f32.const nan:0x12345)) (call $f64 (f64.const 1.5))
                (call $pair (i32.const 1) (i64.const 2)) (call $three) (call $one (i32.const 9))))"#,
    )
    .unwrap();
    let expected = [
        Value::I32(-5),
        Value::I32(0x7fff_ffff),
        Value::I64(-1),
        Value::I64(0x7fff_ffff_ffff_ffff),
        Value::F32(f32::from_bits(0xff81_2345)),
        Value::F64(3.0),
        Value::I64(2),
        Value::I32(1),
        Value::I32(-1),
        Value::I64(-1),
        Value::F32(0.5),
        Value::I32(9),
    ];
    assert_eq!(outcome.results, expected);
    assert_eq!(outcome.usage.host_calls, 10);
}

#[test]
fn every_number_of_parameters() {
    let sandbox = Sandbox::builder()
        .host_function("m", "p0", || 0)
        .host_function("m", "p1", |a: i32| a)
        .host_function("m", "p2", |a: i32, b: i32| a * 10 + b)
        .host_function("m", "p3", |a: i32, b: i32, c: i32| (a * 10 + b) * 10 + c)
        .host_function("m", "p4", |a: i32, b: i32, c: i32, d: i32| ((a * 10 + b) * 10 + c) * 10 + d)
        .host_function("m", "p5", |c: &mut Context<'_>, a: i32, _: i32, _: i32, _: i32, e: i32| {
            assert_eq!(c.memory_size(), 0);
            a * 10 + e
        })
        .host_function("m", "p6", |_: &mut Context<'_>, a: i32, _: i64, _: i32, _: f32, _: f64, f: i32| a * 10 + f)
        .host_function("m", "p7", |a: i32, _: i32, _: i32, _: i32, _: i32, _: i32, g: i32| a * 10 + g)
        .host_function(
            "m",
            "p8",
            |_: &mut Context<'_>, a: i32, _: i32, _: i32, _: i32, _: i32, _: i32, _: i32, h: i32| a * 10 + h,
        )
        .build()
        .unwrap();
    let mut imports = String::new();
    let mut calls = String::new();
    for n in 0..=8 {
        let types: Vec<&str> = (0..n)
            .map(|i| match (n, i) {
                (6, 1) => "i64",
                (6, 3) => "f32",
                (6, 4) => "f64",
                _ => "i32",
            })
            .collect();
        let arguments: String = types.iter().enumerate().map(|(i, ty)| format!("({ty}.const {}) ", i + 1)).collect();
        imports += &format!("(import \"m\" \"p{n}\" (func $p{n} (param {}) (result i32)))", types.join(" "));
        calls += &format!("(call $p{n} {arguments})");
    }
    let results = "i32 ".repeat(9);
    let wat = format!("(module {imports} (func (export \"f\") (result {results}) {calls}))");
    let outcome = call(&sandbox, &wat).unwrap();
    let found: Vec<_> = outcome.results.iter().map(|v| if let Value::I32(v) = v { *v } else { panic!() }).collect();
    assert_eq!(found, [0, 1, 12, 123, 1234, 15, 16, 17, 18]);
}

#[test]
fn memory_is_read_and_written_in_its_bounds() {
    let builder = Sandbox::builder().host_function("host", "f", |c: &mut Context<'_>| -> Result<i32, HostError> {
        assert_eq!(c.memory_size(), 65_536);
        assert_eq!(c.read(0, 5)?, b"hello");
        assert_eq!(c.read_text(1, 3)?, "ell");
        c.write(65_531, b"world")?;
        assert_eq!(c.read(65_531, 5)?, b"world");
        assert_eq!(c.read(65_536, 0)?, b"");
        assert_eq!(c.read(u32::MAX, 0)?, b"");
        c.write(u32::MAX, b"")?;
        Ok(c.read(0, 65_536)?.len() as i32)
    });
    let outcome = with(builder, "(result i32)", "(result i32 i32) (call $f) (i32.load8_u (i32.const 65535))").unwrap();
    assert_eq!(outcome.results, [Value::I32(65_536), Value::I32(i32::from(b'd'))]);
}

type Access = fn(&mut Context<'_>) -> Result<(), HostError>;

#[test]
fn ranges_outside_the_memory_stop_the_run_and_name_the_function() {
    let edges: [(Access, u32, u32); 8] = [
        (|c| c.read(65_536, 1).map(drop), 65_536, 1),
        (|c| c.read(0, 65_537).map(drop), 0, 65_537),
        (|c| c.read(u32::MAX, u32::MAX).map(drop), u32::MAX, u32::MAX),
        (|c| c.read(1, u32::MAX).map(drop), 1, u32::MAX),
        (|c| c.read_text(65_535, 2).map(drop), 65_535, 2),
        (|c| c.write(65_536, b"x"), 65_536, 1),
        (|c| c.write(65_535, b"xy"), 65_535, 2),
        (|c| c.write(u32::MAX, b"x"), u32::MAX, 1),
    ];
    for (access, ptr, len) in edges {
        let reason = stopped(with(Sandbox::builder().host_function("host", "f", access), "", "(call $f)"));
        let fault = AbiFault::Range { function: "host.f".into(), ptr, len, memory: 65_536 };
        assert_eq!(reason, StopReason::Guest(GuestFault::Abi(fault)));
    }
    // A function that swallows the error has done nothing.
    let swallow = |c: &mut Context<'_>| u32::from(c.write(65_535, b"xy").is_err());
    let builder = Sandbox::builder().host_function("host", "f", swallow);
    let outcome = with(builder, "(result i32)", "(result i32 i32) (call $f) (i32.load8_u (i32.const 65535))").unwrap();
    assert_eq!(outcome.results, [Value::I32(1), Value::I32(0)]);
}

#[test]
fn text_that_is_no_text_is_told() {
    let builder = Sandbox::builder().host_function("host", "f", |c: &mut Context<'_>| c.read_text(0, 6).map(drop));
    let fault = AbiFault::Utf8 { function: "host.f".into(), ptr: 0, len: 6, valid: 5 };
    assert_eq!(stopped(with(builder, "", "(call $f)")), StopReason::Guest(GuestFault::Abi(fault)));
}

/// Reaches `AbiFault::NoMemory`.
#[test]
fn without_an_exported_memory_there_is_none() {
    for access in [|c: &mut Context<'_>| c.read(0, 0).map(drop), |c: &mut Context<'_>| c.write(0, b"")] {
        let sandbox = Sandbox::builder().host_function("host", "f", access).build().unwrap();
        let wat = r#"(module (import "host" "f" (func $f)) (memory 1) (func (export "f") (call $f)))"#;
        let reason = stopped(call(&sandbox, wat));
        assert_eq!(reason, StopReason::Guest(GuestFault::Abi(AbiFault::NoMemory { function: "host.f".into() })));
    }
}

#[test]
fn the_start_function_may_use_the_memory() {
    let read = |c: &mut Context<'_>| -> Result<(), HostError> {
        let text = c.read_text(0, 5)?;
        c.write_output(text.as_bytes())
    };
    let sandbox = Sandbox::builder().host_function("host", "f", read).build().unwrap();
    let outcome = call(
        &sandbox,
        r#"(module (import "host" "f" (func $f)) (memory (export "memory") 1) (data (i32.const 0) "early")
            (start $f) (func (export "f")))"#,
    );
    assert_eq!(outcome.unwrap().output, b"early");
}

#[test]
fn host_work_is_charged() {
    let cost = |access: fn(&mut Context<'_>) -> Result<(), HostError>| {
        with(Sandbox::builder().host_function("host", "f", access), "", "(call $f)").unwrap().usage.fuel
    };
    let nothing = cost(|_| Ok(()));
    assert_eq!(cost(|c| c.charge(1_000)) - nothing, 1_000);
    assert_eq!(cost(|c| c.charge(0)) - nothing, 0);
    assert_eq!(cost(|c| c.read(0, 64).map(drop)) - nothing, meter::HOST_CALL + 1);
    assert_eq!(cost(|c| c.read(0, 65).map(drop)) - nothing, meter::HOST_CALL + 2);
    assert_eq!(cost(|c| c.write(0, &[0; 640])) - nothing, meter::HOST_CALL + 10);
    assert_eq!(cost(|c| c.log(Level::Info, "x")) - nothing, meter::HOST_CALL + 1);
    assert!(cost(|c| c.write_output(b"x")) > nothing + meter::HOST_CALL);
}

#[test]
fn charging_more_than_is_left_stops_the_run() {
    let config = Config::default().with_fuel(10_000);
    let builder = Sandbox::builder().config(config.clone()).host_function("host", "f", |c: &mut Context<'_>| {
        let left = c.fuel_left();
        assert!(c.charge(left + 1).is_err());
        assert_eq!(c.fuel_left(), left, "nothing is taken then");
        c.charge(u64::MAX)
    });
    assert_eq!(stopped(with(builder, "", "(call $f)")), StopReason::Limit(LimitExceeded::Fuel { limit: 10_000 }));
    let all = Sandbox::builder().config(config).host_function("host", "f", |c: &mut Context<'_>| {
        let left = c.fuel_left();
        c.charge(left)
    });
    // All of it can be taken; what comes after finds nothing.
    let reason = stopped(with(all, "", "(call $f) (loop (br_if 0 (i32.const 0)))"));
    assert_eq!(reason, StopReason::Limit(LimitExceeded::Fuel { limit: 10_000 }));
}

#[test]
fn output_and_log_go_to_the_run_within_its_limits() {
    let write = |c: &mut Context<'_>| -> Result<(), HostError> {
        c.write_output(b"abc")?;
        c.log(Level::Warn, "first")?;
        c.log(Level::Error, "\u{1b}[31m")
    };
    let builder = || Sandbox::builder().host_function("host", "f", write);
    let outcome = with(builder(), "", "(call $f)").unwrap();
    assert_eq!(outcome.output, b"abc");
    assert_eq!(outcome.log.entries.iter().map(|e| e.level).collect::<Vec<_>>(), [Level::Warn, Level::Error]);
    let narrow = Config::default().with_output_bytes(5).with_log_bytes(7);
    let reason = stopped(with(builder().config(narrow.clone()), "", "(call $f) (call $f)"));
    assert_eq!(reason, StopReason::Limit(LimitExceeded::Output { limit: 5, asked: 6 }));
    let outcome = with(builder().config(narrow), "", "(call $f)").unwrap();
    assert_eq!((outcome.log.entries.len(), outcome.log.dropped), (1, 1));
}

/// Reaches `HostStop::HostFunction`.
#[test]
fn a_failure_names_the_function() {
    let expected = |message: &str| {
        StopReason::Host(HostStop::HostFunction {
            module: "host".into(),
            function: "f".into(),
            message: message.into(),
        })
    };
    let from_text = |_: &mut Context<'_>| -> Result<(), HostError> { Err(HostError::new("the key is empty")) };
    let builder = Sandbox::builder().host_function("host", "f", from_text);
    assert_eq!(stopped(with(builder, "", "(call $f)")), expected("the key is empty"));
    let from_error = || -> Result<i32, HostError> { Ok("many".parse::<i32>()?) };
    let builder = Sandbox::builder().host_function("host", "f", from_error);
    let reason = stopped(with(builder, "(result i32)", "(drop (call $f))"));
    assert_eq!(reason, expected(&"many".parse::<i32>().unwrap_err().to_string()));
    assert!(reason.to_string().starts_with("host function `host.f` failed: "), "{reason}");
    // What it had written by then is kept.
    let after = |c: &mut Context<'_>| -> Result<i32, HostError> {
        c.write_output(b"partial")?;
        Err(HostError::new("late"))
    };
    let builder = Sandbox::builder().host_function("host", "f", after);
    let Err(Error::Stopped(stopped)) = with(builder, "(result i32)", "(drop (call $f))") else { panic!() };
    assert_eq!((stopped.reason, stopped.output.as_slice()), (expected("late"), b"partial".as_slice()));
}

/// Reaches `HostStop::HostPanic`. The process goes on, and so does the sandbox.
#[test]
fn a_panic_is_contained_and_named() {
    let builder = Sandbox::builder()
        .host_function("host", "f", |a: i32| -> i32 {
            if a == 0 {
                panic!("zero is {}", "\u{1b}[31mbad")
            }
            a
        })
        .host_function("host", "payload", || -> () { std::panic::panic_any(5_i32) })
        .host_function("host", "dropped", || -> () { std::panic::panic_any(PanicsWhenDropped) });
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let sandbox = builder.build().unwrap();
    let module = sandbox
        .load_text(
            r#"(module
                (import "host" "f" (func $f (param i32) (result i32)))
                (import "host" "payload" (func $payload))
                (import "host" "dropped" (func $dropped))
                (func $deep (param i32) (result i32) (call $f (local.get 0)))
                (func (export "f") (param i32) (result i32) (call $deep (local.get 0)))
                (func (export "payload") (call $payload))
                (func (export "dropped") (call $dropped)))"#,
        )
        .unwrap();
    for _ in 0..3 {
        let reason = stopped(sandbox.call_values(&module, "f", &[Value::I32(0)]));
        let StopReason::Host(HostStop::HostPanic { module: m, function, message }) = &reason else {
            panic!("{reason}")
        };
        assert_eq!((m.as_str(), function.as_str()), ("host", "f"));
        assert_eq!(message, r"zero is \u{1b}[31mbad", "it is escaped, for it may quote the guest");
        assert_eq!(sandbox.call::<i32, i32>(&module, "f", 7).unwrap(), 7);
    }
    for name in ["payload", "dropped"] {
        let reason = stopped(sandbox.call_values(&module, name, &[]));
        assert!(
            matches!(&reason, StopReason::Host(HostStop::HostPanic { function, .. }) if function == name),
            "{reason}"
        );
    }
    // A host function as the start function, and as an export that is called directly.
    let module =
        sandbox.load_text(r#"(module (import "host" "payload" (func $p)) (export "p" (func $p)) (start $p))"#).unwrap();
    let reason = stopped(sandbox.call_values(&module, "p", &[]));
    assert!(matches!(reason, StopReason::Host(HostStop::HostPanic { .. })));
}

/// Reaches `ConfigProblem::HostFunction` with `HostFunctionProblem::Reserved` and
/// `HostFunctionProblem::Duplicate`.
#[test]
fn names_are_reserved_and_unique() {
    let problem = |builder: Builder| match builder.build() {
        Err(Error::Config(error)) => error.problem,
        other => panic!("{other:?}"),
    };
    let reserved = Sandbox::builder().host_function("env", "log", || {});
    let why = HostFunctionProblem::Reserved;
    assert_eq!(problem(reserved), ConfigProblem::HostFunction { name: "env.log".into(), why });
    let duplicate = Sandbox::builder()
        .host_function("a", "x", || {})
        .host_function("b", "x", || {})
        .host_function("a", "y", || {})
        .host_function("a", "x", |_: i32| {});
    let why = HostFunctionProblem::Duplicate;
    assert_eq!(problem(duplicate), ConfigProblem::HostFunction { name: "a.x".into(), why });
    // Names that only look the same when they are put together are two.
    assert!(Sandbox::builder().host_function("a.b", "c", || {}).host_function("a", "b.c", || {}).build().is_ok());
    assert!(Sandbox::builder().host_function("", "", || {}).build().is_ok());
}

#[test]
fn an_import_of_another_type_is_told() {
    let sandbox = Sandbox::builder().host_function("db", "get", |_: i64| 0_i32).build().unwrap();
    let import = |ty: &str| sandbox.load_text(&format!("(module (import \"db\" \"get\" (func {ty})))"));
    assert!(import("(param i64) (result i32)").is_ok());
    for ty in ["", "(param i32) (result i32)", "(param i64)", "(param i64) (result i32 i32)"] {
        let Err(Error::Module(error)) = import(ty) else { panic!("{ty} was linked") };
        let ModuleError::Imports { imports, total: 1 } = *error else { panic!("{error}") };
        assert_eq!(
            imports[0].expected,
            Some(ExternType::Function(FuncType::new(&[ValueType::I64], &[ValueType::I32])))
        );
    }
    // The names are exact, and what is not imported is not there.
    assert!(sandbox.load_text("(module (import \"db\" \"gett\" (func)))").is_err());
    assert!(sandbox.load_text("(module (import \"dB\" \"get\" (func)))").is_err());
    // Such a function may be called, tail-called, put in a table, exported and be nobody's entry.
    let module = sandbox
        .load_text(
            r#"(module
                (type $t (func (param i64) (result i32)))
                (import "db" "get" (func $get (type $t)))
                (table funcref (elem $get))
                (export "get" (func $get))
                (func (export "tail") (result i32) (return_call $get (i64.const 1)))
                (func (export "indirect") (result i32) (call_indirect (type $t) (i64.const 1) (i32.const 0))))"#,
        )
        .unwrap();
    for (name, arguments) in [("get", &[Value::I64(1)][..]), ("tail", &[]), ("indirect", &[])] {
        assert_eq!(sandbox.call_values(&module, name, arguments).unwrap().results, [Value::I32(0)]);
    }
}

#[test]
fn data_of_a_run_is_its_own() {
    let sandbox = Sandbox::builder()
        .host_function("host", "f", |c: &mut Context<'_>, n: u64| -> Result<u64, HostError> {
            let Some(sum) = c.data_mut::<u64>() else { return Err(HostError::new("no data")) };
            *sum += n;
            Ok(*sum)
        })
        .build()
        .unwrap();
    let module = sandbox
        .load_text(
            r#"(module (import "host" "f" (func $f (param i64) (result i64)))
                (func (export "_start") (drop (call $f (i64.const 2))) (drop (call $f (i64.const 3)))))"#,
        )
        .unwrap();
    let mut run = sandbox.start_with(&module, b"", 10_u64).unwrap();
    let mut other = sandbox.start_with(&module, b"", 20_u64).unwrap();
    run.finish().unwrap();
    other.finish().unwrap();
    assert_eq!((run.take_data(), other.take_data()), (Some(15_u64), Some(25_u64)));
    let without = sandbox.run(&module, b"").unwrap_err();
    assert!(
        matches!(without.stop_reason(), Some(StopReason::Host(HostStop::HostFunction { message, .. })) if message == "no data")
    );
}

#[test]
fn the_input_is_seen_whole() {
    let sandbox = Sandbox::builder()
        .host_function("host", "f", |c: &mut Context<'_>| i32::from(c.input() == b"whole"))
        .build()
        .unwrap();
    let module = sandbox
        .load_text(
            r#"(module (import "host" "f" (func $f (result i32))) (import "env" "read_input" (func $r (param i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "f") (result i32) (drop (call $r (i32.const 0) (i32.const 3))) (call $f)))"#,
        )
        .unwrap();
    let outcome = sandbox.start_call(&module, "f", &[], b"whole", ()).unwrap().finish().unwrap();
    assert_eq!(outcome.results, [Value::I32(1)]);
}

#[test]
fn a_host_function_is_not_called_past_the_limits() {
    let called = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&called);
    let builder = |config: Config| {
        let count = Arc::clone(&count);
        Sandbox::builder().config(config).host_function("host", "f", move || {
            count.fetch_add(1, Ordering::Relaxed);
        })
    };
    let sandbox = builder(Config::default().with_host_calls(3)).build().unwrap();
    let wat = r#"(module (import "host" "f" (func $f)) (func (export "_start") (local i32)
        (loop (call $f) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))))"#;
    let module = sandbox.load_text(wat).unwrap();
    let reason = sandbox.run(&module, b"").unwrap_err();
    assert_eq!(reason.stop_reason(), Some(&StopReason::Limit(LimitExceeded::HostCalls { limit: 3 })));
    assert_eq!(called.swap(0, Ordering::Relaxed), 3);
    let sandbox = builder(Config::default().with_fuel(5_000)).build().unwrap();
    let module = sandbox.load_text(wat).unwrap();
    let Err(Error::Stopped(stopped)) = sandbox.run(&module, b"") else { panic!() };
    assert_eq!(stopped.usage.host_calls, called.load(Ordering::Relaxed) + u64::from(stopped.usage.fuel < 5_000));
}
