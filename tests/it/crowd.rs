//! Concurrent and consecutive runs, which do not affect each other.

use std::{env, process::Command, thread};

use belljar::{Config, GuestFault, LimitExceeded, Sandbox, Step, StopReason};

/// A guest that says `answer` in its output.
fn honest(answer: u32) -> String {
    format!(
        "(module (import \"env\" \"write_output\" (func $write (param i32 i32)))
            (memory (export \"memory\") 1)
            (func (export \"_start\") (local $i i32)
                (loop (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.get $i) (i32.const 500))))
                (i32.store (i32.const 0) (i32.const {answer}))
                (call $write (i32.const 0) (i32.const 4))))"
    )
}

type Stopped = fn(&StopReason) -> bool;

/// Guests that go beyond a limit of [`config`], or trap, with the reason for which they are stopped.
fn stopped() -> [(&'static str, Stopped); 4] {
    [
        (
            "(module (func (export \"_start\") (local i32)
                (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000))))))",
            |r| matches!(r, StopReason::Limit(LimitExceeded::Fuel { .. })),
        ),
        (
            "(module (func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
                (func (export \"_start\") (call $f (i32.const 200))))",
            |r| matches!(r, StopReason::Limit(LimitExceeded::Stack { .. })),
        ),
        ("(module (memory 1) (func (export \"_start\") (drop (memory.grow (i32.const 16)))))", |r| {
            matches!(r, StopReason::Limit(LimitExceeded::Memory { .. }))
        }),
        ("(module (func (export \"_start\") unreachable))", |r| matches!(r, StopReason::Guest(GuestFault::Trap(_)))),
    ]
}

fn config() -> Config {
    Config::default().with_fuel(20_000).with_memory_bytes(1 << 20).with_call_depth(100)
}

/// A thousand runs on eight threads, every fourth of which is stopped: each ends as it does alone.
#[test]
fn runs_at_the_same_time_do_not_meet() {
    const THREADS: u32 = 8;
    let runs = if cfg!(debug_assertions) { 25 } else { 125 };
    let sandbox = &Sandbox::new(config()).unwrap();
    let all = &stopped().map(|(text, stopped)| (sandbox.load_text(text).unwrap(), stopped));
    let shared = &sandbox.load_text(&honest(7)).unwrap();
    let alone = &sandbox.run(shared, b"").unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for i in 0..runs {
                    if (thread + i) % 4 == 0 {
                        let (module, stopped) = &all[(i / 4 % 4) as usize];
                        let error = sandbox.run(module, b"").unwrap_err();
                        assert!(stopped(error.stop_reason().unwrap()), "{error}");
                    } else if i % 2 == 0 {
                        assert_eq!(sandbox.run(shared, b"").unwrap(), *alone);
                    } else {
                        let answer = thread * 1_000 + i;
                        let module = sandbox.load_text(&honest(answer)).unwrap();
                        assert_eq!(sandbox.run(&module, b"").unwrap().output, answer.to_le_bytes());
                    }
                }
            });
        }
    });
}

/// A thousand runs in flight in one thread, a slice of each in turn: each ends as it does alone.
#[test]
fn runs_in_turn_do_not_meet() {
    let runs = if cfg!(debug_assertions) { 200 } else { 1_000 };
    let sandbox = Sandbox::new(config()).unwrap();
    let texts = stopped().map(|(text, _)| text.to_string());
    let texts = texts.into_iter().chain((0..4).map(honest));
    let modules: Vec<_> = texts.map(|text| sandbox.load_text(&text).unwrap()).collect();
    let alone: Vec<_> = modules.iter().map(|module| sandbox.run(module, b"")).collect();
    let mut flying: Vec<_> =
        (0..runs).map(|i| i % modules.len()).map(|kind| (kind, sandbox.start(&modules[kind], b"").unwrap())).collect();
    let mut ended = 0;
    while !flying.is_empty() {
        flying.retain_mut(|(kind, run)| {
            let end = match run.step(500) {
                Ok(Step::Yielded | Step::Waiting) => return true,
                Ok(Step::Done(outcome)) => Ok(outcome),
                Err(error) => Err(error),
            };
            assert_eq!(end, alone[*kind]);
            ended += 1;
            false
        });
    }
    assert_eq!(ended, runs);
}

/// How many modules the child is to run.
const CHILD: &str = "BELLJAR_MANY";

/// Modules loaded, run and dropped, no two the same: what one leaves behind, thousands would show.
#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat_over_many_modules() {
    let modules = if cfg!(debug_assertions) { "1000" } else { "20000" };
    let child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "crowd::many", "--nocapture"])
        .env(CHILD, modules)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

/// `BELLJAR_MANY=1000000 cargo test --release --features selftest crowd::many -- --ignored --nocapture`
#[test]
#[ignore = "a child of `memory_stays_flat_over_many_modules`"]
#[cfg(target_os = "linux")]
fn many() {
    const MOST_KIB: u64 = 4 << 10;
    let Some(modules) = env::var(CHILD).ok().and_then(|modules| modules.parse::<u32>().ok()) else { return };
    let sandbox = Sandbox::new(config()).unwrap();
    let honest = wat::parse_str(honest(7)).unwrap();
    let stopped = stopped().map(|(text, _)| wat::parse_str(text).unwrap());
    // Its last function is refused by the engine's validation.
    let refused = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x05\x01\x03\0\x6a\x0b";
    let one = |i: u32| {
        let wasm = if i % 5 == 4 { &stopped[(i / 5 % 4) as usize] } else { &honest };
        // A section of its own makes each differ from all others.
        let wasm = [&wasm[..], &[0, 6, 1, b'n'], &i.to_le_bytes()].concat();
        let module = sandbox.load(&wasm).unwrap();
        let ended = sandbox.run(&module, b"");
        assert_eq!(ended.is_ok(), i % 5 != 4);
        assert!(sandbox.load(refused).is_err());
    };
    let memory = || crate::memory::status("VmRSS:");
    let start = memory();
    (0..modules / 10).for_each(one);
    let tenth = memory();
    (modules / 10..modules).for_each(one);
    let end = memory();
    println!("{modules} modules: {start} KiB at the start, {tenth} KiB after a tenth, {end} KiB at the end");
    assert!(end.saturating_sub(tenth) < MOST_KIB);
}
