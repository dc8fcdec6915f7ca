//! The program as the feature `run` builds it: it says what it lacks, and how to have it.

use std::{path::Path, process::Command};

/// What is not there ends the program before anything is run, with the features to build it with.
#[test]
fn what_a_build_lacks_is_named() {
    let module = "fixtures/guests/adder.wasm";
    for (args, error, hint) in [
        (&["man"][..], "this build has no manual pages", "build it with `cargo build --release --features cli`"),
        (
            &["completions", "bash"],
            "this build has no completions for Bash",
            "build it with `cargo build --release --features cli`",
        ),
        (
            &["run", "--isolate", module],
            "this build has no worker processes",
            "build it with `cargo build --release --features cli`",
        ),
        (
            &["run", "--allow-read", ".", module],
            "`wasi.dirs`: this build of belljar cannot enforce the key: it needs the feature `fs`",
            "build belljar with the feature `fs`, or leave the key out",
        ),
        (
            &["run", "--explain", module],
            "this build has no explanations",
            "build it with `cargo build --release --features cli`",
        ),
        (
            &["profile", module, "--top", "3"],
            "this build has no profiles",
            "build it with `cargo build --release --features cli`",
        ),
        (&["coverage", module], "this build has no coverage", "build it with `cargo build --release --features cli`"),
        (
            &["serve", module],
            "this build has no HTTP server",
            "build it with `cargo build --release --features cli,serve`",
        ),
        (&["mcp", module], "this build has no MCP server", "build it with `cargo build --release --features cli,mcp`"),
    ] {
        assert_eq!(stderr(args, 2), format!("error: {error}\nhint: {hint}\n"), "{args:?}");
    }
}

/// A schema that nothing would check is refused.
#[test]
fn a_manifest_with_a_schema_is_refused() {
    let packed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lacks.wasm");
    let args = ["pack", "fixtures/guests/dates.wasm", "--manifest", "fixtures/guests/dates/tool.toml", "-o"];
    let told = stderr(&[&args[..], &[packed.to_str().unwrap()]].concat(), 2);
    let why = "unsupported schema: at the top: this build has no JSON Schemas, which the feature `json` adds";
    assert_eq!(told, format!("error: fixtures/guests/dates/tool.toml: manifest: `input`: {why}\n"));
    assert!(!packed.exists());
}

/// Trace events are left out with a warning; the run is the same.
#[test]
fn a_run_without_trace_events_is_the_same() {
    let told = stderr(&["run", "-vv", "fixtures/guests/adder.wasm", "-e", "add", "--", "2", "3"], 0);
    let warning = "this build shows no trace events; `cargo build --release --features cli` builds one that does";
    assert_eq!(told.lines().next(), Some(&*format!("warning: {warning}")));
}

/// Returns what the program prints to stderr, and checks its exit status.
fn stderr(args: &[&str], status: i32) -> String {
    let program = env!("CARGO_BIN_EXE_belljar");
    let ended = Command::new(program).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(status), "{told}");
    told
}
