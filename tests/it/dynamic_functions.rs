//! Host functions typed at run time: the same results, prices, records and refusals as those of closures with types.

use belljar::{
    AsyncContext, Builder, Context, Error, FuncType, GuestFault, HostError, HostFunction, HostStop, Outcome, Sandbox,
    StopReason, Value,
    ValueType::{ExternRef, F32, F64, FuncRef, I32, I64, V128},
    error::{ConfigProblem, HostFunctionProblem},
};

/// A guest that passes its arguments through a function of all types.
const GUEST: &str = r#"(module
    (import "own" "f" (func $f (param i32 i64 f32 f64) (result f64 f32 i64 i32)))
    (memory (export "memory") 1)
    (func (export "through") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
        (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"#;

const ARGUMENTS: [Value; 4] = [Value::I32(-1), Value::I64(i64::MIN), Value::F32(-0.0), Value::F64(1e300)];

fn ty() -> FuncType {
    FuncType::new(&[I32, I64, F32, F64], &[F64, F32, I64, I32])
}

/// What each of these functions does: an access to the run, and the arguments in reverse.
fn act(context: &mut Context<'_>) -> Result<(), HostError> {
    context.write(8, b"abc")?;
    context.charge(77)
}

fn typed() -> HostFunction {
    HostFunction::new("own", "f", |context: &mut Context<'_>, a: i32, b: i64, c: f32, d: f64| {
        act(context).map(|()| (d, c, b, a))
    })
}

fn dynamic() -> HostFunction {
    HostFunction::with_type("own", "f", ty(), |context, arguments| {
        act(context)?;
        Ok(arguments.iter().rev().copied().collect())
    })
}

fn typed_async() -> HostFunction {
    HostFunction::new_async("own", "f", |mut context: AsyncContext, a: i32, b: i64, c: f32, d: f64| async move {
        context.with(act).await.map(|()| (d, c, b, a))
    })
}

fn dynamic_async() -> HostFunction {
    HostFunction::with_type_async("own", "f", ty(), |mut context, arguments| async move {
        context.with(act).await?;
        Ok(arguments.into_iter().rev().collect())
    })
}

fn run(function: HostFunction) -> Result<Outcome, Error> {
    let sandbox = Sandbox::builder().function(function).build().unwrap();
    sandbox.call_values(&sandbox.load_text(GUEST).unwrap(), "through", &ARGUMENTS)
}

#[test]
fn values_of_all_types_pass_at_the_same_price() {
    for (typed, dynamic) in [(typed(), dynamic()), (typed_async(), dynamic_async())] {
        let outcome = run(dynamic).unwrap();
        assert_eq!(outcome.results, ARGUMENTS.iter().rev().copied().collect::<Vec<_>>());
        assert_eq!(run(typed).unwrap(), outcome);
    }
}

#[test]
fn other_results_stop_the_run() {
    let results = [
        vec![],
        vec![Value::F64(0.0), Value::F32(0.0), Value::I64(0)],
        vec![Value::F64(0.0), Value::F32(0.0), Value::I64(0), Value::I64(0)],
        vec![Value::F64(0.0), Value::F32(0.0), Value::I64(0), Value::V128(0)],
        vec![Value::I32(0); 5],
    ];
    for results in results {
        let (of_sync, of_async) = (results.clone(), results);
        for function in [
            HostFunction::with_type("own", "f", ty(), move |_, _| Ok(of_sync.clone())),
            HostFunction::with_type_async("own", "f", ty(), move |_, _| {
                let results = of_async.clone();
                async { Ok(results) }
            }),
        ] {
            let Err(Error::Stopped(stopped)) = run(function) else { panic!("accepted") };
            assert!(matches!(&stopped.reason, StopReason::Host(HostStop::HostFunction { module, function, .. })
                if module == "own" && function == "f"));
        }
    }
}

#[test]
fn failures_panics_and_denials_are_those_of_any_host_function() {
    let fails = HostFunction::with_type("own", "f", ty(), |_, _| Err(HostError::new("no")));
    let panics = HostFunction::with_type("own", "f", ty(), |_, _| panic!("no"));
    let far = HostFunction::with_type("own", "f", ty(), |context, _| context.read(65_536, 1).map(|_| Vec::new()));
    let reason = |function| match run(function) {
        Err(Error::Stopped(stopped)) => stopped.reason,
        other => panic!("{other:?}"),
    };
    assert!(matches!(reason(fails), StopReason::Host(HostStop::HostFunction { message, .. }) if message == "no"));
    assert!(matches!(reason(panics), StopReason::Host(HostStop::HostPanic { message, .. }) if message == "no"));
    assert!(matches!(reason(far), StopReason::Guest(GuestFault::Abi(_))));
    assert!(
        matches!(reason(dynamic().requires("db")), StopReason::Guest(GuestFault::Denied { capability, .. }) if capability == "db")
    );
    assert!(matches!(reason(dynamic_async().requires("db")), StopReason::Guest(GuestFault::Denied { .. })));
}

/// Reaches `HostFunctionProblem::UnsupportedType` and `HostFunctionProblem::TooManyValues`.
#[test]
fn other_types_are_refused() {
    let refused = |ty: FuncType| {
        let built = Sandbox::builder().function(HostFunction::with_type("m", "f", ty, |_, _| Ok(Vec::new()))).build();
        let Err(Error::Config(error)) = built else { panic!("accepted") };
        let ConfigProblem::HostFunction { name, why } = error.problem else { panic!("{:?}", error.problem) };
        assert_eq!(name, "m.f");
        why
    };
    for ty in [V128, FuncRef, ExternRef] {
        assert_eq!(refused(FuncType::new(&[I32, ty], &[])), HostFunctionProblem::UnsupportedType { ty });
        assert_eq!(refused(FuncType::new(&[], &[I64, ty])), HostFunctionProblem::UnsupportedType { ty });
    }
    let many = vec![I32; 1_001];
    let expected = HostFunctionProblem::TooManyValues { count: 1_001, limit: 1_000 };
    assert_eq!(refused(FuncType::new(&many, &[])), expected);
    assert_eq!(refused(FuncType::new(&[], &many)), expected);
    let most = FuncType::new(&many[1..], &many[1..]);
    assert!(
        Sandbox::builder().function(HostFunction::with_type("m", "f", most, |_, _| Ok(Vec::new()))).build().is_ok()
    );
}

#[test]
fn a_function_can_be_registered_with_several_sandboxes_once_in_each() {
    let function = dynamic();
    assert_eq!(run(function.clone()), run(function.clone()));
    let twice = |builder: Builder| builder.function(function.clone()).host_function("own", "f", || {}).build();
    let Err(Error::Config(error)) = twice(Sandbox::builder()) else { panic!("accepted") };
    assert!(matches!(error.problem, ConfigProblem::HostFunction { why: HostFunctionProblem::Duplicate, .. }));
}

#[cfg(feature = "receipt")]
mod records {
    use belljar::record::{Transcript, TranscriptError};

    use super::*;

    fn record(function: HostFunction) -> (Transcript, Result<Outcome, Error>) {
        let wasm = wat::parse_str(GUEST).unwrap();
        let sandbox = Sandbox::builder().function(function).build().unwrap();
        let mut run = sandbox.start_call(&sandbox.load(&wasm).unwrap(), "through", &ARGUMENTS, b"", ()).unwrap();
        run.record(1 << 20);
        let result = run.finish();
        (Transcript::of_call("through", &ARGUMENTS, &sandbox, &wasm, b"", run.take_effects()), result)
    }

    #[test]
    fn a_transcript_is_the_same_and_is_replayed() {
        let wasm = wat::parse_str(GUEST).unwrap();
        let wrong = || HostFunction::with_type("own", "f", ty(), |_, _| Ok(Vec::new()));
        let functions = [dynamic(), dynamic_async(), dynamic().requires("db"), wrong()];
        for function in functions {
            let (transcript, result) = record(function);
            let read = Transcript::from_jsonl(&transcript.to_jsonl()).unwrap();
            assert_eq!(read, transcript);
            assert_eq!(read.replay(&wasm, b"").unwrap().finish(), result);
        }
        assert_eq!(record(typed()), record(dynamic()));
        assert_eq!(record(typed_async()), record(dynamic_async()));
    }

    /// A replay on the sandbox with the function itself: its body does not run.
    #[test]
    fn effects_are_replayed_in_place_of_the_body() {
        let (transcript, result) = record(dynamic());
        let panics = HostFunction::with_type("own", "f", ty(), |_, _| panic!("it is replayed"));
        let sandbox = Sandbox::builder().function(panics).build().unwrap();
        let module = sandbox.load_text(GUEST).unwrap();
        let mut run = sandbox.start_call(&module, "through", &ARGUMENTS, b"", ()).unwrap();
        run.replay(transcript.effects);
        assert_eq!(run.finish(), result);
    }

    #[test]
    fn a_transcript_with_a_type_that_no_function_has_is_refused() {
        for params in [vec![V128], vec![I32; 1_001]] {
            let (mut transcript, _) = record(dynamic());
            transcript.header.functions[0].ty.params = params;
            let refused = transcript.sandbox();
            let Err(TranscriptError::Run(Error::Config(error))) = refused else { panic!("{refused:?}") };
            assert!(matches!(error.problem, ConfigProblem::HostFunction { .. }));
        }
    }
}
