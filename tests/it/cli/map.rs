//! `belljar map` as a process: killed, interrupted, left by its reader, asked line by line.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{PROGRAM, Stage, copy, source};

/// The program at work among the files of the transcripts.
fn started(stage: &Stage, args: &[&str]) -> (Child, ChildStdin) {
    let mut command = Command::new(PROGRAM);
    command.arg("map").args(args).current_dir(&stage.0);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("belljar starts");
    let stdin = child.stdin.take().expect("its stdin");
    (child, stdin)
}

fn stage(name: &str) -> Stage {
    let stage = Stage::new(name);
    copy(&source(), &stage.0);
    stage
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// All lines, of many sizes.
fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{n} {}\n", "x".repeat(n * 37 % 400))).collect()
}

/// Killed in the middle again and again, it comes to what it would have come to.
#[test]
fn a_killed_batch_is_gone_on_with() {
    let stage = stage("map-killed");
    let inputs = lines(4_000);
    fs::write(stage.0.join("in.txt"), &inputs).expect("the inputs");
    let (args, path) = (["answers.wasm", "-o", "out.txt", "--resume"], stage.0.join("out.txt"));
    for (round, part) in [0, 10, 40, 60, 90].into_iter().enumerate() {
        let (mut child, mut stdin) = started(&stage, &args);
        // What is not there yet it cannot have answered: it is in the middle, however fast it is.
        let there = inputs.len() * (part + 9) / 100;
        stdin.write_all(&inputs.as_bytes()[..there]).expect("it reads");
        until("it does not go on", || size(&path) > (inputs.len() * part / 100) as u64);
        child.kill().expect("it is there");
        child.wait().expect("it ends");
        let left = fs::read(&path).expect("the outputs");
        assert!(inputs.as_bytes().starts_with(&left) && left.len() < inputs.len());
        // As if the system had not written all of it.
        let cut = left.len() - round % 3;
        fs::File::options().write(true).open(&path).and_then(|file| file.set_len(cut as u64)).expect("it is cut");
    }
    let (child, mut stdin) = started(&stage, &args);
    stdin.write_all(inputs.as_bytes()).expect("it reads");
    drop(stdin);
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    assert!(fs::read_to_string(&path).expect("the outputs") == inputs);

    let (child, _) = started(&stage, &["answers.wasm", "-o", "whole.txt", "--input", "in.txt"]);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    let [whole, path] = [stage.0.join("whole.txt"), path].map(|path| fs::read(path).expect("a file"));
    assert!(whole == path, "not the same as in one go");
}

/// Nobody writes into the same file at the same time.
#[test]
fn a_batch_has_its_file_alone() {
    let stage = stage("map-locked");
    let args = ["answers.wasm", "-o", "out.txt", "--resume"];
    let (mut first, mut stdin) = started(&stage, &args);
    writeln!(stdin, "one").expect("it reads");
    until("no line comes", || size(&stage.0.join("out.txt")) > 0);
    let (second, _) = started(&stage, &args);
    let ended = second.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(2), "{}", String::from_utf8_lossy(&ended.stderr));
    drop(stdin);
    assert_eq!(first.wait().expect("it ends").code(), Some(0));
}

/// The answer comes before the next line does.
#[test]
fn a_line_is_answered_at_once() {
    for threads in ["1", "2"] {
        let stage = stage(&format!("map-asked-{threads}"));
        let (mut child, mut stdin) = started(&stage, &["answers.wasm", "--threads", threads]);
        let mut stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        for n in 0..50 {
            writeln!(stdin, "{n}").expect("it reads");
            let mut line = String::new();
            stdout.read_line(&mut line).expect("a line");
            assert_eq!(line, format!("{n}\n"));
        }
        drop(stdin);
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
}

/// SIGINT ends it with whole lines, whatever it waits for: a run, or an input.
#[test]
#[cfg(unix)]
fn an_interrupted_batch_has_whole_lines() {
    for last in ["~", ""] {
        let stage = stage(&format!("map-interrupted-{}", last.len()));
        let (mut child, mut stdin) =
            started(&stage, &["answers.wasm", "--profile", "large", "--set", "limits.fuel=900G"]);
        let mut stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        write!(stdin, "one\ntwo\n{last}{}", if last.is_empty() { "" } else { "\n" }).expect("it reads");
        let mut two = [String::new(), String::new()];
        for line in &mut two {
            stdout.read_line(line).expect("a line");
        }
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        assert!(killed.success());
        // Its stdin stays open.
        let ended = child.wait_with_output().expect("it ends");
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).expect("the rest");
        assert_eq!((two.concat().as_str(), rest.as_str()), ("one\ntwo\n", ""));
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "error: cancelled after 2 lines\n");
        assert_eq!(ended.status.code(), Some(1));
    }
}

/// A reader that has had enough ends it, though there are more lines to come.
#[test]
fn a_reader_can_leave_a_batch() {
    let stage = stage("map-left");
    let (mut child, mut stdin) = started(&stage, &["answers.wasm"]);
    let mut stdout = BufReader::new(child.stdout.take().expect("its stdout"));
    writeln!(stdin, "one").expect("it reads");
    stdout.read_line(&mut String::new()).expect("a line");
    drop(stdout);
    // The first may be written before it is known that nobody reads it.
    until("it does not end", || {
        let _ = writeln!(stdin, "more");
        child.try_wait().expect("its status").is_some()
    });
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((ended.stderr.as_slice(), ended.status.code()), (&b""[..], Some(0)));
}

/// What fails is told, though there are more lines to come.
#[test]
fn a_failure_waits_for_no_line() {
    let stage = stage("map-failed");
    let (child, mut stdin) = started(&stage, &["answers.wasm"]);
    writeln!(stdin, "one\n!two").expect("it reads");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((ended.stdout.as_slice(), ended.status.code()), (&b"one\n"[..], Some(1)));
}

#[test]
fn any_number_of_threads_writes_the_same() {
    let stage = stage("map-threads");
    let inputs = lines(1_000).replace("7 x", "!").replace("5 x", "&");
    let mut all = Vec::new();
    for threads in ["1", "2", "5"] {
        let args = ["answers.wasm", "--keep-going", "--format", "json", "--threads", threads];
        let (child, mut stdin) = started(&stage, &args);
        let inputs = inputs.clone();
        let writer = thread::spawn(move || stdin.write_all(inputs.as_bytes()).expect("it reads"));
        let ended = child.wait_with_output().expect("it ends");
        writer.join().expect("all is written");
        all.push((ended.status.code(), ended.stdout));
    }
    assert_eq!(all[0].1.iter().filter(|byte| **byte == b'\n').count(), 1_000);
    assert!(all.iter().all(|one| *one == all[0]));
}

/// 64 MiB of lines pass through a process that has not a quarter of that.
#[test]
#[cfg(target_os = "linux")]
fn any_number_of_lines_takes_the_same_memory() {
    let stage = stage("map-memory");
    let (mut child, mut stdin) = started(&stage, &["answers.wasm", "-o", "out.txt", "--threads", "2", "--window", "8"]);
    let line = format!("{}\n", "x".repeat((64 << 10) - 1));
    for _ in 0..1_000 {
        stdin.write_all(line.as_bytes()).expect("it reads");
    }
    let path = stage.0.join("out.txt");
    until("it does not go on", || size(&path) == 4_097 * 1_000);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("its status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert!(kibibytes < 48 << 10, "{kibibytes} KiB");
}
