//! The checks of `belljar::selftest`: there is one for each limit and each measure, and each ends as it has to.

use std::{collections::BTreeSet, thread::Builder};

use belljar::{
    Config,
    selftest::{self, Check, checks},
};

/// The stack on which every check has to hold. An optimized build is as sparing as a release is
/// expected to be on a phone; one that is not optimized has frames many times as large.
pub const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 256 << 10 };

/// What is tested beside the keys of the configuration.
const MEASURES: [&str; 11] = [
    "abi",
    "configuration",
    "dispatch",
    "entry",
    "format",
    "host panic",
    "imports",
    "slices",
    "start function",
    "traps",
    "validation",
];

#[test]
fn every_limit_and_every_measure_has_a_check() {
    let all: Vec<_> = checks().collect();
    let names: BTreeSet<_> = all.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), all.len(), "names are taken once");
    let tested: BTreeSet<_> = all.iter().map(|check| check.tests).collect();
    // Files are for programs of WASI only, whose other keys limit nothing.
    let of_wasi = |path: &&str| path.starts_with("wasi.") || (!cfg!(feature = "wasi") && path.contains("file"));
    // Requests need servers; their tests have some.
    let of_http = |path: &&str| path.starts_with("http.");
    // What is kept between runs bounds none of them; `tests/bounds/recent.rs` has it.
    let of_cache = |path: &&str| *path == "module_cache_bytes";
    let of_a_run = |path: &&str| !of_wasi(path) && !of_http(path) && !of_cache(path);
    let keys = Config::keys().map(|key| key.path).filter(of_a_run);
    let needed: BTreeSet<_> = keys.chain(MEASURES).collect();
    assert_eq!(tested, needed);
}

/// Runs a check on a small stack; a panic there is its end.
fn end(check: Check) -> String {
    let thread = Builder::new().stack_size(STACK).spawn(move || check.run()).unwrap();
    thread.join().unwrap_or_else(|_| "panic".into())
}

#[test]
fn every_check_ends_as_it_has_to() {
    let wrong: Vec<_> = checks()
        .map(|check| (check.name, check.expected, end(check)))
        .filter(|(_, expected, end)| expected != end)
        .collect();
    assert!(wrong.is_empty(), "name, expected, found: {wrong:#?}");
}

/// Any engine has to come to an end with it: this one does so alone, without a limit but its fuel, in little memory.
#[test]
fn every_check_is_harmless() {
    for check in checks() {
        let Some(wasm) = check.module() else { continue };
        assert!(wasm.len() < 2_000, "{} is large", check.name);
        let config = Config::default().with_fuel(20_000_000).with_memory_bytes(16 << 16).with_table_elements(100);
        let end = selftest::end(&belljar::execute(&wasm, b"", &config));
        let beyond = ["fuel", "memory", "table", "output"].map(|limit| format!("stopped: {limit}"));
        assert!(!beyond.contains(&end), "{}: {end}", check.name);
    }
}
