//! Host functions of the embedding program that wait.

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    task::{Context as TaskContext, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use belljar::{
    AsyncContext, Builder, Config, Error, GuestFault, HostError, HostStop, Level, LimitExceeded, Module, Outcome,
    Sandbox, Scheduler, Step, StopReason, Value, error::AbiFault, meter,
};

/// Gives way so many times before it is ready.
async fn later(mut times: u32) {
    poll_fn(|task| match times.checked_sub(1) {
        None => Poll::Ready(()),
        Some(rest) => {
            times = rest;
            task.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Is ready once another thread has slept.
async fn elsewhere() {
    let (sender, receiver) = mpsc::channel::<Waker>();
    let done = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&done);
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        told.store(1, Ordering::Release);
        // Every waker it was given until now, and those that come too late to be needed.
        while let Ok(waker) = receiver.recv_timeout(Duration::from_millis(20)) {
            waker.wake();
        }
    });
    poll_fn(move |task| {
        if done.load(Ordering::Acquire) == 1 {
            return Poll::Ready(());
        }
        let _ = sender.send(task.waker().clone());
        Poll::Pending
    })
    .await;
}

/// Steps a run to its end, and tells how often it waited.
fn stepped(sandbox: &Sandbox, module: &Module, name: &str, fuel: u64) -> (Result<Outcome, Error>, u32) {
    let mut run = sandbox.start_call(module, name, &[], b"input", ()).unwrap();
    let mut waits = 0;
    loop {
        match run.step(fuel) {
            Ok(Step::Yielded) => {}
            Ok(Step::Waiting) => waits += 1,
            Ok(Step::Done(outcome)) => return (Ok(outcome), waits),
            Err(error) => return (Err(error), waits),
        }
    }
}

fn stopped(result: Result<Outcome, Error>) -> StopReason {
    match result {
        Err(Error::Stopped(stopped)) => stopped.reason,
        other => panic!("{other:?}"),
    }
}

/// Every way to call an import, each with values of every kind that live on across the call.
const CALLS: &str = r#"(module
    (type $f (func (param i32 i64 f32 f64) (result f64 i32 i64)))
    (import "host" "f" (func $f (type $f)))
    (table funcref (elem $f $mixed $f))
    (memory (export "memory") 1)
    (global $seen (mut i64) (i64.const 0))
    (start $start)
    (func $start (drop (call $sum (call $f (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4)))))
    (func $sum (param f64 i32 i64) (result i64)
        (global.set $seen (i64.add (global.get $seen) (i64.add (local.get 2)
            (i64.add (i64.extend_i32_s (local.get 1)) (i64.trunc_f64_s (local.get 0))))))
        (global.get $seen))
    (func $mixed (type $f)
        (local.get 3) (local.get 0) (local.get 1))
    (func $direct (export "direct") (result i64) (local i32 i64 f32 f64)
        (local.set 0 (i32.const 7)) (local.set 1 (i64.const 70)) (local.set 2 (f32.const 700)) (local.set 3 (f64.const 7000))
        (i64.add
            (call $sum (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
            (i64.add (call $sum (call $f (i32.const 9) (local.get 1) (local.get 2) (f64.add (local.get 3) (f64.const 1))))
                (i64.add (i64.extend_i32_s (local.get 0)) (i64.add (local.get 1)
                    (i64.add (i64.trunc_f32_s (local.get 2)) (i64.trunc_f64_s (local.get 3))))))))
    (func $tail (param i32) (result f64 i32 i64) (local i64 i64 i64)
        (return_call $f (local.get 0) (i64.const 5) (f32.const 50) (f64.const 500)))
    (func (export "tail") (result i64)
        (i64.add (i64.const 1000000) (call $sum (call $tail (i32.const 3)))))
    (func $deeper (param i32 i64 i64 i64 i64) (result f64 i32 i64)
        (return_call $tail (local.get 0)))
    (func (export "tail of a tail") (result i64)
        (call $sum (call $deeper (i32.const 4) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))))
    (func (export "tail of the run") (result f64 i32 i64)
        (return_call $f (i32.const 11) (i64.const 12) (f32.const 13) (f64.const 14)))
    (func (export "tail of the run, indirect") (result f64 i32 i64)
        (return_call_indirect (type $f) (i32.const 21) (i64.const 22) (f32.const 23) (f64.const 24) (i32.const 2)))
    (func (export "indirect") (result i64)
        (i64.add (i64.const 5) (call $sum
            (call_indirect (type $f) (i32.const 31) (i64.const 32) (f32.const 33) (f64.const 34) (i32.const 0)))))
    (func (export "neither") (result f64 i32 i64)
        (call_indirect (type $f) (i32.const 31) (i64.const 32) (f32.const 33) (f64.const 34) (i32.const 1)))
    (func $loop (export "many") (result i64) (local i32)
        (loop (drop (call $direct)) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 20))))
        (global.get $seen))
    (func $down (param i32) (result i64)
        (if (result i64) (local.get 0)
            (then (i64.add (i64.extend_i32_u (local.get 0)) (call $down (i32.sub (local.get 0) (i32.const 1)))))
            (else (call $sum (call $f (i32.const 41) (i64.const 42) (f32.const 43) (f64.const 44))))))
    (func (export "deep") (result i64) (call $down (i32.const 500))))"#;

const NAMES: [&str; 9] = [
    "direct",
    "tail",
    "tail of a tail",
    "tail of the run",
    "tail of the run, indirect",
    "indirect",
    "neither",
    "many",
    "deep",
];

type Results = (f64, i32, i64);

fn results(a: i32, b: i64, c: f32, d: f64) -> Results {
    (f64::from(c) * 3.0 + d, a.wrapping_mul(5), b.wrapping_mul(7) + 1)
}

fn twins(times: u32) -> [(Sandbox, Module); 2] {
    let waits = move |a: i32, b: i64, c: f32, d: f64| async move {
        later(times).await;
        results(a, b, c, d)
    };
    let builders = [
        Sandbox::builder().host_function("host", "f", results),
        Sandbox::builder().async_host_function("host", "f", waits),
    ];
    builders.map(|builder| {
        let sandbox = builder.build().unwrap();
        let module = sandbox.load_text(CALLS).unwrap();
        (sandbox, module)
    })
}

/// What the guest pays for a call being handed on: a get for each parameter, `call`, and the function.
const HANDED_ON: u64 = 4 + meter::CALL as u64 + 1;

#[test]
fn every_kind_of_call_comes_to_what_it_does_without_waiting() {
    for times in [0, 1, 3] {
        let [(plain, expected), (waiting, module)] = twins(times);
        for name in NAMES {
            let expected = plain.call_values(&expected, name, &[]).unwrap();
            let whole = waiting.call_values(&module, name, &[]).unwrap();
            assert_eq!(whole.results, expected.results, "{name}");
            assert_eq!(whole.usage.host_calls, expected.usage.host_calls, "{name}");
            let more = meter::INSTANTIATION + HANDED_ON * expected.usage.host_calls;
            assert_eq!(whole.usage.fuel - expected.usage.fuel, more, "{name}");
            for fuel in [1, 7, 1000] {
                let (outcome, waits) = stepped(&waiting, &module, name, fuel);
                assert_eq!(outcome.as_ref(), Ok(&whole), "{name} at slices of {fuel}");
                assert_eq!(u64::from(waits), u64::from(times) * whole.usage.host_calls, "{name}");
            }
        }
    }
}

#[test]
fn an_import_that_is_exported_again_can_be_called() {
    let sandbox = Sandbox::builder().async_host_function("host", "f", |a: i32| async move { a + 1 }).build().unwrap();
    let wat = r#"(module (import "host" "f" (func (param i32) (result i32))) (export "g" (func 0)))"#;
    let module = sandbox.load_text(wat).unwrap();
    assert_eq!(sandbox.call::<i32, i32>(&module, "g", 41), Ok(42));
}

fn with(builder: Builder, ty: &str, body: &str) -> (Sandbox, Module) {
    let wat = format!(
        r#"(module (import "host" "f" (func $f {ty})) (memory (export "memory") 1)
            (data (i32.const 0) "hello\ff") (func (export "f") {body}))"#
    );
    let sandbox = builder.build().unwrap();
    let module = sandbox.load_text(&wat).unwrap();
    (sandbox, module)
}

#[test]
fn the_guest_can_be_reached_between_waits() {
    async fn f(mut ctx: AsyncContext, ptr: u32, len: u32) -> Result<i32, HostError> {
        let word = ctx.read_text(ptr, len).await?;
        later(2).await;
        ctx.write(100, word.to_uppercase().into()).await?;
        ctx.charge(1_000).await?;
        ctx.log(Level::Warn, "so far".into()).await?;
        later(2).await;
        let bytes = ctx.read(100, 5).await?;
        ctx.write_output(bytes).await?;
        Ok(ctx.with(|ctx| ctx.input().len() as i32 + i32::from(ctx.memory_size() == 65_536)).await)
    }
    let builder = Sandbox::builder().async_host_function("host", "f", f);
    let (sandbox, module) =
        with(builder, "(param i32 i32) (result i32)", "(result i32) (call $f (i32.const 0) (i32.const 5))");
    let (outcome, waits) = stepped(&sandbox, &module, "f", 1_000_000);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.output_text().as_ref(), &outcome.results[..]), ("HELLO", &[Value::I32(6)][..]));
    assert_eq!((outcome.log.entries[0].level, outcome.log.entries[0].text.as_str()), (Level::Warn, "so far"));
    assert_eq!(waits, 4);
    assert!((1_000..5_000).contains(&outcome.usage.fuel), "{}", outcome.usage.fuel);
    for fuel in [1, 7, 1000] {
        assert_eq!(stepped(&sandbox, &module, "f", fuel).0.unwrap(), outcome);
    }
}

#[test]
fn failures_name_the_function() {
    let failing = |mut ctx: AsyncContext, how: i32| async move {
        later(1).await;
        match how {
            0 => ctx.read(65_530, 10).await.map(drop)?,
            1 => return Err(HostError::new("not today")),
            2 => panic!("oh no"),
            3 => ctx.with(|_| panic!("in between")).await,
            _ => ctx.charge(u64::MAX).await?,
        }
        Ok(())
    };
    let builder = Sandbox::builder().async_host_function("host", "f", failing);
    let wat = r#"(module (import "host" "f" (func $f (param i32))) (memory (export "memory") 1)
        (func (export "f") (param i32) (call $f (local.get 0))))"#;
    let sandbox = builder.build().unwrap();
    let module = sandbox.load_text(wat).unwrap();
    let (module_name, function) = (String::from("host"), String::from("f"));
    let failed = |how| stopped(sandbox.call_values(&module, "f", &[Value::I32(how)]));
    let panicked = |message: &str| {
        StopReason::Host(HostStop::HostPanic {
            module: module_name.clone(),
            function: function.clone(),
            message: message.into(),
        })
    };
    let range = AbiFault::Range { function: "host.f".into(), ptr: 65_530, len: 10, memory: 65_536 };
    assert_eq!(failed(0), StopReason::Guest(GuestFault::Abi(range)));
    let message = "not today".into();
    let expected =
        StopReason::Host(HostStop::HostFunction { module: module_name.clone(), function: function.clone(), message });
    assert_eq!(failed(1), expected);
    assert_eq!(failed(2), panicked("oh no"));
    assert_eq!(failed(3), panicked("in between"));
    assert_eq!(failed(4), StopReason::Limit(LimitExceeded::Fuel { limit: sandbox.config().limits.fuel }));
}

#[test]
fn a_function_that_panics_at_once_is_contained() {
    fn f() -> impl Future<Output = ()> + Send {
        panic!("at once");
        #[expect(unreachable_code, reason = "gives it its type")]
        async {}
    }
    let (sandbox, module) = with(Sandbox::builder().async_host_function("host", "f", f), "", "(call $f)");
    let reason = stopped(sandbox.call_values(&module, "f", &[]));
    assert!(matches!(reason, StopReason::Host(HostStop::HostPanic { message, .. }) if message == "at once"));
}

#[test]
fn a_thread_waits_for_another() {
    let builder = Sandbox::builder().async_host_function("host", "f", || async {
        elsewhere().await;
        7
    });
    let (sandbox, module) = with(builder, "(result i32)", "(result i32) (call $f)");
    assert_eq!(sandbox.call::<(), i32>(&module, "f", ()), Ok(7));
    let mut instance = sandbox.instance(&module).unwrap();
    assert_eq!(instance.call::<(), i32>("f", ()), Ok(7));
    assert_eq!(instance.call::<(), i32>("f", ()), Ok(7));
}

#[test]
fn what_waits_for_ever_can_be_cancelled() {
    let builder = Sandbox::builder().async_host_function("host", "f", pending::<()>);
    let (sandbox, module) = with(builder, "", "(call $f)");
    let mut run = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
    assert_eq!(run.step(100_000), Ok(Step::Waiting));
    assert_eq!(run.step(0), Ok(Step::Waiting));
    let cancel = run.cancel_handle();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        cancel.cancel();
    });
    assert_eq!(stopped(run.finish()), StopReason::Host(HostStop::Cancelled));
    canceller.join().unwrap();
}

#[test]
fn what_waits_for_ever_meets_its_deadline() {
    let builder = Sandbox::builder().config(Config::default().with_deadline_ms(30)).async_host_function(
        "host",
        "f",
        pending::<()>,
    );
    let (sandbox, module) = with(builder, "", "(call $f)");
    let expected = StopReason::Host(HostStop::Deadline { limit_ms: 30 });
    assert_eq!(stopped(sandbox.call_values(&module, "f", &[])), expected);
    let mut scheduler = Scheduler::new(1_000);
    for key in 0..3 {
        scheduler.add(key, sandbox.start_call(&module, "f", &[], b"", ()).unwrap());
    }
    let ended: Vec<_> = scheduler.map(|(key, result)| (key, stopped(result))).collect();
    assert_eq!(ended, [0, 1, 2].map(|key| (key, expected.clone())));
}

#[test]
fn a_run_that_waits_can_be_dropped() {
    struct Counted(Arc<AtomicU32>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&dropped);
    let builder = Sandbox::builder().async_host_function("host", "f", move || {
        let held = Counted(Arc::clone(&counted));
        async move {
            pending::<()>().await;
            drop(held);
        }
    });
    let (sandbox, module) = with(builder, "", "(call $f)");
    let mut run = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
    assert_eq!(run.step(100_000), Ok(Step::Waiting));
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    drop(run);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

/// Counts how often it is woken.
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_future_waits_with_its_executor() {
    let builder = Sandbox::builder().async_host_function("host", "f", || later(3));
    let (sandbox, module) = with(builder, "", "(call $f)");
    let count = Arc::new(Count(AtomicU32::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut future = pin!(sandbox.start_call(&module, "f", &[], b"", ()).unwrap().into_future());
    for polls in 1..=3 {
        assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
        assert_eq!(count.0.load(Ordering::Relaxed), polls);
    }
    assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_ready());
}

#[test]
fn a_cancel_wakes_the_executor() {
    let (sandbox, module) = with(Sandbox::builder().async_host_function("host", "f", pending::<()>), "", "(call $f)");
    let count = Arc::new(Count(AtomicU32::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let run = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
    let cancel = run.cancel_handle();
    let mut future = pin!(run.into_future());
    assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    cancel.cancel();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    let Poll::Ready(ended) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) else { panic!("it waits") };
    assert_eq!(stopped(ended), StopReason::Host(HostStop::Cancelled));
}

#[test]
fn a_scheduler_goes_on_with_the_others() {
    let builder = Sandbox::builder().async_host_function("host", "f", |wait: i32| async move {
        if wait == 1 {
            elsewhere().await;
        }
    });
    let wat =
        r#"(module (import "host" "f" (func $f (param i32))) (func (export "f") (param i32) (call $f (local.get 0))))"#;
    let sandbox = builder.build().unwrap();
    let module = sandbox.load_text(wat).unwrap();
    let mut scheduler = Scheduler::new(1_000);
    for wait in [1, 0, 1, 0] {
        scheduler.add(wait, sandbox.start_call(&module, "f", &[Value::I32(wait)], b"", ()).unwrap());
    }
    let ended: Vec<_> = scheduler.map(|(wait, result)| (wait, result.is_ok())).collect();
    assert_eq!(ended, [(0, true), (0, true), (1, true), (1, true)]);
}
