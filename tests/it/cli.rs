//! The command line, as transcripts: `fixtures/cli/**/*.txt`.
//!
//! A line of a transcript starts with what it is: `#` a comment, `$` a command (with environment
//! variables before it, and words in single quotes), `<` its stdin, `+` a file it finds (bytes, or
//! a size), `|` its stdout is closed, `>` stdout, `!` stderr, `=` the exit status. A `\` at the end
//! of a line of stdin, stdout or stderr means that the line has no end; `\x1b` is a byte.
//!
//! Each directory is copied, its `.wat` files are made into `.wasm` files beside them, and the
//! commands run there. `BLESS=1 cargo test --features cli` rewrites what comes out.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

mod dap;
#[cfg(unix)]
mod files;
mod map;
mod transcript;

use transcript::{Run, Transcript};

const PROGRAM: &str = env!("CARGO_BIN_EXE_belljar");

#[test]
fn transcripts() {
    let source = source();
    let stage = Stage::new("transcripts");
    let differ = each(|file| check(&source, &stage.0, file));
    assert!(differ.is_empty(), "{}\nBLESS=1 accepts what came out", differ.join("\n"));
}

/// What is loaded and run in a process of its own prints the same, and ends the same.
#[test]
#[cfg(unix)]
fn transcripts_are_the_same_isolated() {
    let (source, stage) = (source(), Stage::new("isolated"));
    let isolated = |run: &Run| {
        let mut run = run.clone();
        let command = run.args.iter().position(|arg| arg == "run" || arg == "validate");
        // Trace events of the worker stay there; and it opens no directories.
        let other = [
            "-vv",
            "-vvv",
            "--isolate",
            "development",
            "--allow-clock",
            "--allow-read",
            "--allow-write",
            "--dir",
            "dirs.toml",
            "--record",
            "--replay",
            "--ceiling",
            "--record-limit",
            "--module-cache",
            "--explain",
        ];
        if let Some(at) = command.filter(|_| !run.args.iter().any(|arg| other.contains(&arg.as_str()))) {
            run.args.insert(at + 1, "--isolate".into());
        }
        run
    };
    let differ = each(|file| {
        // What is said of a command line that cannot be read repeats its options.
        let (expected, came_out) = staged(&source, &stage.0, file, isolated);
        let [expected, came_out] = [expected, came_out].map(|text| {
            // A worker is not run again to explain where it stopped.
            let text = text.replace(" --isolate", "").replace("; `--explain` shows where it stopped", "");
            let text = text.replace("! hint: `--explain` shows where it stopped\n", "");
            text.replace("\"`--explain` shows where it stopped\"", "null")
        });
        let name = file.display();
        (came_out != expected).then(|| format!("{name}:\n{}", transcript::difference(&expected, &came_out)))
    });
    assert!(differ.is_empty(), "isolated, these differ:\n{}", differ.join("\n"));
}

/// Does something with each transcript, at the same time.
fn each(act: impl Fn(&Path) -> Option<String> + Sync) -> Vec<String> {
    let (files, act) = (transcripts_in(&source()), &act);
    std::thread::scope(|scope| {
        let threads: Vec<_> = files.iter().map(|file| scope.spawn(move || act(file))).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("a transcript's thread")).collect()
    })
}

/// Each command and each option of the help is in a transcript, in the completions of each shell,
/// and in the manual pages.
#[test]
fn everything_is_covered() {
    let shells = ["bash", "elvish", "fish", "powershell", "zsh"];
    let told = |args: &[&str]| String::from_utf8(output(args).stdout).expect("UTF-8");
    let completions: Vec<_> = shells.map(|shell| told(&["completions", shell])).into();
    let main_page = told(&["man"]).replace('\\', "");
    let used: String = transcripts_in(&source())
        .iter()
        .flat_map(|file| Transcript::of(&fs::read_to_string(file).expect("a transcript")).commands())
        .map(|command| command + " ")
        .collect();
    let commands = [
        "run",
        "map",
        "validate",
        "inspect",
        "verify",
        "pack",
        "manifest",
        "plan",
        "check",
        "mcp",
        "serve",
        "profile",
        "coverage",
        "debug",
        "selftest",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(main_page.contains(&format!("belljar-{command}(1)")), "`{command}` is not in the manual");
        let page = told(&["man", command]).replace('\\', "");
        let help = told(&[command, "--help"]);
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options.map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric())) {
            let dashed = format!("--{option}");
            assert!(page.contains(&dashed), "`{dashed}` is not in the manual page of `{command}`");
            assert!(used.contains(&format!("{dashed} ")), "no transcript uses `{dashed}`");
            let missing = completions.iter().position(|script| !script.contains(option));
            assert_eq!(missing.map(|i| shells[i]), None, "`{option}` is not completed");
        }
    }
}

/// A build without a server says how to have one.
#[test]
#[cfg(not(feature = "serve"))]
fn a_server_is_not_in_every_build() {
    let ended = output(&["serve", "no.wasm"]);
    let expected =
        "error: this build has no HTTP server\nhint: build it with `cargo build --release --features cli,serve`\n";
    assert_eq!((String::from_utf8_lossy(&ended.stderr).as_ref(), ended.status.code()), (expected, Some(2)));
}

/// SIGINT stops the guest; what it has written by then is there.
#[test]
#[cfg(unix)]
fn an_interrupted_run_keeps_its_output() {
    ["--no-config", "--isolate"].into_iter().for_each(interrupted);
}

#[cfg(unix)]
fn interrupted(option: &str) {
    let stage = Stage::new(&format!("interrupted{option}"));
    let mut child = started(&stage, &["run", "stops.wasm", "-e", "spin", "--profile", "large", option]);
    let mut stdout = child.stdout.take().expect("its stdout");
    let mut partial = [0; 7];
    // Once it has written, it is running.
    stdout.read_exact(&mut partial).expect("its output");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "error: stopped: cancelled by the host\n");
    assert_eq!((&partial, ended.status.code()), (b"partial", Some(1)));
}

/// A reader that has had enough ends the run, long before its fuel does.
#[test]
fn a_reader_can_leave() {
    leave("--no-config");
    #[cfg(unix)]
    leave("--isolate");
}

fn leave(option: &str) {
    let stage = Stage::new(&format!("leave{option}"));
    let mut child = started(&stage, &["run", "again.wasm", "--profile", "large", option]);
    let mut line = String::new();
    // The reader is dropped with the statement.
    BufReader::new(child.stdout.take().expect("its stdout")).read_line(&mut line).expect("a line");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((line.as_str(), ended.stderr.as_slice(), ended.status.code()), ("again\n", &b""[..], Some(0)));
}

/// The program at work among the files of the transcripts.
fn started(stage: &Stage, args: &[&str]) -> Child {
    copy(&source(), &stage.0);
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(&stage.0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("belljar starts")
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cli")
}

fn output(args: &[&str]) -> std::process::Output {
    Command::new(PROGRAM).args(args).output().expect("belljar starts")
}

/// A directory that is there as long as a test.
struct Stage(PathBuf);

impl Stage {
    fn new(name: &str) -> Stage {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Stage(path)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Copies a directory, and makes its modules.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
            continue;
        }
        fs::copy(&path, &target).expect("a copy");
        if path.extension().is_some_and(|extension| extension == "wat") {
            // One of them is meant not to parse.
            if let Ok(wasm) = wat::parse_file(&path) {
                fs::write(target.with_extension("wasm"), wasm).expect("a module");
            }
        }
    }
}

fn transcripts_in(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(transcripts_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
    // Where there is no isolation, there is nothing to show of it; nor of directories.
    let on_unix = ["isolate.txt", "dirs.txt"];
    found.retain(|file| cfg!(unix) || !on_unix.iter().any(|name| file.ends_with(name)));
    // Where nothing is absent, there is nothing to show of it either.
    found.retain(|file| cfg!(not(feature = "mcp")) || !file.ends_with("absent.txt"));
    found.sort_unstable();
    found
}

/// Runs a transcript in a copy of its own, with its commands changed: what is expected, and what came out.
fn staged(source: &Path, stage: &Path, file: &Path, change: impl Fn(&Run) -> Run) -> (String, String) {
    let relative = file.strip_prefix(source).expect("below the source");
    let stage = stage.join(relative.file_stem().expect("a name"));
    copy(source, &stage);
    let directory = stage.join(relative).parent().expect("a directory").to_owned();
    // Checked out on Windows, the lines may end in two characters.
    let expected = fs::read_to_string(file).expect("a transcript").replace("\r\n", "\n");
    let came_out = Transcript::of(&expected).rerun(|run| run_one(&change(run), &directory));
    (expected, came_out)
}

/// Runs a transcript; what differs, if something does.
fn check(source: &Path, stage: &Path, file: &Path) -> Option<String> {
    let (expected, came_out) = staged(source, stage, file, Run::clone);
    if came_out == expected {
        return None;
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(file, came_out).expect("a blessed transcript");
        return None;
    }
    Some(format!("{} differs:\n{}", file.display(), transcript::difference(&expected, &came_out)))
}

/// Runs one command: status, stdout and stderr.
fn run_one(run: &Run, directory: &Path) -> (Option<i32>, Vec<u8>, Vec<u8>) {
    for (name, contents) in &run.files {
        let mut file = fs::File::create(directory.join(name)).expect("a file");
        match contents.replace('_', "").parse() {
            Ok(size) => file.set_len(size).expect("a sparse file"),
            Err(_) => file.write_all(&transcript::bytes(contents)).expect("a file"),
        }
    }
    let mut command = Command::new(PROGRAM);
    command.args(&run.args).current_dir(directory);
    // What the tester's own terminal is like does not matter.
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM"] {
        command.env_remove(variable);
    }
    command.envs(run.variables.iter().map(|(name, value)| (name, value)));
    command.stderr(Stdio::piped());
    command.stdin(if run.stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
    if run.closed {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        command.stdout(writer);
    } else {
        command.stdout(Stdio::piped());
    }
    let mut child = command.spawn().expect("belljar starts");
    if let Some(mut stdin) = child.stdin.take() {
        // Not everything is read by every command.
        let _ = stdin.write_all(&run.stdin);
    }
    let ended = child.wait_with_output().expect("it ends");
    let is_json = |arg: &String| matches!(arg.trim_start_matches("--format="), "json" | "json-compact");
    if !run.closed && run.args.iter().any(is_json) {
        let documents = serde_json::Deserializer::from_slice(&ended.stdout).into_iter::<serde::de::IgnoredAny>();
        let valid: Vec<_> = documents.map(|document| document.is_ok()).collect();
        // Of many runs there are many.
        let count = if run.args[0] == "map" { valid.len() } else { 1 };
        assert!(valid == vec![true; count], "not one JSON document: {:?}", run.args);
    }
    (ended.status.code(), ended.stdout, ended.stderr)
}
