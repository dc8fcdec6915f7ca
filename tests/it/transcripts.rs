//! Transcripts: calls of host functions, recorded and replayed.

use std::sync::{
    Arc,
    atomic::{AtomicI32, AtomicU32, Ordering},
};

use belljar::{
    AsyncContext, Builder, Config, Context, Error, Execution, GuestFault, HostError, HostStop, Level, LimitExceeded,
    Outcome, Sandbox, Step, StopReason, Value,
    error::AbiFault,
    record::{Effect, Given, HostEnd, ReceiptError, Transcript, TranscriptError},
};

type Done = Result<Outcome, Error>;

/// Returns a module whose export `f` has this body, with these imports.
fn module(imports: &str, body: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module {imports} (memory (export "memory") 1) (data (i32.const 0) "hello\ff") (func (export "f") {body}))"#
    );
    wat::parse_str(wat).unwrap()
}

/// Runs to the end, in steps of this much fuel.
pub fn in_steps(run: &mut Execution, fuel: u64) -> Done {
    loop {
        if let Step::Done(outcome) = run.step(fuel)? {
            return Ok(outcome);
        }
    }
}

/// Calls `f`; returns the outcome and the transcript.
fn recorded(sandbox: &Sandbox, wasm: &[u8], step: u64) -> (Done, Transcript) {
    let module = sandbox.load(wasm).unwrap();
    let mut run = sandbox.start_call(&module, "f", &[], b"input", ()).unwrap();
    run.record(1 << 20);
    let done = in_steps(&mut run, step);
    (done, Transcript::of_call("f", &[], sandbox, wasm, b"input", run.take_effects()))
}

/// Runs and replays `f`, in steps of several sizes; returns the one outcome, and the transcript.
fn both(builder: Builder, imports: &str, body: &str) -> (Done, Transcript) {
    let sandbox = builder.build().unwrap();
    let wasm = module(imports, body);
    let (done, transcript) = recorded(&sandbox, &wasm, u64::MAX);
    let read = Transcript::from_jsonl(&transcript.to_jsonl()).unwrap();
    assert_eq!(read, transcript);
    assert_eq!(read.replay(&wasm, b"input").unwrap().finish(), done, "{}", transcript.to_jsonl());
    for step in [1, 7, 1_000] {
        let (again, recorded) = recorded(&sandbox, &wasm, step);
        assert_eq!((&again, &recorded), (&done, &transcript), "recorded in steps of {step}");
        let mut run = read.replay(&wasm, b"input").unwrap();
        assert_eq!(in_steps(&mut run, step), done, "replayed in steps of {step}");
    }
    (done, transcript)
}

/// Limits above the ceiling are refused before the module is looked at.
#[test]
fn no_limit_of_a_transcript_is_above_the_ceiling() {
    let config = Config::default().with_fuel(2_000_000_000_000);
    let sandbox = Sandbox::new(config.clone()).unwrap();
    let wasm = module("", "");
    let (done, transcript) = recorded(&sandbox, &wasm, u64::MAX);
    for refused in [transcript.replay(b"no module", b"input").unwrap_err(), transcript.sandbox().unwrap_err()] {
        let TranscriptError::Ceiling { above } = refused else { panic!("{refused:?}") };
        assert_eq!((above.len(), above[0].key, above[0].asked), (1, "limits.fuel", 2_000_000_000_000));
    }
    assert_eq!(transcript.replay_within(&wasm, b"input", &config).unwrap().finish(), done);
    let receipt = transcript.receipt(&wasm, b"input", &done).unwrap();
    let given = Given::new(&wasm, b"input").with_transcript(&transcript);
    assert!(matches!(receipt.verify_given(&given), Err(ReceiptError::Ceiling { .. })));
    receipt.verify_given(&given.with_ceiling(config)).unwrap();
    // A receipt whose limits are low does not bring a transcript whose limits are high.
    let mut low = receipt.clone();
    low.config = Config::default();
    let refused = low.verify_with_transcript(&wasm, b"input", &transcript);
    assert!(matches!(refused, Err(ReceiptError::Transcript(TranscriptError::Ceiling { .. }))));
}

/// The replay of a run without an end stops at the fuel of its receipt.
#[test]
fn a_replay_goes_up_to_the_fuel_of_the_receipt() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let wasm = module("", "(loop $again (br $again))");
    let (done, mut transcript) = recorded(&sandbox, &wasm, u64::MAX);
    transcript.header.config = Config::default().with_fuel(1_000_000_000_000);
    let mut receipt = transcript.receipt(&wasm, b"input", &done).unwrap();
    (receipt.end, receipt.usage.fuel) = ("done".into(), 5_000);
    let Err(ReceiptError::Differs { differences }) = receipt.verify_with_transcript(&wasm, b"input", &transcript)
    else {
        panic!()
    };
    assert_eq!(differences.iter().map(|one| &*one.field).collect::<Vec<_>>(), ["usage.fuel"]);
}

fn stopped(done: Done) -> StopReason {
    match done {
        Err(Error::Stopped(stopped)) => stopped.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn actions_of_host_functions_are_repeated() {
    let f = |context: &mut Context<'_>, ptr: u32, len: u32| -> Result<(i32, f32), HostError> {
        let word = context.read_text(ptr, len)?;
        context.charge(100)?;
        context.write(10, word.to_uppercase().as_bytes())?;
        context.write(20, b"\xff\x00")?;
        context.log(Level::Debug, "half\nway")?;
        context.write_output(word.as_bytes())?;
        Ok((context.input().len() as i32, f32::from_bits(0x7fa0_0001)))
    };
    let (done, transcript) = both(
        Sandbox::builder().host_function("own", "f", f),
        r#"(import "own" "f" (func $f (param i32 i32) (result i32 f32)))
           (import "env" "write_output" (func $write (param i32 i32)))"#,
        r"(result i32 i32) (call $f (i32.const 0) (i32.const 5)) i32.reinterpret_f32
          (call $write (i32.const 10) (i32.const 12))",
    );
    let outcome = done.unwrap();
    assert_eq!(outcome.output, b"helloHELLO\0\0\0\0\0\xff\0");
    assert_eq!(outcome.results[0], Value::I32(5));
    assert_eq!(transcript.effects.len(), 1, "functions of `env` are no effects");
    assert!(matches!(&transcript.effects[0], Effect::HostCall { function, .. } if function == "own.f"));
}

#[test]
fn answers_are_given_in_the_order_of_the_questions() {
    let next = AtomicI32::new(0);
    let roll = move || next.fetch_add(7, Ordering::Relaxed) % 6;
    let sandbox = Sandbox::builder().host_function("dice", "roll", roll).build().unwrap();
    let wasm = module(
        r#"(import "dice" "roll" (func $roll (result i32)))"#,
        "(result i32 i32 i32) (call $roll) (call $roll) (call $roll)",
    );
    let (done, transcript) = recorded(&sandbox, &wasm, u64::MAX);
    let outcome = done.unwrap();
    assert_eq!(outcome.results, [0, 1, 2].map(Value::I32));
    assert_ne!(recorded(&sandbox, &wasm, u64::MAX).0.unwrap().results, outcome.results);
    for _ in 0..2 {
        assert_eq!(transcript.replay(&wasm, b"input").unwrap().finish().unwrap(), outcome);
    }
}

#[test]
fn async_functions_are_replayed_at_once() {
    let builder = Sandbox::builder().async_host_function("own", "f", |mut context: AsyncContext, a: i64| async move {
        let bytes = context.read(0, 5).await?;
        let mut polled = false;
        std::future::poll_fn(|task| {
            task.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        context.write_output(bytes).await?;
        Ok::<i64, HostError>(a * 2)
    });
    let (done, _) = both(
        builder,
        r#"(import "own" "f" (func $f (param i64) (result i64)))"#,
        "(result i64) (call $f (i64.const 21))",
    );
    let outcome = done.unwrap();
    assert_eq!((outcome.results, outcome.output), (vec![Value::I64(42)], b"hello".to_vec()));
}

#[test]
fn failures_are_replayed_too() {
    let fails = |context: &mut Context<'_>, how: i32| -> Result<(), HostError> {
        match how {
            0 => context.read(65_530, 10).map(drop),
            1 => Err(HostError::new("not today")),
            2 => panic!("oh no"),
            3 => context.charge(u64::MAX),
            // One that is not passed on.
            _ => {
                assert!(context.write(u32::MAX, b"x").is_err());
                context.write_output(b"still there")
            }
        }
    };
    let end = |how: i32| {
        let builder = Sandbox::builder().host_function("own", "f", fails);
        both(builder, r#"(import "own" "f" (func $f (param i32)))"#, &format!("(call $f (i32.const {how}))")).0
    };
    let range = AbiFault::Range { function: "own.f".into(), ptr: 65_530, len: 10, memory: 65_536 };
    assert_eq!(stopped(end(0)), StopReason::Guest(GuestFault::Abi(range)));
    assert!(
        matches!(stopped(end(1)), StopReason::Host(HostStop::HostFunction { message, .. }) if message == "not today")
    );
    assert!(matches!(stopped(end(2)), StopReason::Host(HostStop::HostPanic { message, .. }) if message == "oh no"));
    assert!(matches!(stopped(end(3)), StopReason::Limit(LimitExceeded::Fuel { .. })));
    assert_eq!(end(4).unwrap().output, b"still there");
}

fn twice() -> (Sandbox, Vec<u8>) {
    let sandbox = Sandbox::builder().host_function("own", "f", |a: i32| a + 1).build().unwrap();
    let wasm = module(
        r#"(import "own" "f" (func $f (param i32) (result i32)))"#,
        "(result i32) (i32.add (call $f (i32.const 1)) (call $f (i32.const 2)))",
    );
    (sandbox, wasm)
}

#[test]
fn another_request_is_reported_with_the_recorded_one() {
    let (sandbox, wasm) = twice();
    let (_, transcript) = recorded(&sandbox, &wasm, u64::MAX);
    let differs = |change: &dyn Fn(&mut Transcript)| {
        let mut transcript = transcript.clone();
        change(&mut transcript);
        match stopped(transcript.replay(&wasm, b"input").unwrap().finish()) {
            StopReason::Host(HostStop::Replay { effect, function, expected, found }) => {
                (effect, function, expected, found)
            }
            other => panic!("{other:?}"),
        }
    };
    let asked = |a: i32| format!("own.f {{\"arguments\":[\"i32:{a}\"]}}");
    let arguments = |t: &mut Transcript| t.effects[1] = t.effects[0].clone();
    assert_eq!(differs(&arguments), (2, "own.f".into(), asked(1), asked(2)));
    let shorter = |t: &mut Transcript| t.effects.truncate(1);
    assert_eq!(differs(&shorter), (2, "own.f".into(), "the end of the transcript".into(), asked(2)));
    let longer = |t: &mut Transcript| t.effects.push(t.effects[0].clone());
    assert_eq!(differs(&longer), (3, "own.f".into(), asked(1), "the end of the run".into()));
}

#[test]
fn what_a_function_reads_is_compared() {
    let builder =
        Sandbox::builder().host_function("own", "f", |context: &mut Context<'_>| context.read(0, 5).map(drop));
    let (_, mut transcript) = both(builder, r#"(import "own" "f" (func $f))"#, "(call $f)");
    let text = transcript.to_jsonl();
    let digest = text.split("\"sha256\":\"").last().unwrap()[..64].to_owned();
    transcript = Transcript::from_jsonl(&text.replace(&digest, &"0".repeat(64))).unwrap();
    let wasm = module(r#"(import "own" "f" (func $f))"#, "(call $f)");
    let reason = stopped(transcript.replay(&wasm, b"input").unwrap().finish());
    assert!(matches!(reason, StopReason::Host(HostStop::Replay { effect: 1, .. })), "{reason:?}");
}

#[test]
fn results_that_the_function_cannot_return_stop_the_replay() {
    let (sandbox, wasm) = twice();
    let text = recorded(&sandbox, &wasm, u64::MAX).1.to_jsonl();
    let from = "\"results\":[\"i32:2\"]";
    for to in ["\"results\":[]", "\"results\":[\"i64:2\"]", "\"results\":[\"word\"]"] {
        assert!(text.contains(from));
        let transcript = Transcript::from_jsonl(&text.replacen(from, to, 1)).unwrap();
        let reason = stopped(transcript.replay(&wasm, b"input").unwrap().finish());
        assert!(matches!(reason, StopReason::Host(HostStop::HostFunction { .. })), "{to}: {reason:?}");
    }
}

#[test]
fn effects_in_another_form_are_refused() {
    let (sandbox, wasm) = twice();
    let text = recorded(&sandbox, &wasm, u64::MAX).1.to_jsonl();
    for (from, to) in [
        ("\"results\":[\"i32:2\"]", "\"nothing\":1"),
        ("\"results\":[\"i32:2\"]", "\"results\":[],\"failed\":\"\""),
        ("\"arguments\":[\"i32:1\"]", "\"arguments\":[1]"),
        ("\"arguments\":[\"i32:1\"]", "\"operands\":[]"),
        ("\"acts\":[]", "\"acts\":[],\"more\":1"),
        ("\"acts\":[]", "\"acts\":[{\"jump\":1}]"),
        ("\"acts\":[]", "\"acts\":[{\"write\":{\"ptr\":0,\"bytes\":{\"hex\":\"0\"}}}]"),
    ] {
        assert!(text.contains(from));
        let error = Transcript::from_jsonl(&text.replacen(from, to, 1)).unwrap_err();
        assert!(matches!(error, TranscriptError::Syntax { line: 2, .. }), "{to}: {error:?}");
    }
}

/// Every kind of effect is written as it was read.
#[test]
fn effects_are_written_as_they_are_read() {
    for text in [
        r#"{"answer":{"acts":[],"results":["i32:7","f32:0x7fa00001"]},"asked":{"arguments":["v128:0x1"]},"function":"dir.open"}"#,
        r#"{"answer":{"acts":[{"read":{"bytes":{"bytes":1,"sha256":"00"},"len":1,"ptr":2}},{"write":{"bytes":{"hex":"ff00"},"ptr":3}},{"charge":{"fuel":4}},{"output":{"bytes":{"text":"a"}}},{"log":{"level":"warn","text":"b"}}],"failed":"c"},"asked":{"arguments":[]},"function":"a.b"}"#,
        r#"{"answer":{"acts":[],"panicked":"c"},"asked":{"arguments":[]},"function":"a.b"}"#,
        r#"{"answer":{"acts":[],"denied":{"capability":"c","detail":null}},"asked":{"arguments":[]},"function":"a.b"}"#,
        r#"{"answer":{"acts":[],"stopped":true},"asked":{"arguments":[]},"function":"a.b"}"#,
        r#"{"answer":[18446744073709551615,0],"asked":{},"function":"clock"}"#,
        r#"{"answer":{"text":"abc"},"asked":{"len":3},"function":"random"}"#,
        r#"{"answer":{"errno":"noent","work":1},"asked":{"at":[1,"a"],"dir":"/in"},"function":"dir.stat_at"}"#,
    ] {
        let effect: Effect = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&effect).unwrap().to_string(), text);
    }
}

#[test]
fn a_transcript_is_of_one_module_and_one_input() {
    let (sandbox, wasm) = twice();
    let (_, transcript) = recorded(&sandbox, &wasm, u64::MAX);
    let other = |wasm: &[u8], input: &[u8]| match transcript.replay(wasm, input) {
        Err(TranscriptError::Other { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(other(&wasm, b"another"), "input");
    assert_eq!(other(&module("", ""), b"input"), "module");
    let text = transcript.to_jsonl();
    let error = |text: &str| Transcript::from_jsonl(text).unwrap_err();
    assert_eq!(
        error(&text.replacen("\"transcript\":1", "\"transcript\":2", 1)),
        TranscriptError::Version { found: 2, expected: 1 }
    );
    assert!(matches!(error(""), TranscriptError::Syntax { line: 1, .. }));
    assert!(matches!(error(&(text.clone() + "{}\n")), TranscriptError::Syntax { line: 4, .. }));
    let rules = Transcript::from_jsonl(&text.replacen("wasmi 2.0.0", "wasmi 9.9.9", 1)).unwrap();
    assert!(matches!(rules.replay(&wasm, b"input"), Err(TranscriptError::Rules { .. })));
}

#[test]
fn a_transcript_has_a_limit() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let f = move |context: &mut Context<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
        context.write_output(&[b'x'; 1_000])
    };
    let sandbox = Sandbox::builder().config(Config::default()).host_function("own", "f", f).build().unwrap();
    let wasm = module(
        r#"(import "own" "f" (func $f))"#,
        "(local i32) (loop (call $f) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100))))",
    );
    let module = sandbox.load(&wasm).unwrap();
    let mut run = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
    run.record(10_000);
    assert_eq!(stopped(run.finish()), StopReason::Limit(LimitExceeded::Transcript { limit: 10_000 }));
    assert!((8..=10).contains(&calls.load(Ordering::Relaxed)));
}

/// Requests over HTTP are replayed in builds without a client.
#[test]
fn requests_are_replayed_without_a_client() {
    let wasm = module(r#"(import "http" "body_len" (func $len (result i32)))"#, "(result i32) (call $len)");
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let effect = r#"{"function":"http.body_len","asked":{"arguments":[]},"answer":{"acts":[],"results":["i32:7"]}}"#;
    let effects = vec![serde_json::from_str(effect).unwrap()];
    let mut transcript = Transcript::of_call("f", &[], &sandbox, &wasm, b"", effects);
    transcript.header.config = serde_json::from_str(r#"{"http":{"allow":[{"host":"example.org"}]}}"#).unwrap();
    let read = Transcript::from_jsonl(&transcript.to_jsonl()).unwrap();
    assert_eq!(read.replay(&wasm, b"").unwrap().finish().unwrap().results, [Value::I32(7)]);

    let Effect::HostCall { end, .. } = &mut transcript.effects[0] else { panic!() };
    *end = HostEnd::Denied { capability: "http".into(), detail: Some("all".into()) };
    let denied = StopReason::Guest(GuestFault::Denied {
        capability: "http".into(),
        function: "http.body_len".into(),
        detail: Some("all".into()),
    });
    assert_eq!(stopped(transcript.replay(&wasm, b"").unwrap().finish()), denied);
}
