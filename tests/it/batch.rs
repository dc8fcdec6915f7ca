//! Many runs over threads: the same results as a loop, in the same order; bounded, and never left hanging.

use std::{
    cell::Cell,
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use belljar::{Cancel, Config, Error, HostStop, Module, Outcome, Sandbox, StopReason};

/// Turns a hundred times for each byte of its input, and says how often that is; but traps where the input
/// begins with `!`, and takes a billion turns at `~`.
const GUEST: &str = r#"(module
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "write_output" (func $write (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "execute") (param i32 i32) (result i32)
        (local $n i32) (local $turn i32)
        (drop (call $read (i32.const 0) (i32.const 1)))
        (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 33)) (then unreachable))
        (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 126)) (then
            (loop (br_if 0 (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const 1000000000))))))
        (loop $more
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $n) (i32.mul (local.get 1) (i32.const 100)))))
        (i32.store (i32.const 0) (local.get $n))
        (call $write (i32.const 0) (i32.const 4))
        (i32.const 0)))"#;

fn load(config: Config) -> (Sandbox, Module) {
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load_text(GUEST).unwrap();
    (sandbox, module)
}

/// Numbers from a seed, all different in what they do.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Inputs of which most are over soon, some take long, and some are stopped: by a trap, by their fuel.
fn inputs(random: &mut Random, count: u64) -> Vec<Vec<u8>> {
    let input = |random: &mut Random| match random.below(20) {
        0 => b"!".to_vec(),
        1 => b"~".to_vec(),
        2..=5 => vec![b'x'; 100 + random.below(200) as usize],
        6 => Vec::new(),
        _ => vec![b'a' + random.below(20) as u8; random.below(10) as usize],
    };
    (0..count).map(|_| input(random)).collect()
}

#[test]
fn any_number_of_threads_gives_what_a_loop_gives() {
    let (sandbox, module) = load(Config::default().with_fuel(200_000));
    let mut random = Random(7);
    let rounds = if cfg!(debug_assertions) { 3 } else { 12 };
    let mut stopped = 0;
    for round in 0..rounds {
        let count = random.below(120);
        let inputs = inputs(&mut random, count);
        let expected: Vec<_> = inputs.iter().map(|input| sandbox.run(&module, input)).collect();
        stopped += expected.iter().filter(|result| result.is_err()).count();
        for threads in 1..=8 {
            let window = 1 + random.below(40) as usize;
            let batch = sandbox.run_many(&module, &inputs).threads(threads).window(window);
            // The reader is slow at times, too.
            let results: Vec<_> = batch.scope(|results| {
                let slow = results.inspect(|_| thread::sleep(Duration::from_micros(random.below(2) * 300)));
                slow.collect()
            });
            assert!(results == expected, "round {round}, {threads} threads, a window of {window}");
        }
        assert!(sandbox.run_many(&module, &inputs).collect() == expected, "round {round}, by default");
    }
    assert!(stopped > 10);
}

#[test]
fn no_input_is_taken_that_the_window_has_no_room_for() {
    let (sandbox, module) = load(Config::default());
    for (threads, window) in [(1, 1), (2, 1), (2, 5), (4, 16)] {
        let taken = AtomicUsize::new(0);
        let inputs = (0..200).map(|_| {
            taken.fetch_add(1, Ordering::SeqCst);
            "abc"
        });
        sandbox.run_many(&module, inputs).threads(threads).window(window).scope(|mut results| {
            for done in 0..200 {
                let under_way = || taken.load(Ordering::SeqCst) - done;
                if done % 40 == 0 {
                    // A reader that waits lets it be filled, and not be exceeded.
                    until(|| under_way() >= window);
                    thread::sleep(Duration::from_millis(5));
                    assert_eq!(under_way(), window, "{threads} threads");
                }
                assert!(under_way() <= window, "{threads} threads");
                results.next().unwrap().unwrap();
            }
            assert_eq!((results.next(), results.next()), (None, None));
        });
    }
}

fn until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60));
        thread::yield_now();
    }
}

/// Has what a thread of the batch could keep.
#[derive(Clone)]
struct Held(Arc<()>);

fn held(inputs: impl Iterator<Item = &'static str> + Send) -> (impl Iterator<Item = &'static str> + Send, Arc<()>) {
    let held = Held(Arc::new(()));
    let watched = Arc::clone(&held.0);
    (
        inputs.inspect(move |_| {
            let _ = &held.0;
        }),
        watched,
    )
}

/// A reader that leaves stops what runs, though that would go on.
#[test]
fn whoever_leaves_waits_for_no_run() {
    let (sandbox, module) = load(plenty());
    let (inputs, watched) = held(["a", "a", "~", "~", "~", "a"].into_iter().cycle());
    let mut read = 0;
    let left = sandbox.run_many(&module, inputs).threads(3).scope(|mut results| {
        results.try_for_each(|result| {
            result.unwrap();
            read += 1;
            if read == 2 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
        })
    });
    assert_eq!((left, read), (ControlFlow::Break("enough"), 2));
    assert_eq!(Arc::strong_count(&watched), 1, "a thread is left");
}

/// So that a run is not stopped by its fuel.
fn plenty() -> Config {
    let mut config = Config::profile(belljar::Profile::Large);
    config.limits.fuel = 1_000_000_000_000_000;
    config
}

#[test]
fn a_cancel_ends_it() {
    let (sandbox, module) = load(plenty());
    let cancel = Cancel::new();
    let canceller = {
        let cancel = cancel.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            cancel.cancel();
        })
    };
    let inputs = ["a", "~", "a", "~"].into_iter().cycle();
    let results = sandbox.run_many(&module, inputs).threads(2).cancel(&cancel).collect();
    canceller.join().unwrap();
    assert!((4..=64).contains(&results.len()), "{}", results.len());
    let done: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(done[..4], [true, false, true, false]);
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.stop_reason(), Some(&StopReason::Host(HostStop::Cancelled)));
    }
    // One that has been cancelled does not begin.
    assert_eq!(sandbox.run_many(&module, ["a"]).cancel(&cancel).collect(), []);
}

/// The reader is not kept waiting by inputs that do not come.
#[test]
fn a_cancel_ends_the_wait_for_an_input() {
    let (sandbox, module) = load(Config::default());
    let cancel = Cancel::new();
    let (sender, receiver) = std::sync::mpsc::channel::<&str>();
    let inputs = std::iter::from_fn(move || receiver.recv().ok());
    sandbox.run_many(&module, inputs).threads(2).cancel(&cancel).scope(|mut results| {
        sender.send("a").unwrap();
        // What is done is there, though the next input is not.
        results.next().unwrap().unwrap();
        assert!(!results.wait(Duration::from_millis(10)));
        cancel.cancel();
        assert!(results.wait(Duration::from_secs(60)));
        assert_eq!(results.next(), None);
        drop(sender);
    });
}

#[test]
fn a_panic_of_the_inputs_comes_after_the_results_before_it() {
    let (sandbox, module) = load(Config::default());
    for threads in [1, 4] {
        let read = Cell::new(0);
        let inputs = (0..100).map(|n| if n == 40 { panic::panic_any(n) } else { "abc" });
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            sandbox.run_many(&module, inputs).threads(threads).scope(|results| {
                results.for_each(|result| {
                    result.unwrap();
                    read.set(read.get() + 1);
                });
            });
        }));
        assert_eq!((caught.unwrap_err().downcast_ref(), read.get()), (Some(&40), 40), "{threads} threads");
    }
}

#[test]
fn a_panic_of_the_reader_waits_for_no_run() {
    let (sandbox, module) = load(plenty());
    let (inputs, watched) = held(["a", "~"].into_iter().cycle());
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        sandbox.run_many(&module, inputs).threads(2).scope(|mut results| -> Result<Outcome, Error> {
            results.next();
            panic::panic_any("reader")
        })
    }));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"reader"));
    assert_eq!(Arc::strong_count(&watched), 1, "a thread is left");
}

/// What cannot be run at all is told for each input.
#[test]
fn an_error_before_the_run_is_a_result() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox.load_text("(module)").unwrap();
    let results = sandbox.run_many(&module, [b"a", b"b"]).collect();
    assert_eq!(results, [sandbox.run(&module, b"a"), sandbox.run(&module, b"b")]);
    assert!(results.iter().all(|result| matches!(result, Err(Error::Call(_)))));
}

/// Counts the runs that are within the span of the caller.
#[cfg(feature = "cli")]
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

#[cfg(feature = "cli")]
impl<S> tracing_subscriber::Layer<S> for Runs
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(
        &self,
        made: &tracing::span::Attributes<'_>,
        id: &tracing::span::Id,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let parent = context.span(id).and_then(|span| Some(span.parent()?.name()));
        let within = made.metadata().name() == "run" && parent == Some("caller");
        self.0.fetch_add(usize::from(within), Ordering::SeqCst);
    }
}

/// The caller's subscriber is told of the runs, within the caller's span, though others run them.
#[test]
#[cfg(feature = "cli")]
fn runs_are_traced_as_the_callers() {
    use tracing_subscriber::layer::SubscriberExt;

    let (sandbox, module) = load(Config::default());
    let runs = Runs::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(runs.clone()), || {
        let _caller = tracing::info_span!("caller").entered();
        // Another test may have met the span of a run for the first time just when this subscriber came, and then
        // nobody has asked it whether it listens.
        assert!(sandbox.run(&module, "a").is_ok());
        tracing::callsite::rebuild_interest_cache();
        runs.0.store(0, Ordering::SeqCst);
        assert_eq!(sandbox.run_many(&module, ["a"; 10]).threads(2).collect().len(), 10);
    });
    assert_eq!(runs.0.load(Ordering::SeqCst), 10);
}
