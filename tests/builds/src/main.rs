//! Runs the checks of the self-test on threads with a small stack, and tells how much of it was touched.
//!
//! `belljar-builds STACK_KIB`: the last line is `HELD of ALL held, KIB of STACK_KIB KiB of stack`; or, with
//! exit status 3, why this build runs nothing.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    thread,
};

use belljar::{
    Config, Error, Sandbox,
    error::ConfigProblem,
    selftest::{Check, checks},
};

fn main() -> ExitCode {
    let stack_kib: usize = env::args().nth(1).and_then(|kib| kib.parse().ok()).expect("a size in KiB");
    // Asked on the small stack too: the question must not be what ends the process.
    let asked = thread::Builder::new().stack_size(stack_kib << 10).spawn(|| Sandbox::new(Config::default()).map(drop));
    if let Err(error) = asked.unwrap().join().unwrap() {
        let Error::Config(cause) = &error else { panic!("{error}") };
        assert!(matches!(cause.problem, ConfigProblem::Dispatch { .. }), "{error}");
        println!("{error}");
        return ExitCode::from(3);
    }
    let (mut held, mut all, mut touched) = (0, 0, 0);
    for check in checks() {
        // If it ends the process, this is the last that is seen of it.
        eprintln!("{}", check.name);
        let thread = thread::Builder::new().stack_size(stack_kib << 10).spawn(move || end(check)).unwrap();
        let (end, kib) = thread.join().unwrap();
        all += 1;
        touched = touched.max(kib);
        if end == check.expected {
            held += 1;
        } else {
            println!("{}: {end}; expected {}", check.name, check.expected);
        }
    }
    println!("{held} of {all} held, {touched} of {stack_kib} KiB of stack");
    if held == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells how a check ends, and how much of this thread's stack has been touched by then.
fn end(check: Check) -> (String, u64) {
    let end = catch_unwind(AssertUnwindSafe(|| check.run())).unwrap_or_else(|_| "panic".into());
    (end, touched())
}

/// KiB of the memory that a local of this thread lies in that are there: pages of a stack are made when
/// they are touched. (Where the system does not tell: 0.)
fn touched() -> u64 {
    let local = 0u8;
    let address = &raw const local as u64;
    let maps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut within = false;
    for line in maps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-') {
            let place = |text| u64::from_str_radix(text, 16).unwrap_or_default();
            within = (place(from)..place(to)).contains(&address);
        } else if within && first == "Rss:" {
            return line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default();
        }
    }
    0
}
