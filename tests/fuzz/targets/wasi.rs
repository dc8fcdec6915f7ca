//! The functions of WASI with any pointers, descriptors and flags: a directory of the host is the only one that
//! is reached, and a recorded run is replayed to the same outcome without it.

#![no_main]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use arbitrary::Unstructured;
use belljar::{
    Config, Error, Execution, Outcome, Sandbox, Step,
    config::{Clock, HostDir, Random},
    record::Transcript,
};
use belljar_fuzz::{ends, program::Program};
use libfuzzer_sys::fuzz_target;

/// What is in a file beside the directory, and nowhere else.
const SECRET: &str = "bab5b1b0-0ff1-4ce5-nobody-may-read-this";

static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = std::env::temp_dir().join(format!("belljar-fuzz-{}", std::process::id()));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(place.join("out")).expect("a directory of our own");
    fs::write(place.join("out/secret"), SECRET).expect("a file of our own");
    place
});

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let (Ok(mounted), Ok(program)) = (u.arbitrary(), Program::new(&mut u)) else { return };
    let wasm = program.module();
    if mounted { with_a_host(&wasm) } else { in_memory(&wasm) }
});

fn config() -> Config {
    Config::default().with_fuel(1_000_000).with_env("A", "b").with_args(["x"])
}

/// Two runs, one of them in steps, come to the same.
fn in_memory(wasm: &[u8]) {
    let files = [("/a", "file a"), ("/b", ""), ("/d/e/f", "deep")];
    let config = files.into_iter().fold(config(), |config, (path, text)| config.with_file(path, text.as_bytes()));
    let sandbox = Sandbox::new(config).unwrap_or_else(|error| panic!("{error}"));
    let module = sandbox.load(wasm).unwrap_or_else(|error| panic!("{error}"));
    let whole = sandbox.run(&module, b"some input");
    ends::check(&whole);
    let mut run = sandbox.start(&module, b"some input").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(in_steps(&mut run), whole);
}

fn in_steps(run: &mut Execution) -> Result<Outcome, Error> {
    loop {
        if let Step::Done(outcome) = run.step(100)? {
            return Ok(outcome);
        }
    }
}

fn with_a_host(wasm: &[u8]) {
    let inside = PLACE.join("in");
    fill(&inside);
    let config = config()
        .with_clock(Clock::Host)
        .with_random(Random::Host)
        .with_dir(HostDir::write(inside.to_str().unwrap_or_default(), "/in").with_total_bytes(10_000).with_files(20));
    let sandbox = Sandbox::new(config).unwrap_or_else(|error| panic!("{error}"));
    let module = sandbox.load(wasm).unwrap_or_else(|error| panic!("{error}"));
    let mut run = sandbox.start(&module, b"some input").unwrap_or_else(|error| panic!("{error}"));
    run.record(1 << 20);
    let done = run.finish();
    ends::check(&done);
    let transcript = Transcript::of_run(&sandbox, wasm, b"some input", run.take_effects());

    let text = transcript.to_jsonl();
    assert!(!text.contains(SECRET), "what is outside was read");
    let outside: Vec<_> = fs::read_dir(PLACE.join("out")).expect("it is there").collect();
    assert!(outside.len() == 1 && fs::read_to_string(PLACE.join("out/secret")).is_ok_and(|text| text == SECRET));
    let beside = fs::read_dir(&*PLACE).expect("it is there").count();
    assert!(beside == 2, "something was made outside");
    if let Ok(outcome) = &done {
        let secret = |window: &[u8]| window == SECRET.as_bytes();
        assert!(!outcome.output.windows(SECRET.len()).any(secret), "what is outside was read");
    }

    // Without the directory, and in steps.
    fs::remove_dir_all(&inside).expect("nothing in it cannot be removed");
    let read = Transcript::from_jsonl(&text).unwrap_or_else(|error| panic!("{error}"));
    let mut replayed = read.replay(wasm, b"some input").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(in_steps(&mut replayed), done);
}

/// Files, and links to them, to each other and out.
fn fill(inside: &Path) {
    let _ = fs::remove_dir_all(inside);
    let made = fs::create_dir_all(inside.join("d/e"))
        .and_then(|()| fs::write(inside.join("a"), "file a"))
        .and_then(|()| fs::write(inside.join("b"), ""))
        .and_then(|()| fs::write(inside.join("d/e/f"), "deep"))
        .and_then(|()| symlink("a", inside.join("link")))
        .and_then(|()| symlink("loop", inside.join("loop")))
        .and_then(|()| symlink("..", inside.join("up")))
        .and_then(|()| symlink("../out", inside.join("out")))
        .and_then(|()| symlink("/", inside.join("abs")));
    made.expect("a directory of our own");
}
