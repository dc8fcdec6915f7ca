//! WASI: the table of functions against what they do, and the official tests where they are.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

#[cfg(feature = "receipt")]
use belljar::record::Receipt;
use belljar::{
    Config, Error, GuestFault, Module, Profile, Sandbox, StopReason, Value, ValueType,
    abi::wasi::{FUNCTIONS, Function, Param, Snapshot},
    error::{AbiFault, ConfigProblem, ValueProblem},
    files::{Change, FileBytes},
};
use serde::Deserialize;

/// What a test of the official suite is run with, and what it has to come to.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Spec {
    args: Vec<String>,
    env: BTreeMap<String, String>,
    root: Option<String>,
    exit_code: i32,
    stdout: Option<String>,
    stderr: Option<String>,
}

/// All modules below a folder for `wasm32-wasip1`, sorted.
fn modules(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "wasm") && path.iter().any(|part| part == "wasm32-wasip1") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Gives a run what is in a folder, as files in memory.
fn with_folder(mut config: Config, folder: &Path, at: &str) -> Config {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{at}/{}", entry.file_name().to_str().unwrap());
        config = match entry.file_type().unwrap().is_dir() {
            true => with_folder(config.with_file(format!("{path}/"), *b""), &entry.path(), &path),
            false => config.with_file(path, fs::read(entry.path()).unwrap()),
        };
    }
    config
}

/// Runs a test with what `grant` makes of its root.
pub fn run(module: &Path, grant: impl FnOnce(Config, &Path) -> Config) -> Result<(), String> {
    let spec: Spec = match fs::read(module.with_extension("json")) {
        Ok(text) => serde_json::from_slice(&text).map_err(|e| e.to_string())?,
        Err(_) => Spec::default(),
    };
    let mut config = Config::profile(Profile::Large).with_fuel(1_000_000_000).with_args(spec.args);
    config.wasi.env = spec.env;
    if let Some(root) = spec.root {
        config = grant(config, &module.parent().unwrap().join(root));
    }
    let sandbox = Sandbox::new(config).map_err(|e| e.to_string())?;
    let wasm = fs::read(module).unwrap();
    let loaded = sandbox.load(&wasm).map_err(|e| e.to_string())?;
    let ended = recorded(&sandbox, &loaded, &wasm)?;
    let (status, output, log) = match ended {
        Ok(outcome) => (0, outcome.output, outcome.log),
        Err(Error::Stopped(stop)) => match stop.reason {
            StopReason::Guest(GuestFault::Status { code }) => (code, stop.output, stop.log),
            reason => return Err(format!("{reason}; log {:?}", stop.log.entries)),
        },
        Err(error) => return Err(error.to_string()),
    };
    let log: Vec<_> = log.entries.into_iter().map(|entry| entry.text).collect();
    let log = log.join("\n");
    if status != spec.exit_code {
        return Err(format!("status {status}, expected {}; log {log}", spec.exit_code));
    }
    let output = String::from_utf8_lossy(&output);
    if spec.stdout.as_ref().is_some_and(|expected| output != *expected) {
        return Err(format!("output {output:?}, expected {:?}", spec.stdout));
    }
    if spec.stderr.as_ref().is_some_and(|expected| log != *expected) {
        return Err(format!("log {log:?}, expected {:?}", spec.stderr));
    }
    Ok(())
}

type Ended = Result<belljar::Outcome, Error>;

/// Runs a test, and runs it again from its transcript, with no files there: it comes to the same.
#[cfg(feature = "receipt")]
fn recorded(sandbox: &Sandbox, module: &Module, wasm: &[u8]) -> Result<Ended, String> {
    let mut run = sandbox.start(module, b"").map_err(|e| e.to_string())?;
    run.record(64 << 20);
    let ended = run.finish();
    let transcript = belljar::record::Transcript::of_run(sandbox, wasm, b"", run.take_effects());
    let again = transcript.replay(wasm, b"").map_err(|e| e.to_string())?.finish();
    if again == ended { Ok(ended) } else { Err(format!("replayed: {again:?}")) }
}

#[cfg(not(feature = "receipt"))]
fn recorded(sandbox: &Sandbox, module: &Module, _: &[u8]) -> Result<Ended, String> {
    Ok(sandbox.run(module, b""))
}

/// `tests/wasi/run.sh` fetches the suite and says where it is.
#[test]
fn the_official_suite_passes() {
    official_suite("in memory", |module| {
        run(module, |config, root| with_folder(config.with_file("/", *b""), root, ""))
    });
}

/// Runs all of them, if they are there.
pub fn official_suite(files: &str, run: impl Fn(&Path) -> Result<(), String>) {
    let Some(folder) = env::var_os("WASI_TESTSUITE") else { return };
    let modules = modules(Path::new(&folder));
    let mut failed = 0;
    for module in &modules {
        let name = module.strip_prefix(&folder).unwrap().display();
        match run(module) {
            Ok(()) => println!("pass  {name}"),
            Err(why) => {
                failed += 1;
                println!("FAIL  {name}: {why}");
            }
        }
    }
    println!("files {files}: {} of {} pass", modules.len() - failed, modules.len());
    assert!(failed == 0 && modules.len() >= 72);
}

/// One call of a function: its arguments by the table, but for one pointer.
fn call(snapshot: Snapshot, function: &Function, bad: usize) -> String {
    let (mut body, mut pointer) = (String::new(), 0);
    // The pointer is within the memory, and the range it begins is not.
    let mut ptr = |body: &mut String| {
        body.push_str(if pointer == bad { "(i32.const 65535) " } else { "(i32.const 64) " });
        pointer += 1;
    };
    for param in function.params {
        match param {
            // There is one subscription, one signal, one descriptor that is a directory.
            Param::I32(name) => body.push_str(if name.contains("fd") { "(i32.const 3) " } else { "(i32.const 1) " }),
            Param::I64(_) => body.push_str("(i64.const 0) "),
            Param::Ptr(..) | Param::Filestat(_) => ptr(&mut body),
            Param::Path(_) | Param::Buffer(_) | Param::Buffers(_) => {
                ptr(&mut body);
                body.push_str("(i32.const 2) ");
            }
            other => panic!("{other:?}"),
        }
    }
    let types = |types: &[ValueType]| types.iter().map(|ty| format!("{ty} ")).collect::<String>();
    let (params, results) = (types(&function.ty().params), types(&function.ty().results));
    format!(
        r#"(module
            (import "{}" "{}" (func $f (param {params}) (result {results})))
            (memory (export "memory") 1)
            (func (export "_start") (drop (call $f {body}))))"#,
        snapshot.module(),
        function.name,
    )
}

/// The specification: "If an out-of-bounds pointer is passed to a function and the function needs to
/// dereference it, the function shall trap rather than returning `errno.fault`."
#[test]
fn a_bad_pointer_stops_the_run_whichever_it_is() {
    let config = Config::default().with_file("/", *b"").with_env("A", "b");
    let sandbox = Sandbox::new(config).unwrap();
    let mut tried = 0;
    for snapshot in Snapshot::ALL {
        for function in FUNCTIONS.iter().filter(|function| function.is_in(snapshot)) {
            let is_pointer = |param: &&Param| !matches!(param, Param::I32(_) | Param::I64(_));
            for bad in 0..function.params.iter().filter(is_pointer).count() {
                let module = sandbox.load_text(&call(snapshot, function, bad)).unwrap();
                let name = format!("{}.{}", snapshot.module(), function.name);
                let reason = match sandbox.run(&module, b"") {
                    Err(Error::Stopped(stop)) => stop.reason,
                    other => panic!("{name} takes {bad}: {other:?}"),
                };
                // Where a list of arguments is written to, one of one byte has room.
                let StopReason::Guest(GuestFault::Abi(AbiFault::Range {
                    function, ptr: 65_535, memory: 65_536, ..
                })) = &reason
                else {
                    panic!("{name}, {bad}: {reason}")
                };
                assert_eq!(*function, name);
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 2 * 53 - 1);
}

#[test]
fn words_and_files_that_cannot_be_are_refused() {
    let default = Config::default;
    for (config, key, why) in [
        (default().with_args(["a\0"]), "wasi.args", ValueProblem::Zero),
        (default().with_program("a\0"), "wasi.args", ValueProblem::Zero),
        (default().with_args(["a".repeat(1 << 20)]), "wasi.args", ValueProblem::StringsTooLong),
        (default().with_env("", "b"), "wasi.env", ValueProblem::VariableName),
        (default().with_env("a=", "b"), "wasi.env", ValueProblem::VariableName),
        (default().with_env("a", "b\0"), "wasi.env", ValueProblem::Zero),
        (default().with_env("a", "b".repeat(1 << 20)), "wasi.env", ValueProblem::StringsTooLong),
        (default().with_file("a", *b""), "wasi.files.a", ValueProblem::FilePath),
        (default().with_file("", *b""), "wasi.files.", ValueProblem::FilePath),
        (default().with_file("/a//b", *b""), "wasi.files./a//b", ValueProblem::FilePath),
        (default().with_file("/a/../b", *b""), "wasi.files./a/../b", ValueProblem::FilePath),
        (default().with_file("/a/", *b"text"), "wasi.files./a/", ValueProblem::DirectoryWithBytes),
        (
            default().with_file("/a", *b"").with_file("/a/b/c", *b""),
            "wasi.files./a/b/c",
            ValueProblem::FileAndDirectory,
        ),
        (default().with_file("/a", *b"").with_file("/a/", *b""), "wasi.files./a/", ValueProblem::FileAndDirectory),
        (default().with_file("/a", *b"text").with_file_bytes(3), "wasi.files", ValueProblem::FilesTooLarge),
        (default().with_file("/a/b", *b"").with_file_names(2), "wasi.files", ValueProblem::TooManyFiles),
    ] {
        let Err(Error::Config(error)) = Sandbox::new(config) else { panic!("{key} was accepted") };
        assert_eq!((error.key.as_str(), error.problem), (key, ConfigProblem::Unfit { why }));
    }
    let longest = format!("/{}", ["n".repeat(255), "n".repeat(255), "n".repeat(255), "n".repeat(255)].join("/"));
    for config in [
        default().with_file("/a", *b"text").with_file_bytes(4),
        default().with_file("/a/b", *b"").with_file_names(3),
        default().with_file("/", *b"").with_file_names(1),
        default().with_file("/a/", *b"").with_file("/a/b", *b""),
        default().with_file(longest, *b""),
        default().with_args(["a".repeat((1 << 20) - 11)]),
    ] {
        assert!(Sandbox::new(config).is_ok());
    }
}

const WRITER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\03\00\00\00")
    (data (i32.const 16) "abcdefghi")
    (func (export "write") (param $at i32) (result i32)
        (i32.store (i32.const 0) (i32.add (i32.const 16) (local.get $at)))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
        (call $write (i32.const 4) (i32.const 0) (i32.const 1) (i32.const 8)))
    (func (export "_initialize")
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 1)
            (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
        (drop (call $link (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 3)
            (i32.const 17) (i32.const 1)))))"#;

/// A reactor: it is initialized once, and what it wrote stays for the next call.
#[test]
fn a_reactor_keeps_its_files_between_calls() {
    let sandbox = Sandbox::new(Config::default().with_file("/", *b"")).unwrap();
    let mut instance = sandbox.instance(&sandbox.load_text(WRITER).unwrap()).unwrap();
    for (at, file) in [(0, "abc"), (3, "abcdef"), (6, "abcdefghi")] {
        let outcome = instance.call_values("write", &[Value::I32(at)]).unwrap();
        assert_eq!(outcome.results, [Value::I32(0)]);
        let expected = Change::File(FileBytes::from(file.as_bytes()));
        assert_eq!(outcome.files, [("/a".into(), expected.clone()), ("/b".into(), expected)].into());
        // What has no end of a line ends with the call.
        assert_eq!(outcome.log.entries.len(), 1);
        assert_eq!(outcome.log.entries[0].text, file[at as usize..]);
    }
}

/// What a run with files leaves in its receipt, and that the files are needed to check it.
#[cfg(feature = "receipt")]
#[test]
fn a_receipt_knows_the_files_by_their_digests() {
    let config = Config::default().with_file("/c", *b"given").with_args(["x"]);
    let wasm = wat::parse_str(WRITER).unwrap();
    let sandbox = Sandbox::new(config.clone()).unwrap();
    let module = sandbox.load(&wasm).unwrap();
    let result = sandbox.call_values(&module, "write", &[Value::I32(0)]);
    let receipt = Receipt::of_call("write", &[Value::I32(0)], &wasm, b"", &config, &result).unwrap();
    let receipt = Receipt::from_json(&receipt.to_json()).unwrap();
    assert_eq!((receipt.given["/c"].bytes, receipt.given.len(), receipt.config.wasi.files.len()), (5, 1, 0));
    assert_eq!(receipt.config.wasi.args, ["x"]);
    // Two paths of two bytes with three bytes each.
    assert_eq!(receipt.files.as_ref().unwrap().bytes, 2 * (1 + 8 + 2 + 8 + 3));
    receipt.verify_with_files(&wasm, b"", &config.wasi.files).unwrap();
    assert!(receipt.verify(&wasm, b"").is_err());
    let other = Config::default().with_file("/c", *b"Given");
    assert!(receipt.verify_with_files(&wasm, b"", &other.wasi.files).is_err());
}
