//! Pipes, devices and links that the program writes to and reads from.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{PROGRAM, Stage, copy, source};

fn stage(name: &str) -> Stage {
    let stage = Stage::new(name);
    copy(&source(), &stage.0);
    stage
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

fn command(stage: &Stage, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(&stage.0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ended(stage: &Stage, args: &[&str]) -> Output {
    command(stage, args).output().expect("belljar starts")
}

fn packed(stage: &Stage, output: &str) -> Output {
    ended(stage, &["pack", "-q", "tools/sum.wasm", "--manifest", "tools/sum.toml", "-o", output])
}

/// Files on their way to their names that were left behind.
fn left(stage: &Stage) -> Vec<String> {
    let names = fs::read_dir(&stage.0).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with(".belljar-")).collect()
}

fn is_module(path: &Path) -> bool {
    fs::read(path).expect("a file").starts_with(b"\0asm")
}

#[test]
fn a_link_stays_and_what_it_names_is_replaced() {
    let stage = stage("files-link");
    let at = |name: &str| stage.0.join(name);
    fs::write(at("victim"), "precious").expect("a file");
    symlink("victim", at("out.wasm.part")).expect("a link");
    fs::write(at("real.wasm"), "old").expect("a file");
    fs::set_permissions(at("real.wasm"), fs::Permissions::from_mode(0o640)).expect("its mode");
    symlink("real.wasm", at("first")).expect("a link");
    symlink("first", at("out.wasm")).expect("a link");
    assert_eq!(packed(&stage, "out.wasm").status.code(), Some(0));
    assert!(["out.wasm", "first"].iter().all(|name| at(name).is_symlink()));
    assert!(is_module(&at("real.wasm")));
    assert_eq!(fs::metadata(at("real.wasm")).expect("a file").permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read(at("victim")).expect("a file"), b"precious");

    symlink("absent.wasm", at("dangling")).expect("a link");
    assert_eq!(packed(&stage, "dangling").status.code(), Some(0));
    assert!(at("dangling").is_symlink() && is_module(&at("absent.wasm")));
    symlink("round", at("round")).expect("a link");
    assert_eq!(packed(&stage, "round").status.code(), Some(2));
    assert_eq!(left(&stage), [""; 0]);
}

#[test]
fn a_pipe_is_written_to_and_stays() {
    let stage = stage("files-pipe");
    let path = stage.0.join("pipe");
    pipe(&path);
    for args in [
        ["pack", "-q", "tools/sum.wasm", "--manifest", "tools/sum.toml", "-o", "pipe"].as_slice(),
        &["run", "-q", "hello.wasm", "--receipt", "pipe"],
        &["run", "-q", "hello.wasm", "--record", "pipe"],
    ] {
        let child = command(&stage, args).spawn().expect("belljar starts");
        let bytes = fs::read(&path).expect("what is written");
        assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0), "{args:?}");
        assert!(!bytes.is_empty());
        assert!(fs::metadata(&path).expect("a pipe").file_type().is_fifo());
    }
}

#[test]
fn what_takes_no_bytes_is_refused() {
    let stage = stage("files-refused");
    fs::create_dir(stage.0.join("folder")).expect("a directory");
    let _listener = UnixListener::bind(stage.0.join("socket")).expect("a socket");
    for output in ["folder", "socket", "..", ""] {
        assert_eq!(packed(&stage, output).status.code(), Some(2), "{output}");
        let run = ended(&stage, &["run", "-q", "hello.wasm", "--record", output]);
        assert_eq!((run.status.code(), run.stdout), (Some(2), Vec::new()), "{output}");
        assert_eq!(ended(&stage, &["map", "answers.wasm", "-o", output]).status.code(), Some(2), "{output}");
    }
    assert!(fs::metadata(stage.0.join("socket")).expect("a socket").file_type().is_socket());
    assert_eq!(left(&stage), [""; 0]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_failed_write_is_an_error() {
    let stage = stage("files-full");
    fs::write(stage.0.join("in.txt"), "one\n").expect("a file");
    assert_eq!(packed(&stage, "/dev/full").status.code(), Some(2));
    assert_eq!(ended(&stage, &["run", "-q", "hello.wasm", "--receipt", "/dev/full"]).status.code(), Some(2));
    assert_eq!(ended(&stage, &["map", "answers.wasm", "--input", "in.txt", "-o", "/dev/full"]).status.code(), Some(2));
    assert!(fs::metadata("/dev/full").expect("a device").file_type().is_char_device());
    // Larger than the shell lets a file be, which is some KiB.
    fs::write(stage.0.join("out.wasm"), "old").expect("a file");
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/guests/calc.wasm");
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" pack -q \"$1\" --manifest tools/sum.toml -o out.wasm";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, PROGRAM, module]).current_dir(&stage.0);
    assert_eq!(shell.output().expect("a shell").status.code(), Some(2));
    assert_eq!(fs::read(stage.0.join("out.wasm")).expect("a file"), b"old");
    assert_eq!(left(&stage), [""; 0]);
}

/// Also where there is no end of lines.
#[test]
fn a_batch_ends_when_the_reader_of_its_pipe_leaves() {
    let stage = stage("files-left");
    let path = stage.0.join("pipe");
    pipe(&path);
    let mut child =
        command(&stage, &["map", "answers.wasm", "-o", "pipe"]).stdin(Stdio::piped()).spawn().expect("belljar starts");
    let mut stdin = child.stdin.take().expect("its stdin");
    let writer = thread::spawn(move || while writeln!(stdin, "more").is_ok() {});
    let mut line = String::new();
    // The reader is dropped with the statement.
    BufReader::new(fs::File::open(&path).expect("a pipe")).read_line(&mut line).expect("a line");
    let ended = child.wait_with_output().expect("it ends");
    writer.join().expect("it is written");
    assert_eq!((line.as_str(), ended.stderr.as_slice(), ended.status.code()), ("more\n", &b""[..], Some(0)));
}

/// A pipe that was named is read; one that was found is refused at once.
#[test]
fn a_pipe_is_read_only_where_it_is_named() {
    let stage = stage("files-found");
    let at = |name: &str| stage.0.join(name);
    for (args, name) in [
        (["run", "-q", "pipe", "--input-text", "Ann"].as_slice(), "hello.wasm"),
        (&["run", "-q", "hello.wasm", "--input", "pipe"], "limits.toml"),
        (&["run", "-q", "hello.wasm", "--config", "pipe", "--input-text", "Ann"], "limits.toml"),
        (&["map", "answers.wasm", "--input", "pipe"], "limits.toml"),
    ] {
        let _ = fs::remove_file(at("pipe"));
        pipe(&at("pipe"));
        let mut child = command(&stage, args).spawn().expect("belljar starts");
        fs::write(at("pipe"), fs::read(at(name)).expect("a file")).expect("it reads");
        let mut output = String::new();
        child.stdout.take().expect("its stdout").read_to_string(&mut output).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{args:?}");
        assert!(!output.is_empty(), "{args:?}");
    }

    pipe(&at("belljar.toml"));
    fs::write(at("old.txt"), "one\n").expect("a file");
    pipe(&at("old.txt.belljar"));
    for args in [
        ["run", "hello.wasm"].as_slice(),
        &["plan", "hello.wasm"],
        &["map", "answers.wasm", "--no-config", "-o", "old.txt", "--resume"],
    ] {
        let mut child = command(&stage, args).spawn().expect("belljar starts");
        let patience = Instant::now() + Duration::from_secs(30);
        while child.try_wait().expect("its status").is_none() {
            if Instant::now() > patience {
                child.kill().expect("it is there");
                panic!("it waits: {args:?}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(child.wait().expect("it ends").code(), Some(2), "{args:?}");
    }
}

/// What a folder has in it, with the contents of files.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(tree(&path)),
            false => all.push((path.clone(), fs::read(&path).expect("a file"))),
        }
    }
    all.sort();
    all
}

/// A limit of a file's size stands for a disk that is full: the system says it of a write in the same way.
#[test]
fn where_nothing_can_be_written_nothing_is_left_and_nothing_lost() {
    let stage = stage("files-full");
    let at = |name: &str| stage.0.join(name);
    fs::write(at("kept"), "precious").expect("a file");
    fs::write(at("input"), "one\ntwo\n").expect("a file");
    fs::create_dir(at("cache")).expect("a directory");
    fs::set_permissions(at("cache"), fs::Permissions::from_mode(0o700)).expect("its mode");
    let before = tree(&stage.0);
    let run = ["run", "tools/sum.wasm", "--input-text", "[1]"];
    let pack = ["pack", "-q", "tools/sum.wasm", "--manifest", "tools/sum.toml"];
    let map = ["map", "tools/sum.wasm", "--input", "input"];
    let cases: [(&[&str], &[&str]); 10] = [
        (&run, &["--receipt", "new"]),
        (&run, &["--receipt", "kept"]),
        (&run, &["--record", "new"]),
        (&run, &["--record", "kept"]),
        (&run, &["--module-cache", "cache"]),
        (&pack, &["-o", "new"]),
        (&pack, &["-o", "kept"]),
        (&pack, &["-o", "tools/sum.wasm"]),
        (&map, &["-o", "new"]),
        (&map, &["-o", "kept", "--force"]),
    ];
    let alone = ended(&stage, &run);
    // Nothing can be written, or a part of what is.
    for blocks in ["0", "1"] {
        for (command, options) in cases {
            let is_small = command == map || options.contains(&"cache");
            if blocks == "1" && is_small {
                continue;
            }
            let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
            let mut shell = Command::new("sh");
            shell.args(["-c", &limited, PROGRAM]).args(command).args(options).current_dir(&stage.0);
            let status = shell.stdin(Stdio::null()).output().expect("a shell").status;
            // Without its cache a run goes on.
            let expected = if options.contains(&"cache") { alone.status.code() } else { Some(2) };
            assert_eq!(status.code(), expected, "{command:?} {options:?}");
            assert!(tree(&stage.0) == before, "{blocks}: {command:?} {options:?}");
        }
    }
}

/// What is written to a stdout that is closed from the start is no success; a stdout that goes nowhere is one.
#[test]
fn a_closed_stdout_is_an_error() {
    let stage = stage("closed");
    let run = "run --text hello.wat --input-text a -q";
    let map = "map --text hello.wat --input hello.wat -q";
    for (command, redirection, code) in [
        (run, ">&-", 2),
        (run, ">/dev/null", 0),
        (run, "<>/dev/null 1>&0", 0),
        (map, ">&-", 2),
        ("--help", ">&-", 2),
        ("run --help", ">/dev/null", 0),
    ] {
        let line = format!("exec \"$0\" {command} {redirection}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line, env!("CARGO_BIN_EXE_belljar")]).current_dir(&stage.0);
        assert_eq!(shell.status().unwrap().code(), Some(code), "{command} {redirection}");
    }
}
