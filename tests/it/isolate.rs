//! Isolated runs: they have the same results as runs in this process, and invalid workers are reported.
//!
//! The worker is the program `belljar`, or a script that imitates one.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use belljar::{
    Config, Error, HostStop, ModuleError, Outcome, Sandbox, Step, StopReason,
    error::IsolationError,
    error::WorkerEnd,
    isolate::{self, Isolation},
};

use crate::{
    fixture::{
        self,
        parse::{self, Action, Fixture, Kind},
    },
    guests,
};

mod invalid;
mod measured;
#[cfg(target_os = "linux")]
mod system;

const PROGRAM: &str = env!("CARGO_BIN_EXE_belljar");

/// Creates an isolation with the program `belljar` as the worker.
pub fn isolation(config: &Config) -> Isolation {
    Isolation::new(config.clone()).unwrap().with_worker(PROGRAM, [""; 0])
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Checks that every action of every fixture ends as it does in this process.
#[test]
fn every_fixture_is_the_same() {
    let files: Vec<_> = fixture::FOLDERS.iter().flat_map(|folder| fixture::files(folder)).collect();
    let (left, right) = files.split_at(files.len() / 2);
    let compared = thread::scope(|scope| {
        let compare = |files: &[std::path::PathBuf]| files.iter().map(|file| compare(file.clone())).sum::<usize>();
        let right = scope.spawn(move || compare(right));
        compare(left) + right.join().unwrap()
    });
    assert!(compared > 100, "{compared}");
}

/// Compares the actions of a fixture and returns their number.
fn compare(path: std::path::PathBuf) -> usize {
    let name = path.display().to_string();
    let fixture = Fixture::read(path).unwrap();
    let bytes = match fixture.kind {
        Kind::Toml => return 0,
        Kind::Hex => parse::hex(&fixture.body).unwrap(),
        Kind::Wat => match wat::parse_str(&fixture.body) {
            Ok(bytes) => bytes,
            // Some are invalid as text, on purpose.
            Err(_) => return 0,
        },
    };
    let config = Config::from_toml(&fixture.config).unwrap();
    let (sandbox, isolation) = (Sandbox::new(config.clone()).unwrap(), isolation(&config));
    let module = match sandbox.load(&bytes) {
        Ok(module) => module,
        Err(error) => {
            assert_eq!(isolation.validate(&bytes), Err(error.clone()), "{name}");
            assert_eq!(isolation.run(&bytes, b""), Err(error), "{name}");
            return 1;
        }
    };
    for (title, action) in &fixture.actions {
        match action {
            Action::Inspect => {
                assert_eq!(isolation.validate(&bytes).as_ref(), Ok(module.inspect()), "{name}");
            }
            Action::Run { input } => {
                let here = sandbox.run(&module, input.as_slice());
                assert_eq!(isolation.run(&bytes, input), here, "{name}: {title}");
            }
            Action::Call { name: function, arguments, input } => {
                let run = sandbox.start_call(&module, function, arguments, input.as_slice(), ());
                let here = run.and_then(|mut run| run.finish());
                let run = isolation.start_call(&bytes, function, arguments, input);
                assert_eq!(run.and_then(|mut run| run.finish()), here, "{name}: {title}");
            }
        }
    }
    fixture.actions.len()
}

#[test]
fn every_guest_is_the_same() {
    let folder = fixture::root().join("guests");
    let config = Config::default().with_fuel(300_000);
    let (sandbox, isolation) = (Sandbox::new(config.clone()).unwrap(), isolation(&config));
    for guest in guests::built() {
        let bytes = fs::read(folder.join(format!("{guest}.wasm"))).unwrap();
        let module = sandbox.load(&bytes).unwrap();
        assert_eq!(isolation.validate(&bytes).as_ref(), Ok(module.inspect()), "{guest}");
        let input = b"# some text";
        assert_eq!(isolation.run(&bytes, input), sandbox.run(&module, input), "{guest}");
    }
}

#[test]
#[cfg(feature = "selftest")]
fn checks_of_the_self_test_are_the_same() {
    // A deadline is not deterministic.
    for check in belljar::selftest::checks().filter(|check| check.tests != "deadline_ms") {
        let (Some(wasm), Ok(config)) = (check.module(), check.config()) else { continue };
        let sandbox = Sandbox::new(config.clone()).unwrap();
        let here = sandbox.load(&wasm).and_then(|module| sandbox.run(&module, b"some input"));
        assert!(isolation(&config).run(&wasm, b"some input") == here, "{}: {here:?}", check.name);
    }
}

/// Checks inputs and outputs that are larger than any buffer, in both directions.
#[test]
fn large_inputs_and_outputs_go_through() {
    let echo = wasm(
        r#"(module
            (import "env" "read_input" (func $read (param i32 i32) (result i32)))
            (import "env" "write_output" (func $write (param i32 i32)))
            (import "env" "log" (func $log (param i32 i32)))
            (memory (export "memory") 1)
            (func (export "_start") (local $n i32)
                (loop $more
                    (local.set $n (call $read (i32.const 0) (i32.const 60000)))
                    (call $write (i32.const 0) (local.get $n))
                    (call $log (i32.const 0) (i32.const 9))
                    (br_if $more (local.get $n)))))"#,
    );
    let input: Vec<u8> = (0..6_000_000u32).map(|i| b'a' + (i % 26) as u8).collect();
    let config = Config::default().with_output_bytes(8 << 20);
    let here = belljar::execute(&echo, &input, &config);
    assert!(here.as_ref().is_ok_and(|outcome| outcome.output == input));
    assert!(isolation(&config).run(&echo, &input) == here);
}

/// Checks that reports arrive during the run, as with `step`.
#[test]
fn a_run_sends_reports() {
    let talk = wasm(
        r#"(module
            (import "env" "write_output" (func $write (param i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "word")
            (func (export "_start") (local $n i32)
                (loop $more
                    (call $write (i32.const 0) (i32.const 4))
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if $more (i32.lt_u (local.get $n) (i32.const 100000))))))"#,
    );
    let config = Config::default();
    let mut run = isolation(&config).start(&talk, b"").unwrap();
    let mut reports = 0;
    let outcome = loop {
        match run.wait().unwrap() {
            Step::Yielded | Step::Waiting => {
                assert_eq!(run.usage().output_bytes, run.output().len() as u64);
                reports += 1;
            }
            Step::Done(outcome) => break outcome,
        }
    };
    assert!(reports > 3, "{reports}");
    assert!(run.wall_time() > Duration::ZERO);
    assert_eq!(Ok(outcome), belljar::execute(&talk, b"", &config));
    assert!(matches!(run.wait(), Err(Error::Call(_))));
}

const LONG: &str = r#"(module (func (export "_start") (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000000000))))))"#;

#[test]
fn a_deadline_is_kept_by_the_worker() {
    let config = Config::default().with_fuel(1_000_000_000_000).with_deadline_ms(50);
    let error = isolation(&config).run(&wasm(LONG), b"").unwrap_err();
    assert_eq!(error.stop_reason(), Some(&StopReason::Host(HostStop::Deadline { limit_ms: 50 })));
}

/// Checks that a cancelled run reports the same as a run with that fuel limit.
#[test]
fn a_cancel_ends_the_worker() {
    let count = wasm(
        r#"(module
            (import "env" "log" (func $log (param i32 i32)))
            (memory (export "memory") 1)
            (func (export "_start") (local i32)
                (loop (call $log (i32.const 0) (i32.const 1)) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000000))))))"#,
    );
    let config = Config::default().with_fuel(1_000_000_000_000);
    let mut run = isolation(&config).start(&count, b"").unwrap();
    assert_eq!(run.wait(), Ok(Step::Yielded));
    let cancel = run.cancel_handle();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        cancel.cancel();
    });
    let start = Instant::now();
    let Err(Error::Stopped(stopped)) = run.finish() else { panic!("it was not cancelled") };
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(stopped.reason, StopReason::Host(HostStop::Cancelled));
    assert!(stopped.usage.fuel > 0);
    let again = belljar::execute(&count, b"", &config.with_fuel(stopped.usage.fuel)).unwrap_err();
    let Error::Stopped(again) = again else { panic!("{again}") };
    assert_eq!((again.log, again.usage.fuel), (stopped.log, stopped.usage.fuel));
}

#[test]
fn an_invalid_configuration_starts_nothing() {
    let config = Config::default().with_fuel(0);
    assert_eq!(Isolation::new(config.clone()).map(|_| ()), Sandbox::new(config).map(|_| ()));
}

/// Checks that the layers are those of the documentation.
#[test]
fn layers_are_as_documented() {
    let names: Vec<_> = isolate::layers().iter().map(|layer| layer.name).collect();
    if cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))) {
        assert_eq!(names, ["process", "limits", "memory", "undumpable", "parent", "seccomp"]);
    }
    let page = include_str!("../../src/docs/isolation.md");
    for layer in isolate::layers() {
        assert!(page.contains(&format!("| `{}` |", layer.name)), "{}", layer.name);
    }
}

/// Returns the reason of a stopped run.
fn stopped(result: Result<Outcome, Error>) -> StopReason {
    match result {
        Err(Error::Stopped(stopped)) => stopped.reason,
        other => panic!("{other:?}"),
    }
}
