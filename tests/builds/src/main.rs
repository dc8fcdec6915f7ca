//! Runs all hostile inputs on threads with a small stack, and tells how much of it was touched.
//!
//! `belljar-builds STACK_KIB`: the last line is `HELD of ALL held, KIB of STACK_KIB KiB of stack`; or, with
//! exit status 3, why this build runs nothing.
//! `belljar-builds dump FOLDER`: writes the modules instead, for programs that cannot link this crate.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    thread,
};

use belljar::{
    Config, ConfigProblem, Error, Sandbox,
    hostile::{Attack, attacks},
};

/// Code that is not optimized takes twenty times as long.
const FUEL: u64 = if cfg!(debug_assertions) { 1_000_000 } else { u64::MAX };

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["dump", folder] => dump(Path::new(folder)),
        [kib] => run(kib.parse().unwrap()),
        _ => panic!("a size in KiB, or `dump FOLDER`"),
    }
}

fn run(stack_kib: usize) -> ExitCode {
    // Asked on the small stack too: the question must not be what ends the process.
    let asked = thread::Builder::new().stack_size(stack_kib << 10).spawn(|| Sandbox::new(Config::default()).map(drop));
    if let Err(error) = asked.unwrap().join().unwrap() {
        let Error::Config(cause) = &error else { panic!("{error}") };
        assert!(matches!(cause.problem, ConfigProblem::Dispatch { .. }), "{error}");
        println!("{error}");
        return ExitCode::from(3);
    }
    let (mut held, mut all, mut touched) = (0, 0, 0);
    for attack in attacks() {
        // If it ends the process, this is the last that is seen of it.
        eprintln!("{}", attack.name);
        let thread = thread::Builder::new().stack_size(stack_kib << 10).spawn(move || end(attack)).unwrap();
        let (end, kib) = thread.join().unwrap();
        let less = FUEL < u64::MAX && end == "stopped: fuel";
        all += 1;
        touched = touched.max(kib);
        if end == attack.expected || less {
            held += 1;
        } else {
            println!("{}: {end}; expected {}", attack.name, attack.expected);
        }
    }
    println!("{held} of {all} held, {touched} of {stack_kib} KiB of stack");
    if held == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How an attack ends, and how much of this thread's stack has been touched by then.
fn end(attack: Attack) -> (String, u64) {
    let input = match attack.against {
        // A deadline is there to strike before the fuel is used up.
        "deadline_ms" => attack.build(),
        _ => attack.build().with_fuel_at_most(FUEL),
    };
    let end = catch_unwind(AssertUnwindSafe(|| input.run())).unwrap_or_else(|_| "panic".into());
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

/// Writes `NAME.N.wasm` for the modules of an attack, and `attacks.tsv`, a line for each attack.
fn dump(folder: &Path) -> ExitCode {
    fs::create_dir_all(folder).unwrap();
    let mut list = String::new();
    for Attack { name, tries, against, expected, .. } in attacks() {
        list += &format!("{name}\t{tries}\t{against}\t{expected}\n");
    }
    for attack in attacks() {
        for (n, wasm) in attack.build().modules().iter().enumerate() {
            fs::write(folder.join(format!("{}.{n}.wasm", attack.name)), wasm).unwrap();
        }
    }
    fs::write(folder.join("attacks.tsv"), list).unwrap();
    ExitCode::SUCCESS
}
