//! Runs in turns, and runs as futures: the same outcomes as any other way, in an order that is always
//! the same.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use belljar::{CallError, Config, Error, HostStop, LimitExceeded, Module, Outcome, Sandbox, Scheduler, StopReason};

/// Counts to what it is told, in a loop of its own, and says how far it came.
const COUNT: &str = r#"(module
    (import "env" "log" (func $log (param i32 i32)))
    (import "env" "write_output" (func $write (param i32 i32)))
    (memory (export "memory") 0 1)
    (func (export "execute") (param i32 i32) (result i32)
        (local $n i32)
        (drop (memory.grow (i32.const 1)))
        (loop $more
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $n) (i32.mul (local.get 1) (i32.const 1000)))))
        (i32.store (i32.const 0) (local.get $n))
        (call $write (i32.const 0) (i32.const 4))
        (i32.const 0)))"#;

fn load(config: Config, wat: &str) -> (Sandbox, Module) {
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load_text(wat).unwrap();
    (sandbox, module)
}

/// The keys in the order of their ends, and the outcomes.
fn in_turns(turn: u64, sizes: &[usize]) -> Vec<(usize, Result<Outcome, Error>)> {
    let (sandbox, module) = load(Config::default(), COUNT);
    let mut scheduler = Scheduler::new(turn);
    for (key, size) in sizes.iter().enumerate() {
        scheduler.add(key, sandbox.start(&module, vec![b'x'; *size]).unwrap());
    }
    scheduler.collect()
}

#[test]
fn turns_are_fair_and_always_the_same() {
    let (sandbox, module) = load(Config::default(), COUNT);
    let sizes = [9, 1, 5, 5, 2, 0, 7];
    for turn in [1_000, 7_777, 50_000] {
        let ended = in_turns(turn, &sizes);
        assert_eq!(ended, in_turns(turn, &sizes), "turn {turn}");
        // Whoever needs fewer turns ends first, and of equals whoever came first.
        let fuel = |key: &usize| ended.iter().find(|(k, _)| k == key).unwrap().1.as_ref().unwrap().usage.fuel;
        let keys: Vec<_> = ended.iter().map(|(key, _)| *key).collect();
        let mut expected: Vec<_> = (0..sizes.len()).collect();
        expected.sort_by_key(|key| (fuel(key).div_ceil(turn), *key));
        assert_eq!(keys, expected, "turn {turn}");
        for (key, outcome) in ended {
            assert_eq!(outcome, sandbox.run(&module, vec![b'x'; sizes[key]]), "turn {turn}, run {key}");
        }
    }
}

#[test]
fn a_run_that_is_stopped_is_no_trouble_to_others() {
    let (sandbox, module) = load(Config::default().with_fuel(40_000), COUNT);
    let mut scheduler = Scheduler::new(500);
    for size in [1, 1_000_000, 2, 3] {
        scheduler.add(size, sandbox.start(&module, vec![0; size]).unwrap());
    }
    assert_eq!(scheduler.turn(), None);
    let third = scheduler.waiting().find(|(size, _)| **size == 3).unwrap().1;
    third.cancel_handle().cancel();
    assert_eq!((scheduler.len(), scheduler.is_empty()), (4, false));
    let ended: Vec<_> = scheduler.by_ref().map(|(size, end)| (size, end.err())).collect();
    let reasons: Vec<_> = ended.iter().map(|(size, e)| (*size, e.as_ref().and_then(Error::stop_reason))).collect();
    let fuel = StopReason::Limit(LimitExceeded::Fuel { limit: 40_000 });
    assert_eq!(
        reasons,
        [(3, Some(&StopReason::Host(HostStop::Cancelled))), (1, None), (2, None), (1_000_000, Some(&fuel))]
    );
    assert!(scheduler.is_empty() && scheduler.next().is_none());
}

/// Without optimization, a tenth: a run costs twenty times as much.
const RUNS: usize = if cfg!(debug_assertions) { 1_000 } else { 10_000 };

/// Ten thousand runs at a time on one thread, each suspended some times.
#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_runs_in_turns() {
    let (sandbox, module) = load(Config::default(), &COUNT.replace("(drop (memory.grow (i32.const 1)))", ""));
    // Without a page, the store fails: what is measured is a run without its memory.
    let mut scheduler = Scheduler::new(1_000);
    let start = |n: usize| sandbox.start(&module, vec![b'x'; 1 + n % 3]).unwrap();
    let before = crate::memory::status("VmRSS:");
    for n in 0..RUNS {
        scheduler.add(n, start(n));
    }
    for _ in 0..2 * RUNS {
        assert_eq!(scheduler.turn(), None);
    }
    let each = crate::memory::status("VmRSS:").saturating_sub(before) * 1024 / RUNS as u64;
    println!("{each} bytes for each of {RUNS} suspended runs");
    // Alone it is less than 9 KiB. Other tests of this process take memory too, which fewer runs cannot outweigh.
    assert!(cfg!(debug_assertions) || each < 64 << 10, "{each} bytes each");
    assert_eq!(scheduler.count(), RUNS);
}

#[test]
fn a_future_gives_way_and_comes_to_the_same() {
    let (sandbox, module) = load(Config::default(), COUNT);
    let input = vec![b'x'; 3];
    let whole = sandbox.run(&module, input.clone());
    let mut context = Context::from_waker(Waker::noop());
    for (every, at_least) in [(0, 1_000), (100, 100), (10_000, 1), (u64::MAX, 0)] {
        let mut running = pin!(sandbox.start(&module, input.clone()).unwrap().yielding(every));
        let mut pending = 0;
        let outcome = loop {
            match running.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => break outcome,
                Poll::Pending => pending += 1,
            }
        };
        assert_eq!(outcome, whole, "every {every}");
        assert!(pending >= at_least, "every {every}: {pending}");
        let again = running.as_mut().poll(&mut context);
        assert_eq!(again, Poll::Ready(Err(CallError::Ended.into())));
    }
}

/// A future is woken before it gives way, or an executor would forget it; and it can be sent.
#[test]
fn a_future_wakes_itself() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    struct Count(AtomicUsize);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    fn sent<T: Send>(value: T) -> T {
        value
    }
    let (sandbox, module) = load(Config::default(), COUNT);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut running = sent(sandbox.start(&module, vec![b'x'; 300]).unwrap().into_future());
    let cancel = running.execution().cancel_handle();
    let mut running = pin!(running);
    let mut context = Context::from_waker(&waker);
    for polls in 1..4 {
        assert!(running.as_mut().poll(&mut context).is_pending());
        assert_eq!(count.0.load(Ordering::Relaxed), polls);
    }
    cancel.cancel();
    let Poll::Ready(Err(error)) = running.as_mut().poll(&mut context) else { panic!("cancelled") };
    assert_eq!(error.stop_reason(), Some(&StopReason::Host(HostStop::Cancelled)));
}
