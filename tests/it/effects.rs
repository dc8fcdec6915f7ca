//! Effects of WASI programs: the clock, the random bytes and the directories of the host. Each run is recorded, and
//! replayed without them.

use std::{fmt::Write, fs, path::PathBuf};

use belljar::{
    Config, Error, HostStop, LimitExceeded, Outcome, Profile, Sandbox, Step, StopReason, ValueType,
    abi::wasi::FUNCTIONS,
    config::{Clock, HostDir, Random},
    record::{Effect, ReceiptError, Transcript, TranscriptError},
};

use super::{dirs::guest::Place, transcripts::in_steps};

/// A program that makes these calls, each a function and its arguments, and writes its memory, with what
/// each answered in it, to its output.
fn program(calls: &[(&str, &[i64])], data: &str) -> Vec<u8> {
    wat::parse_str(text_of(calls, data)).unwrap()
}

fn text_of(calls: &[(&str, &[i64])], data: &str) -> String {
    let mut imports = String::new();
    for function in FUNCTIONS {
        let ty = function.ty();
        let list = |types: &[ValueType]| types.iter().map(ValueType::to_string).collect::<Vec<_>>().join(" ");
        writeln!(
            imports,
            r#"(import "wasi_snapshot_preview1" "{0}" (func ${0} (param {1}) (result {2})))"#,
            function.name,
            list(&ty.params),
            list(&ty.results)
        )
        .unwrap();
    }
    let mut body = String::new();
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let function = FUNCTIONS.iter().find(|function| function.name == *name).unwrap();
        let types = function.ty().params;
        assert_eq!(types.len(), arguments.len(), "{name}");
        let arguments = types.iter().zip(*arguments).map(|(ty, value)| format!("({ty}.const {value})"));
        let arguments: Vec<_> = arguments.collect();
        writeln!(body, "(i32.store (i32.const {}) (call ${name} {}))", ANSWERS + 4 * index, arguments.join(" "))
            .unwrap();
    }
    format!(
        r#"(module {imports} (memory (export "memory") 1) {data}
            (data (i32.const {LIST}) "\00\80\00\00\40\00\00\00")
            (data (i32.const {ALL}) "\00\00\00\00\00\80\00\00")
            (func (export "_start") {body}
                (drop (call $fd_write (i32.const 1) (i32.const {ALL}) (i32.const 1) (i32.const 65000)))))"#
    )
}

/// Where answers go, a buffer of 64 bytes is listed, and all that is written is.
const ANSWERS: usize = 16_384;
const LIST: i64 = 40_000;
const ALL: i64 = 41_000;

/// All of what can be done in a directory, and looks at the clocks and at random bytes.
fn everything() -> Vec<u8> {
    wat::parse_str(everything_as_text()).unwrap()
}

fn everything_as_text() -> String {
    let paths = [
        (0, "file"),
        (16, "made"),
        (32, "made/link"),
        (48, "made/other"),
        (64, "../made"),
        (80, "gone"),
        (96, "made/moved"),
    ];
    let mut data = String::new();
    for (at, path) in paths {
        write!(data, "(data (i32.const {}) \"{path}\")", 50_000 + at).unwrap();
    }
    let path = |index: usize| (50_000 + paths[index].0, paths[index].1.len() as i64);
    let at = |index: usize| [path(index).0, path(index).1];
    let ([file, file_len], [made, made_len], [link, link_len]) = (at(0), at(1), at(2));
    let ([other, other_len], [up, up_len], [gone, gone_len], [moved, moved_len]) = (at(3), at(4), at(5), at(6));
    let all = 0x0fff_ffff;
    let read = all & !(1 << 6) & !(1 << 8) & !(1 << 22);
    text_of(
        &[
            ("clock_time_get", &[0, 1, 0]),
            ("clock_time_get", &[1, 1, 8]),
            ("clock_time_get", &[2, 1, 16]),
            ("clock_res_get", &[0, 24]),
            ("random_get", &[32, 32]),
            ("random_get", &[64, 0]),
            ("path_open", &[3, 1, file, file_len, 0, read, all, 0, 64]),
            ("fd_read", &[4, LIST, 1, 68]),
            ("fd_pread", &[4, LIST, 1, 1, 72]),
            ("fd_filestat_get", &[4, 128]),
            ("path_open", &[3, 1, up, up_len, 0, 2, all, 0, 76]),
            ("path_open", &[3, 1, gone, gone_len, 0, 2, all, 0, 76]),
            ("path_create_directory", &[3, made, made_len]),
            ("path_create_directory", &[3, made, made_len]),
            ("path_symlink", &[file, file_len, 3, link, link_len]),
            ("path_readlink", &[3, link, link_len, 256, 64, 80]),
            ("path_open", &[3, 0, other, other_len, 1, all, all, 0, 84]),
            ("fd_write", &[5, LIST, 1, 88]),
            ("fd_pwrite", &[5, LIST, 1, 100, 88]),
            ("fd_seek", &[5, 0, 2, 96]),
            ("fd_filestat_set_size", &[5, 10]),
            ("fd_allocate", &[5, 0, 1_000_000_000]),
            ("fd_filestat_set_times", &[5, 1_000, 2_000, 5]),
            ("fd_sync", &[5]),
            ("path_filestat_get", &[3, 1, other, other_len, 384]),
            ("path_filestat_set_times", &[3, 1, other, other_len, 0, 0, 10]),
            ("path_link", &[3, 0, other, other_len, 3, gone, gone_len]),
            ("path_rename", &[3, other, other_len, 3, moved, moved_len]),
            ("fd_readdir", &[3, 512, 90, 0, 104]),
            ("fd_readdir", &[3, 640, 400, 2, 108]),
            ("path_unlink_file", &[3, gone, gone_len]),
            ("path_unlink_file", &[3, link, link_len]),
            ("path_remove_directory", &[3, made, made_len]),
            ("fd_close", &[5]),
            ("fd_close", &[4]),
            ("poll_oneoff", &[60_000, 61_000, 1, 112]),
            ("clock_time_get", &[1, 1, 120]),
            ("sock_shutdown", &[3, 1]),
        ],
        // Waits for a second of the monotonic clock.
        &(data + r#"(data (i32.const 60016) "\01") (data (i32.const 60024) "\00\ca\9a\3b")"#),
    )
}

/// A directory with a file in it.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    fs::write(place.inside("file"), b"of the host\xff\x00").unwrap();
    place
}

fn config(place: &Place) -> Config {
    Config::profile(Profile::Large).with_clock(Clock::Host).with_random(Random::Host).with_dir(place.write())
}

type Done = Result<Outcome, Error>;

/// Runs a program; returns the outcome and the transcript.
fn recorded(config: Config, wasm: &[u8], max_bytes: u64) -> (Done, Transcript) {
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load(wasm).unwrap();
    let mut run = sandbox.start(&module, b"input").unwrap();
    run.record(max_bytes);
    let done = run.finish();
    (done, Transcript::of_run(&sandbox, wasm, b"input", run.take_effects()))
}

fn replay(transcript: &Transcript, wasm: &[u8], step: u64) -> Done {
    in_steps(&mut transcript.replay(wasm, b"input").unwrap(), step)
}

fn answers(outcome: &Outcome) -> Vec<u32> {
    let words = outcome.output[ANSWERS..].chunks(4).take(38);
    words.map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

#[test]
fn effects_of_the_host_are_replayed_without_it() {
    let place = place("all");
    let wasm = everything();
    let (done, transcript) = recorded(config(&place), &wasm, 1 << 20);
    let outcome = done.unwrap();
    assert_eq!(
        answers(&outcome),
        [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 76, 44, 0, 20, 0, 0, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 55, 0,
            0, 0, 0, 57
        ]
    );
    let text = transcript.to_jsonl();
    let read = Transcript::from_jsonl(&text).unwrap();
    assert_eq!(read, transcript);
    drop(place);
    for step in [u64::MAX, 1_000, 1] {
        assert_eq!(replay(&read, &wasm, step).unwrap(), outcome, "in steps of {step}");
    }
    for function in [
        "clock",
        "random",
        "dir.open",
        "dir.close",
        "dir.stat",
        "dir.stat_at",
        "dir.set_times",
        "dir.set_times_at",
        "dir.read",
        "dir.room",
        "dir.write",
        "dir.set_size",
        "dir.sync",
        "dir.list",
        "dir.make_directory",
        "dir.remove_directory",
        "dir.unlink",
        "dir.link",
        "dir.symlink",
        "dir.target",
        "dir.rename",
    ] {
        assert!(transcript.effects.iter().any(|effect| effect.function() == function), "{function}");
    }
    // An audit: what was asked, of which directory, and what came of it.
    let open = transcript.effects.iter().find(|effect| effect.function() == "dir.open");
    let Some(Effect::Directory { asked, answer, .. }) = open else { panic!("{open:?}") };
    assert_eq!((&asked["dir"], &asked["at"][1]), (&"/in".into(), &"file".into()));
    assert_eq!(answer["ok"][1], "file");
}

#[test]
fn recording_changes_nothing() {
    let config = |place: &Place| config(place).with_clock(Clock::Virtual).with_random(Random::Seeded);
    let wasm = everything();
    let times = |mut outcome: Outcome| {
        // When its files were changed is the host's to say.
        outcome.output.clear();
        outcome
    };
    let run = |run: &dyn Fn(Config) -> Done| {
        let place = place("recording");
        times(run(config(&place)).unwrap())
    };
    let plain = run(&|config| belljar::execute(&wasm, b"input", &config));
    assert_eq!(run(&|config| recorded(config, &wasm, 1 << 20).0), plain);
}

#[test]
fn two_runs_with_a_host_differ() {
    let wasm = program(&[("clock_time_get", &[0, 1, 0]), ("random_get", &[32, 32])], "");
    let both = |config: Config| [0, 1].map(|_| belljar::execute(&wasm, b"", &config).unwrap().output);
    let [a, b] = both(Config::default().with_clock(Clock::Host).with_random(Random::Host));
    assert_ne!(a[..8], b[..8]);
    assert_ne!(a[32..64], b[32..64]);
    let [a, b] = both(Config::default());
    assert_eq!(a, b);
    // It is the time of today, and goes on by what is slept.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let place = place("clock");
    let outcome = belljar::execute(&everything(), b"", &config(&place)).unwrap();
    let at = |offset: usize| u64::from_le_bytes(outcome.output[offset..offset + 8].try_into().unwrap());
    assert!(at(0) >= now && at(0) < now + 3_600_000_000_000);
    assert!(at(120) >= at(8) + 1_000_000_000);
}

/// AssemblyScript's seed and clocks are effects, too.
#[test]
fn a_guest_in_assemblyscript_is_replayed() {
    let wasm = wat::parse_str(
        r#"(module (import "env" "seed" (func $seed (result f64))) (import "env" "Date.now" (func $date (result f64)))
            (import "env" "performance.now" (func $now (result f64)))
            (import "env" "write_output" (func $write (param i32 i32))) (memory (export "memory") 1)
            (func (export "_start")
                (f64.store (i32.const 0) (call $seed)) (f64.store (i32.const 8) (call $date))
                (f64.store (i32.const 16) (call $now)) (call $write (i32.const 0) (i32.const 24))))"#,
    )
    .unwrap();
    let config = Config::default().with_clock(Clock::Host).with_random(Random::Host);
    let (first, transcript) = recorded(config, &wasm, 1 << 20);
    let first = first.unwrap();
    let asked = &transcript.effects;
    assert!(matches!(asked[..], [Effect::Random { .. }, Effect::Clock { .. }, Effect::Clock { .. }]), "{asked:?}");
    assert_eq!(replay(&transcript, &wasm, u64::MAX).unwrap().output, first.output);
    let at = |offset: usize| f64::from_le_bytes(first.output[offset..offset + 8].try_into().unwrap());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as f64;
    assert!(at(0) < 2_f64.powi(53) && at(8) <= now && at(8) > now - 3_600_000.0 && at(16) >= 0.0);
}

#[test]
fn a_guest_that_asks_for_something_else_is_stopped() {
    let (two, other) = (
        program(&[("random_get", &[0, 8]), ("random_get", &[0, 16])], ""),
        program(&[("random_get", &[0, 8]), ("random_get", &[0, 17])], ""),
    );
    let config = Config::default().with_random(Random::Host);
    let (_, mut transcript) = recorded(config, &two, 1 << 20);
    transcript.header.module = belljar::record::Digest::of(&other);
    let Err(Error::Stopped(stopped)) = replay(&transcript, &other, u64::MAX) else { panic!("it was replayed") };
    let StopReason::Host(HostStop::Replay { effect, function, expected, found }) = stopped.reason else {
        panic!("{stopped:?}")
    };
    assert_eq!((effect, &*function), (2, "random"));
    assert_eq!((&*expected, &*found), (r#"random {"len":16}"#, r#"random {"len":17}"#));
}

#[test]
fn answers_in_another_form_are_refused() {
    let wasm = program(&[("random_get", &[0, 4]), ("clock_time_get", &[0, 1, 8])], "");
    let config = Config::default().with_random(Random::Host).with_clock(Clock::Host);
    let (_, transcript) = recorded(config, &wasm, 1 << 20);
    for (effect, answer) in [(0, r#"{"hex":"00"}"#), (0, r#"{"hex":"zz"}"#), (1, "[1]"), (1, "null")] {
        let mut json = serde_json::to_value(&transcript.effects[effect]).unwrap();
        json["answer"] = serde_json::from_str(answer).unwrap();
        assert!(serde_json::from_value::<Effect>(json).is_err(), "{answer}");
    }
}

#[test]
fn a_recording_has_a_limit() {
    let place = place("limit");
    let (done, transcript) = recorded(config(&place), &everything(), 1_000);
    let Err(Error::Stopped(stopped)) = done else { panic!("{done:?}") };
    assert_eq!(stopped.reason, StopReason::Limit(LimitExceeded::Transcript { limit: 1_000 }));
    // The effects before are recorded, and the one that went past the limit.
    assert!((4..12).contains(&transcript.effects.len()), "{}", transcript.effects.len());
}

#[test]
fn a_receipt_is_checked_with_the_transcript() {
    let place = place("receipt");
    let wasm = everything();
    let (done, transcript) = recorded(config(&place), &wasm, 1 << 20);
    let receipt = transcript.receipt(&wasm, b"input", &done).unwrap();
    drop(place);
    let again = replay(&transcript, &wasm, 1_000);
    assert_eq!(transcript.receipt(&wasm, b"input", &again).unwrap().to_json(), receipt.to_json());
    let read = belljar::record::Receipt::from_json(&receipt.to_json()).unwrap();
    read.verify_with_transcript(&wasm, b"input", &transcript).unwrap();
    assert_eq!(read.verify(&wasm, b"input"), Err(ReceiptError::NeedsTranscript));
    // Another transcript, with one byte changed in what was answered.
    let mut other = transcript.clone();
    let random = other.effects.iter_mut().find(|effect| matches!(effect, Effect::Random { .. })).unwrap();
    let Effect::Random { bytes } = random else { panic!("{random:?}") };
    bytes.0 = vec![0xff; 32];
    let Err(ReceiptError::Differs { differences }) = read.verify_with_transcript(&wasm, b"input", &other) else {
        panic!("another transcript holds")
    };
    assert_eq!(differences[0].field, "transcript.sha256");
    // A lie about what came of it.
    let mut lie = read.clone();
    lie.usage.fuel += 1;
    let lied = lie.verify_with_transcript(&wasm, b"input", &transcript);
    assert!(matches!(lied, Err(ReceiptError::Differs { .. })));
    let pure = belljar::execute(&wasm, b"", &Config::profile(Profile::Large));
    let pure = belljar::record::Receipt::of_run(&wasm, b"", &Config::profile(Profile::Large), &pure).unwrap();
    assert_eq!(pure.verify_with_transcript(&wasm, b"", &transcript), Err(ReceiptError::NoTranscript));
}

#[test]
fn a_run_that_was_cancelled_is_replayed_up_to_there() {
    let wasm = wat::parse_str(
        r#"(module (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (local i32) (drop (call $random (i32.const 0) (i32.const 32)))
                (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000000))))))"#,
    )
    .unwrap();
    let config = Config::default().with_random(Random::Host);
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load(&wasm).unwrap();
    let mut run = sandbox.start(&module, b"input").unwrap();
    run.record(1 << 20);
    while run.usage().host_calls == 0 {
        assert!(matches!(run.step(1).unwrap(), Step::Yielded));
    }
    run.cancel_handle().cancel();
    let done = run.finish();
    let transcript = Transcript::of_run(&sandbox, &wasm, b"input", run.take_effects());
    let receipt = transcript.receipt(&wasm, b"input", &done).unwrap();
    receipt.verify_with_transcript(&wasm, b"input", &transcript).unwrap();
}

/// A transcript of another input is refused before anything of the host is needed.
#[test]
fn a_transcript_of_another_input_is_refused() {
    let wasm = program(&[("random_get", &[0, 32])], "");
    let (_, transcript) = recorded(Config::default().with_random(Random::Host), &wasm, 1 << 20);
    assert!(matches!(transcript.replay(&wasm, b""), Err(TranscriptError::Other { what: "input", .. })));
}

const HEAD: &str = "\
;; A program that looks at the clocks and at random bytes, and does all that can be done in a directory that it may only
;; read; its memory, with what each call answered, is its output. Beside it, what a host gave it, and the receipt.
";

/// `fixtures/transcripts` has a recording of one machine, to be replayed on any other; `BLESS=1` records it anew.
#[test]
fn a_recording_of_another_machine_is_replayed() {
    let folder = PathBuf::from("fixtures/transcripts");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    if std::env::var_os("BLESS").is_some() {
        let text = format!("{HEAD}{}\n", everything_as_text());
        let wasm = wat::parse_str(&text).unwrap();
        let config = Config::default()
            .with_clock(Clock::Host)
            .with_random(Random::Host)
            .with_dir(HostDir::read("fixtures/transcripts/in", "/in"));
        let (done, transcript) = recorded(config, &wasm, 1 << 20);
        let receipt = transcript.receipt(&wasm, b"input", &done).unwrap();
        fs::write(folder.join("effects.wat"), text).unwrap();
        fs::write(folder.join("effects.jsonl"), transcript.to_jsonl()).unwrap();
        fs::write(folder.join("effects.json"), receipt.to_json() + "\n").unwrap();
    }
    let wasm = wat::parse_str(read("effects.wat")).unwrap();
    let transcript = Transcript::from_jsonl(&read("effects.jsonl")).unwrap();
    let receipt = belljar::record::Receipt::from_json(&read("effects.json")).unwrap();
    assert_eq!(transcript.to_jsonl(), read("effects.jsonl"), "written as it was read");
    assert_eq!(receipt.to_json() + "\n", read("effects.json"), "written as it was read");
    receipt.verify_with_transcript(&wasm, b"input", &transcript).unwrap();
    assert!(transcript.effects.len() > 20);
}

/// A key that no recorder writes is refused, in every object of every answer.
#[test]
fn unknown_keys_of_answers_are_refused() {
    let read = |name: &str| fs::read_to_string(PathBuf::from("fixtures/transcripts").join(name)).unwrap();
    let wasm = wat::parse_str(read("effects.wat")).unwrap();
    let whole = Transcript::from_jsonl(&read("effects.jsonl")).unwrap();
    let mut changed = 0;
    for (index, effect) in whole.effects.iter().enumerate() {
        let written = serde_json::to_value(effect).unwrap();
        for path in objects("/answer", &written["answer"]) {
            let mut json = written.clone();
            json.pointer_mut(&path).unwrap()["more"] = 1.into();
            changed += 1;
            // The answer of a directory is read when it is replayed, all others with the transcript.
            let Ok(changed) = serde_json::from_value::<Effect>(json) else { continue };
            let mut other = whole.clone();
            other.effects[index] = changed;
            let error = other.replay(&wasm, b"input").unwrap().finish().unwrap_err();
            assert!(
                matches!(error.stop_reason(), Some(StopReason::Host(HostStop::HostFunction { .. }))),
                "{effect:?} {path}: {error:?}"
            );
        }
    }
    assert!(changed > 20, "{changed}");
}

/// The paths of all objects in a document.
fn objects(path: &str, json: &serde_json::Value) -> Vec<String> {
    match json {
        serde_json::Value::Object(members) => {
            let inner = members.iter().flat_map(|(key, value)| objects(&format!("{path}/{key}"), value));
            inner.chain([path.to_owned()]).collect()
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| objects(&format!("{path}/{index}"), item)).collect()
        }
        _ => Vec::new(),
    }
}
