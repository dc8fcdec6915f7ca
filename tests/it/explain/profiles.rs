//! Profiles whose calls and fuel are known.

use belljar::{
    Config, Sandbox,
    explain::{Callee, FuelProfile, Rerun},
};

fn profile(text: &str) -> FuelProfile {
    let wasm = wat::parse_str(text).unwrap();
    Sandbox::new(Config::default()).unwrap().profile(&Rerun::new(&wasm, b"")).unwrap()
}

/// Name, calls and own fuel of each node, with the name of its caller, without belljar's own work.
fn nodes(profile: &FuelProfile) -> Vec<(String, String, u64, u64)> {
    let name = |number: usize| profile.nodes[number].callee.to_string();
    let guests = profile.nodes.iter().filter(|node| node.callee != Callee::Belljar);
    guests
        .map(|node| {
            let caller = node.caller.map(name).unwrap_or_default();
            (caller, node.callee.to_string(), node.calls, node.fuel)
        })
        .collect()
}

fn node(caller: &str, name: &str, calls: u64, fuel: u64) -> (String, String, u64, u64) {
    (caller.into(), name.into(), calls, fuel)
}

#[test]
fn each_way_of_calls_has_its_fuel() {
    let found = profile(
        r#"(module
            (func $leaf (drop (i32.const 1)))
            (func $one (call $leaf))
            (func $two (call $leaf) (call $leaf))
            (func (export "_start") (call $one) (call $two) (call $two)))"#,
    );
    // A function costs 1, a call 3, a constant 1.
    let expected = [
        node("", "_start", 1, 10),
        node("_start", "one", 1, 4),
        node("one", "leaf", 1, 2),
        node("_start", "two", 1, 7),
        node("two", "leaf", 1, 2),
        node("two", "leaf", 1, 2),
        node("_start", "two", 1, 7),
        node("two", "leaf", 1, 2),
        node("two", "leaf", 1, 2),
    ];
    assert_eq!(nodes(&found), expected);
    let leaf = found.functions().into_iter().find(|function| function.callee.to_string() == "leaf").unwrap();
    assert_eq!((leaf.calls, leaf.own, leaf.total), (5, 10, 10));
    let start = found.functions().into_iter().find(|function| function.callee.to_string() == "_start").unwrap();
    assert_eq!((start.own, start.total), (10, 38));
}

#[test]
fn recursion_belongs_to_the_first_call() {
    let found = profile(
        r#"(module
            (func $odd (param i32) (if (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1))))))
            (func $even (param i32) (if (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "_start") (call $even (i32.const 9))))"#,
    );
    // 1 and 1 for the condition; 1 for an arm, 3 for its operators and 3 for the call, where there is one.
    let expected = [node("", "_start", 1, 5), node("_start", "even", 5, 5 * 10), node("even", "odd", 5, 4 * 10 + 3)];
    assert_eq!(nodes(&found), expected);
    let even = found.functions().into_iter().find(|function| function.callee.to_string() == "even").unwrap();
    assert_eq!((even.own, even.total), (50, 93));
}

#[test]
fn indirect_and_tail_calls_have_nodes_of_their_own() {
    let found = profile(
        r#"(module
            (table 2 funcref) (elem (i32.const 0) $zero $one) (type $t (func (param i32)))
            (func $zero (param i32)) (func $one (param i32))
            (func $count (param i32)
                (if (local.get 0) (then (return_call $count (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "_start") (local i32)
                (loop
                    (call_indirect (type $t) (i32.const 0) (i32.and (local.get 0) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))
                (call $count (i32.const 1000))))"#,
    );
    let found = nodes(&found);
    let calls: Vec<_> = found.iter().map(|(caller, name, calls, _)| (&**caller, &**name, *calls)).collect();
    let expected = [("", "_start", 1), ("_start", "zero", 5), ("_start", "one", 5), ("_start", "count", 1_001)];
    assert_eq!(calls, expected);
}

#[test]
fn work_of_the_host_belongs_to_its_functions_and_to_bulk_operators() {
    let found = profile(
        r#"(module
            (import "env" "write_output" (func $write (param i32 i32)))
            (memory (export "memory") 1)
            (func $fill (memory.fill (i32.const 0) (i32.const 1) (i32.const 6400)))
            (func (export "_start") (call $fill) (call $write (i32.const 0) (i32.const 640))))"#,
    );
    let expected = [
        // 1, 3 and 3 for calls, 2 for constants.
        node("", "_start", 1, 9),
        // 1, 3 for constants, 8 for the operator, 1 for each 64 bytes.
        node("_start", "fill", 1, 12 + 100),
        // 20, and 1 for each 64 bytes that are moved and added.
        node("_start", "env::write_output", 1, 20 + 20),
    ];
    assert_eq!(nodes(&found), expected);
}

#[test]
fn folded_stacks_have_the_fuel_of_the_run() {
    let found = profile(r#"(module (func $a (drop (i32.const 1))) (func (export "_start") (call $a)))"#);
    assert_eq!(found.folded().lines().collect::<Vec<_>>(), ["(belljar) 1012", "_start 4", "_start;a 2"]);
    let sum: u64 = found.folded().lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(sum, found.fuel());
    let document: serde_json::Value = serde_json::from_str(&found.speedscope("test")).unwrap();
    assert_eq!(document["profiles"][0]["endValue"], found.fuel());
}
