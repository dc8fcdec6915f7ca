//! The guests in `fixtures/guests`: each case of `cases.toml`, on the built files and, where a
//! toolchain is present, on files built anew.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use belljar::{Error, GuestFault, LimitExceeded, Outcome, Sandbox, Step, StopReason, Usage, Value};

use case::Case;

mod case;
#[cfg(feature = "json")]
mod tools;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/guests")
}

fn cases() -> Vec<Case> {
    case::cases(&fs::read_to_string(folder().join("cases.toml")).unwrap())
}

#[test]
fn every_case_holds_at_every_slice() {
    let cases = cases();
    let named: BTreeSet<_> = cases.iter().map(|case| case.guest.clone()).collect();
    assert_eq!(named, built(), "guests with cases, and built guests");
    for case in &cases {
        let wasm = fs::read(folder().join(format!("{}.wasm", case.guest))).unwrap();
        let whole = check(case, &wasm, u64::MAX);
        // Short slices take longer: only where a run is short.
        let slices: &[u64] = if whole.usage.fuel < 100_000 { &[1, 7, 1000] } else { &[99_991] };
        for slice in slices {
            assert_eq!(check(case, &wasm, *slice), whole, "{} at slices of {slice}", case.guest);
        }
    }
}

/// Needs the toolchains; `fixtures/guests/build.sh --install` brings them.
#[test]
#[ignore = "builds with other toolchains"]
fn guests_built_anew_behave_the_same() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    fs::create_dir_all(&out).unwrap();
    let script = |args: &[&str]| Command::new(folder().join("build.sh")).args(args).status().unwrap().success();
    let mut tried = 0;
    for guest in built() {
        if !script(&["--have", &guest]) {
            println!("{guest}: its toolchain is not here");
            continue;
        }
        assert!(script(&["--out", out.to_str().unwrap(), &guest]), "{guest} does not build");
        let wasm = fs::read(out.join(format!("{guest}.wasm"))).unwrap();
        for case in cases().iter().filter(|case| case.guest == guest) {
            check(case, &wasm, u64::MAX);
        }
        tried += 1;
    }
    println!("{tried} guests built anew");
}

/// The guests whose built files are there.
pub fn built() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|f| f.extension().is_some_and(|e| e == "wasm"))
        .map(|f| f.file_stem().unwrap().to_str().unwrap().into())
        .collect()
}

/// What a run left behind, however it ended.
#[derive(Debug, PartialEq)]
struct Run {
    end: Result<(i32, Vec<Value>), StopReason>,
    output: Vec<u8>,
    log: Vec<String>,
    usage: Usage,
}

fn check(case: &Case, wasm: &[u8], slice: u64) -> Run {
    let sandbox = Sandbox::new(case.config()).unwrap();
    let module = sandbox.load(wasm).unwrap();
    let input = case.input();
    let mut run = match &case.call {
        Some(name) => {
            let args = case.arguments(&module.inspect().function(name).unwrap().params);
            sandbox.start_call(&module, name, &args, input, ()).unwrap()
        }
        None => sandbox.start(&module, input).unwrap(),
    };
    let end = loop {
        match run.step(slice) {
            Ok(Step::Yielded | Step::Waiting) => {}
            Ok(Step::Done(outcome)) => break Ok(outcome),
            Err(error) => break Err(error),
        }
    };
    let run = of(end);
    let what = format!("{case:#?}\n{:?}", run.end);
    if let Some(output) = case.output() {
        assert!(run.output == output, "{what}\n{}", String::from_utf8_lossy(&run.output));
    }
    if let Some(log) = &case.log {
        // A log that was cut is given by its first lines.
        let cut = matches!(run.end, Err(StopReason::Limit(LimitExceeded::Fuel { .. })));
        assert_eq!(if cut { &run.log[..log.len()] } else { &run.log[..] }, log, "{what}");
    }
    match &run.end {
        Ok((status, results)) => {
            assert_eq!(case.stop, None, "{what}");
            assert_eq!(case.status.unwrap_or(0), *status, "{what}");
            let results: Vec<_> = results.iter().map(Value::to_string).collect();
            assert_eq!(results, case.results, "{what}");
        }
        Err(StopReason::Guest(GuestFault::Status { code })) => assert_eq!(case.status, Some(*code), "{what}"),
        Err(reason) => {
            let (stop, detail) = stop(reason);
            assert_eq!(case.stop.as_deref(), Some(stop), "{what}");
            assert!(
                case.trap.iter().chain(&case.message).all(|part| detail.contains(part.as_str())),
                "{what}\n{detail}"
            );
        }
    }
    run
}

fn of(end: Result<Outcome, Error>) -> Run {
    let texts = |log: belljar::Log| log.entries.into_iter().map(|entry| entry.text).collect();
    match end {
        Ok(o) => Run { end: Ok((o.status, o.results)), output: o.output, log: texts(o.log), usage: o.usage },
        Err(Error::Stopped(s)) => Run { end: Err(s.reason), output: s.output, log: texts(s.log), usage: s.usage },
        Err(error) => panic!("{error}"),
    }
}

fn stop(reason: &StopReason) -> (&'static str, String) {
    match reason {
        StopReason::Guest(GuestFault::Trap(trap)) => ("trap", trap.to_string()),
        StopReason::Guest(GuestFault::Failed { message } | GuestFault::Aborted { message, .. }) => {
            ("fail", message.clone())
        }
        StopReason::Limit(LimitExceeded::Fuel { .. }) => ("fuel", String::new()),
        StopReason::Limit(LimitExceeded::Memory { .. }) => ("memory", String::new()),
        StopReason::Limit(LimitExceeded::Output { .. }) => ("output", String::new()),
        other => panic!("{other:?}"),
    }
}
