//! Inputs that are made to do harm: the set in `belljar::hostile`, mutated guests, many runs at a
//! time and many one after the other.
//!
//! No test here asserts a time but `measured`, which has to be asked for and is run in release.

use std::{
    collections::BTreeSet,
    thread::{self, Builder},
};

use belljar::{
    Config,
    hostile::{Attack, attacks},
};

mod crowd;
#[cfg(target_os = "linux")]
mod measured;
mod mutated;

/// The stack on which every attack has to hold. An optimized build is as sparing as a release is
/// expected to be on a phone; one that is not optimized has frames many times as large.
const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 256 << 10 };

/// Unoptimized code takes twenty times as long.
const FUEL: u64 = if cfg!(debug_assertions) { 1_000_000 } else { u64::MAX };

/// Runs an attack on a small stack; a panic there is its end.
fn end(attack: Attack) -> String {
    // A deadline is there to strike before the fuel is used up.
    let input = match attack.against {
        "deadline_ms" => attack.build(),
        _ => attack.build().with_fuel_at_most(FUEL),
    };
    let thread = Builder::new().stack_size(STACK).spawn(move || input.run()).unwrap();
    thread.join().unwrap_or_else(|_| "panic".into())
}

#[test]
fn every_limit_and_every_fault_has_an_attack() {
    let all: Vec<_> = attacks().collect();
    let names: BTreeSet<_> = all.iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), all.len(), "names are taken once");
    let against: BTreeSet<_> = all.iter().map(|attack| attack.against).collect();
    // Files are for programs of WASI only, whose other keys limit nothing.
    let of_wasi = |path: &&str| path.starts_with("wasi.") || (!cfg!(feature = "wasi") && path.contains("file"));
    // Requests need servers; their tests have some.
    let of_http = |path: &&str| path.starts_with("http.");
    // What is kept between runs bounds none of them; `tests/bounds/recent.rs` has attacks kept.
    let of_cache = |path: &&str| *path == "module_cache_bytes";
    let of_a_run = |path: &&str| !of_wasi(path) && !of_http(path) && !of_cache(path);
    let keys = Config::keys().map(|key| key.path).filter(of_a_run);
    let faults = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9"];
    let needed: BTreeSet<_> = keys.chain(faults).chain(["format"]).collect();
    assert_eq!(against, needed);
}

#[test]
fn every_attack_ends_as_it_has_to() {
    // What is within all limits, and costs as much as they let it, is left to optimized builds.
    let all: Vec<_> = attacks().filter(|a| !(cfg!(debug_assertions) && a.name.starts_with("cost-"))).collect();
    // Two threads at once: what one run does is nothing to another.
    let (left, right) = all.split_at(all.len() / 2);
    let wrong = thread::scope(|scope| {
        let check = move |part: &[Attack]| {
            let ends = part.iter().map(|attack| (attack.name, attack.expected, end(*attack)));
            let less = |end: &str| FUEL < u64::MAX && end == "stopped: fuel";
            ends.filter(|(_, expected, end)| expected != end && !less(end)).collect::<Vec<_>>()
        };
        let right = scope.spawn(move || check(right));
        [check(left), right.join().unwrap()].concat()
    });
    assert!(wrong.is_empty(), "name, expected, found: {wrong:#?}");
}
