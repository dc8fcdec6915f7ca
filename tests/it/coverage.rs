//! Coverage: counts add up to the fuel of runs, and are those of profiles.

use std::collections::BTreeMap;

use belljar::{
    Config, Outcome, Sandbox, Stopped, Value,
    explain::{Callee, Coverage, FuelProfile, Rerun},
};
use wasmparser::{Operator, Parser, Payload};

use crate::{
    explain::{each_of_the_fixtures, each_of_the_generated, recorded},
    fixture,
};

/// The runs whose coverage was checked.
#[derive(Debug, Default)]
struct Seen {
    runs: u32,
    /// Functions whose fuel was that of their blocks.
    exact: u32,
    /// Functions that moved or grew something.
    others: u32,
    branches: u32,
    stopped: u32,
}

impl Seen {
    /// Has a run again with counters, and compares it with the run and with its profile.
    fn check(&mut self, sandbox: &Sandbox, wasm: &[u8], call: Option<(&str, &[Value])>, input: &[u8], what: &str) {
        let module = sandbox.load(wasm).unwrap();
        let Some((rerun, result)) = recorded(sandbox, &module, wasm, call, input, what) else { return };
        let coverage = sandbox.coverage(&rerun).unwrap();
        check_sums(&coverage, what);
        assert_eq!(coverage.result, result, "{what}");
        assert_eq!(coverage.fuel, fuel(&result), "{what}");
        self.runs += 1;
        self.stopped += u32::from(result.is_err());
        let profile = sandbox.profile(&rerun).unwrap();
        let exits = module.inspect().imports.iter().any(|import| import.name == "proc_exit");
        self.compare(&coverage, &profile, wasm, exits, what);
    }

    fn compare(&mut self, coverage: &Coverage, profile: &FuelProfile, wasm: &[u8], exits: bool, what: &str) {
        let mut profiled = BTreeMap::<u32, (u64, u64)>::new();
        let mut elsewhere = 0;
        for node in &profile.nodes {
            match &node.callee {
                Callee::Guest { function, .. } => {
                    let entry = profiled.entry(*function).or_default();
                    *entry = (entry.0 + node.calls, entry.1 + node.fuel);
                }
                _ => elsewhere += node.fuel,
            }
        }
        let ended = coverage.result.is_ok() && !exits;
        assert!(!ended || coverage.elsewhere >= elsewhere, "{what}: {} of {elsewhere}", coverage.elsewhere);
        let varies = varies(wasm);
        for (function, varies) in coverage.functions.iter().zip(varies) {
            let (calls, own) = profiled.remove(&function.function).unwrap_or_default();
            assert_eq!(function.calls, calls, "{what}: {}", function.function);
            assert!(function.fuel <= own, "{what}: {}: {} of {own}", function.function, function.fuel);
            if ended && !varies {
                assert_eq!(function.fuel, own, "{what}: {}", function.function);
                self.exact += u32::from(own > 0);
            } else {
                self.others += u32::from(own > 0);
            }
            for branch in &function.branches {
                let block = function.blocks.partition_point(|block| block.offset <= branch.offset) - 1;
                let (count, sum) = (function.blocks[block].count, branch.counts.iter().sum::<u64>());
                assert!(if ended { count == sum } else { count >= sum }, "{what}: {branch:?} of {count}");
                self.branches += u32::from(sum > 0);
            }
        }
        assert_eq!(profiled, BTreeMap::new(), "{what}");
    }
}

fn fuel(result: &Result<Outcome, Box<Stopped>>) -> u64 {
    result.as_ref().map_or_else(|stopped| stopped.usage.fuel, |outcome| outcome.usage.fuel)
}

/// Checks that the fuel of functions, or lines, and of the rest is that of the runs.
fn check_sums(coverage: &Coverage, what: &str) {
    let functions: u64 = coverage.functions.iter().map(|function| function.fuel).sum();
    assert_eq!(functions + coverage.elsewhere, coverage.fuel, "{what}");
    let lines: u64 = coverage.lines.iter().map(|line| line.fuel).sum();
    assert_eq!(lines + coverage.without_line + coverage.elsewhere, coverage.fuel, "{what}");
    for function in &coverage.functions {
        assert_eq!(function.blocks[0].count, function.calls, "{what}");
        assert!(function.blocks.is_sorted_by_key(|block| block.offset), "{what}");
        let all = function.block_part();
        assert!(all.run <= all.all && all.all == function.blocks.len() as u64, "{what}");
    }
}

/// Returns for each function whether its fuel may be more than the prices of its operators.
fn varies(wasm: &[u8]) -> Vec<bool> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        let locals: u32 = body.get_locals_reader().unwrap().into_iter().map(|local| local.unwrap().0).sum();
        let mut operators = body.get_operators_reader().unwrap().into_iter().map(Result::unwrap);
        found.push(
            locals > 16
                || operators.any(|operator| {
                    matches!(
                        operator,
                        Operator::MemoryGrow { .. }
                            | Operator::MemoryCopy { .. }
                            | Operator::MemoryFill { .. }
                            | Operator::MemoryInit { .. }
                            | Operator::TableGrow { .. }
                            | Operator::TableCopy { .. }
                            | Operator::TableFill { .. }
                            | Operator::TableInit { .. }
                    )
                }),
        );
    }
    found
}

#[test]
fn counts_of_every_fixture_add_up() {
    let mut seen = Seen::default();
    each_of_the_fixtures(|sandbox, wasm, call, input, what| seen.check(sandbox, wasm, call, input, what));
    println!("{seen:?}");
    assert!(seen.exact > 30 && seen.others > 3 && seen.branches > 10 && seen.stopped > 30, "{seen:?}");
}

#[test]
fn counts_of_guests_add_up() {
    let mut seen = Seen::default();
    let sandbox = Sandbox::new(Config::profile(belljar::Profile::Large)).unwrap();
    for (guest, input) in [
        ("markdown", &b"# A *title*\n\n- one\n- `two`\n\n1. [three](four)\n\n> five\n"[..]),
        ("jsonquery", br#"{"path":"/a/0/b","doc":{"a":[{"b":[1, 2.50, "Stra\u00dfe"]}]}}"#),
        ("jsonquery", b"{"),
        ("wordcount", b"one two three"),
        ("upper-as", b"one"),
        ("upper-zig", b"one"),
        ("panic", b""),
        ("trap", b"\x01"),
    ] {
        let wasm = std::fs::read(fixture::root().join("guests").join(guest).with_extension("wasm")).unwrap();
        seen.check(&sandbox, &wasm, None, input, guest);
    }
    println!("{seen:?}");
    assert!(seen.runs >= 7 && seen.exact > 100 && seen.branches > 200, "{seen:?}");
}

#[test]
fn counts_of_generated_modules_add_up() {
    let mut seen = Seen::default();
    let few = if cfg!(debug_assertions) { 300 } else { 3_000 };
    each_of_the_generated(few, |sandbox, wasm, call, input, what| seen.check(sandbox, wasm, call, input, what));
    println!("{seen:?}");
    assert!(seen.exact > 50 && seen.branches > 20 && seen.stopped > 10, "{seen:?}");
}

const WAT: &str = include_str!("../../fixtures/explain/coverage.wat");

/// A module with DWARF.
const C: &[u8] = include_bytes!("../../fixtures/explain/coverage.wasm");

/// Returns the coverage of a call with an `i32` in the fixture.
fn call(name: &str, arguments: &[i32]) -> Coverage {
    let wasm = wat::parse_str(WAT).unwrap();
    let arguments: Vec<_> = arguments.iter().map(|argument| Value::I32(*argument)).collect();
    let coverage =
        Sandbox::new(Config::default()).unwrap().coverage(&Rerun::new(&wasm, b"").with_call(name, &arguments)).unwrap();
    check_sums(&coverage, name);
    coverage
}

/// Returns the counts of the blocks and of the branches of a function.
fn counts(coverage: &Coverage, name: &str) -> (Vec<u64>, Vec<Vec<u64>>) {
    let function = coverage.functions.iter().find(|function| function.name.as_deref() == Some(name)).unwrap();
    let blocks = function.blocks.iter().map(|block| block.count).collect();
    (blocks, function.branches.iter().map(|branch| branch.counts.clone()).collect())
}

#[test]
fn counts_of_blocks_and_branches_are_known() {
    for (function, argument, blocks, branches) in [
        ("arms", 5, &[1, 6, 5, 2, 3, 5, 1, 5, 1][..], &[&[1, 5][..], &[2, 3], &[1, 4]][..]),
        ("table", 6, &[1, 6, 2, 1, 6, 1], &[&[2, 1, 3], &[5, 1]]),
        ("values", 1, &[1, 0, 1], &[&[1, 0]]),
        ("values", 0, &[1, 1, 1], &[&[0, 1]]),
        ("growth", 1, &[1, 1], &[]),
    ] {
        let coverage = call(function, &[argument]);
        let branches = branches.iter().map(|counts| counts.to_vec()).collect();
        assert_eq!(counts(&coverage, function), (blocks.to_vec(), branches), "{function}({argument})");
        assert_eq!(counts(&coverage, "never"), (vec![0], vec![]));
        assert!(coverage.result.is_ok() && coverage.lines.is_empty() && coverage.problems.is_empty());
        let totals = coverage.totals();
        assert_eq!((totals.functions.run, totals.functions.all), (1, 8));
    }
    assert_eq!(counts(&call("dead", &[]), "dead"), (vec![1, 0], vec![vec![0, 0]]));
}

/// A block that was not finished did not get to its branch.
#[test]
fn branches_of_stopped_runs_are_those_that_were_reached() {
    let coverage = call("outer", &[0]);
    assert_eq!(counts(&coverage, "outer"), (vec![1, 1, 1], vec![vec![0, 1]]));
    assert_eq!(counts(&coverage, "stops"), (vec![1, 1, 1], vec![vec![0, 1]]));
    let coverage = call("outer", &[-1]);
    assert_eq!(counts(&coverage, "outer"), (vec![1, 0, 0], vec![vec![0, 0]]));
    assert_eq!(counts(&coverage, "stops"), (vec![1, 0, 0], vec![vec![0, 0]]));
    assert!(coverage.result.is_err());
}

/// A guest that exits leaves the blocks of its callers unfinished, too.
#[test]
#[cfg(feature = "wasi")]
fn branches_of_runs_that_exit_are_those_that_were_reached() {
    let wasm = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func $leave (block (call $exit (i32.const 0)) (br_if 0 (memory.size))))
            (func $main (export "_start") (block (call $leave) (br_if 0 (memory.size)))))"#,
    );
    let wasm = wasm.unwrap();
    let coverage = Sandbox::new(Config::default()).unwrap().first_coverage(&Rerun::new(&wasm, b""), |_| {}).unwrap();
    assert!(coverage.result.is_ok());
    for function in ["main", "leave"] {
        assert_eq!(counts(&coverage, function), (vec![1, 0, 0], vec![vec![0, 0]]));
    }
}

/// Counts of a run with more fuel are never less: nothing counts that was not reached.
#[test]
fn counts_grow_with_the_fuel() {
    let wasm = wat::parse_str(WAT).unwrap();
    for (function, argument) in [("arms", 3), ("table", 5), ("values", 1), ("growth", 1), ("outer", 0)] {
        let rerun = Rerun::new(&wasm, b"").with_call(function, &[Value::I32(argument)]);
        sweep(&rerun, &call(function, &[argument]), 1, function);
    }
    sweep(&Rerun::new(C, b"03x"), &coverage_of_lines(b"03x"), 7, "C");
}

/// Has a run again with less fuel than it took, up to all of it.
fn sweep(rerun: &Rerun<'_>, whole: &Coverage, step: usize, what: &str) {
    let numbers = |coverage: &Coverage| -> Vec<u64> {
        let functions = coverage.functions.iter().flat_map(|function| {
            let blocks = function.blocks.iter().map(|block| block.count);
            blocks.chain(function.branches.iter().flat_map(|branch| branch.counts.clone()))
        });
        functions.chain(coverage.lines.iter().map(|line| line.count)).collect()
    };
    let mut before = vec![0; numbers(whole).len()];
    let start = whole.fuel - whole.functions.iter().map(|function| function.fuel).sum::<u64>();
    for fuel in (start..whole.fuel).step_by(step) {
        let coverage = Sandbox::new(Config::default().with_fuel(fuel)).unwrap().coverage(rerun).unwrap();
        check_sums(&coverage, what);
        assert!(coverage.result.is_err(), "{what}: {fuel}");
        let now = numbers(&coverage);
        assert!(before.iter().zip(&now).all(|(before, now)| before <= now), "{what}: {fuel}: {before:?}, {now:?}");
        before = now;
    }
    let all = numbers(whole);
    assert!(before.iter().zip(&all).all(|(before, all)| before <= all), "{what}: {before:?}, {all:?}");
}

#[test]
fn coverage_of_several_inputs_is_their_sum() {
    let mut coverage = call("arms", &[5]);
    let fuel = coverage.fuel;
    let other = call("arms", &[0]);
    assert!(coverage.merge(&other));
    check_sums(&coverage, "merged");
    assert_eq!((coverage.runs, coverage.fuel), (2, fuel + other.fuel));
    let blocks = vec![2, 7, 5, 2, 3, 5, 1, 5, 2];
    assert_eq!(counts(&coverage, "arms"), (blocks, vec![vec![2, 5], vec![2, 3], vec![1, 4]]));
    assert!(coverage.merge(&call("dead", &[])));
    assert_eq!((coverage.totals().functions.run, coverage.runs), (2, 3));

    let before = coverage.clone();
    let another = Sandbox::new(Config::default()).unwrap().coverage(&Rerun::new(C, b"")).unwrap();
    assert!(!coverage.merge(&another));
    assert_eq!(coverage, before);
}

/// Returns the coverage of the module with DWARF.
fn coverage_of_lines(input: &[u8]) -> Coverage {
    let coverage = Sandbox::new(Config::default()).unwrap().first_coverage(&Rerun::new(C, input), |_| {}).unwrap();
    check_sums(&coverage, "C");
    coverage
}

#[test]
fn counts_of_lines_are_known() {
    let coverage = coverage_of_lines(b"0123 456x");
    assert!(coverage.result.is_ok() && coverage.problems.is_empty());
    let lines: Vec<_> = coverage.lines.iter().map(|line| (line.line, line.count)).collect();
    assert_eq!(lines, LINES);
    assert!(coverage.lines.iter().all(|line| line.file == "explain/coverage.c"));
    assert_eq!(coverage.without_line, 0);
    for line in &coverage.lines {
        assert_eq!(line.fuel > 0, line.count > 0, "{line:?}");
    }
    let weight = coverage.functions.iter().find(|function| function.name.as_deref() == Some("weight")).unwrap();
    assert_eq!(weight.location.as_ref().unwrap().line, 20);
    assert_eq!(weight.calls, 7);
}

/// The number of each line that has operators, and how often it runs.
#[rustfmt::skip]
const LINES: &[(u32, u64)] = &[
    (14, 9), (15, 9), (16, 7), (17, 2), (18, 9),
    (20, 7), (21, 7), (23, 1), (26, 2), (28, 1), (30, 3), (32, 7),
    (34, 0), (35, 0),
    (38, 1), (39, 1), (40, 1), (41, 10), (42, 9), (43, 9), (44, 2), (45, 7), (47, 1), (48, 0), (49, 1),
];

/// The tracefile of lcov is that of the fixture; `BLESS=1` writes what was found.
#[test]
fn coverage_has_the_format_of_lcov() {
    let mut coverage = coverage_of_lines(b"0123 456x");
    assert!(coverage.merge(&coverage_of_lines(b"77")));
    let text = coverage.lcov("coverage.wasm");
    let path = fixture::root().join("explain/coverage.info");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
}

/// Without debugging information, functions are lines of a file with the name of the module.
#[test]
fn functions_without_lines_are_in_a_file_of_the_module() {
    let wasm = wat::parse_str(
        r#"(module
            (func (import "env" "input_len") (result i32))
            (func $"a,b" (export "f") (param i32) (if (local.get 0) (then (nop))))
            (func $never (param i32) (block (br_if 0 (local.get 0)))))"#,
    );
    let wasm = wasm.unwrap();
    let rerun = Rerun::new(&wasm, b"").with_call("f", &[Value::I32(1)]);
    let coverage = Sandbox::new(Config::default()).unwrap().coverage(&rerun).unwrap();
    let [a, never] = &coverage.functions[..] else { panic!("{coverage:?}") };
    let (a, never) = (a.branches[0].offset, never.branches[0].offset);
    let expected = format!(
        "TN:\nSF:m.wasm\nFN:2,a,b\nFN:3,never\nFNDA:1,a,b\nFNDA:0,never\nFNF:2\nFNH:1\n\
         BRDA:2,{a},0,1\nBRDA:2,{a},1,0\nBRDA:3,{never},0,-\nBRDA:3,{never},1,-\nBRF:4\nBRH:1\n\
         DA:2,1\nDA:3,0\nLF:2\nLH:1\nend_of_record\n"
    );
    assert_eq!(coverage.lcov("m.wasm"), expected);
}
