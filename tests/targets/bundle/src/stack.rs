//! How deep calls may go, and how far memories and tables may grow, under many limits: nothing of it may
//! depend on the machine's stack, its memory, or the size of its pointers.

use belljar::{Config, Sandbox, Value, config::OnGrowthLimit};
use belljar_targets::{Action, Case};

use crate::json;

/// Functions that call themselves in several ways, with frames of several sizes.
const CALLS: &str = r#"(module
    (type $t (func (param i32) (result i32)))
    (table 1 funcref) (elem (i32.const 0) $indirect)
    (func $plain (export "plain") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (i32.add (i32.const 1) (call $plain (i32.sub (local.get 0) (i32.const 1)))))
    (func $indirect (export "indirect") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (i32.add (i32.const 1) (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))
    (func $locals (export "locals") (param i32) (result i32) LOCALS
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (i32.add (i32.const 1) (call $locals (i32.sub (local.get 0) (i32.const 1)))))
    VECTORS
    (func $many (export "many") (param i32) (result i32 i64 f32 f64)
        (if (i32.eqz (local.get 0))
            (then (return (i32.const 0) (i64.const 1) (f32.const 2) (f64.const 3))))
        (call $many (i32.sub (local.get 0) (i32.const 1))))
    (func $tail (export "tail") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (return_call $tail (i32.sub (local.get 0) (i32.const 1)))))"#;

/// A frame of vectors.
const VECTORS: &str = r#"(func $vectors (export "vectors") (param i32) (result i32) (local v128 v128 v128)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (i32.add (i32x4.extract_lane 3 (v128.or (local.get 1) (i32x4.splat (i32.const 1))))
            (call $vectors (i32.sub (local.get 0) (i32.const 1)))))"#;

/// Grows two memories and two tables by so much, once or until it cannot, at most 300 times.
const GROWTHS: &str = r#"(module
    (memory $a 1) (memory $b 0 65536)
    (table $t 1 funcref) (table $u 0 4000000000 externref)
    (func (export "memory") (param i32) (result i32 i32 i32)
        (memory.grow $a (local.get 0)) (memory.grow $b (local.get 0))
        (i32.add (memory.size $a) (memory.size $b)))
    (func (export "table") (param i32) (result i32 i32 i32)
        (table.grow $t (ref.null func) (local.get 0)) (table.grow $u (ref.null extern) (local.get 0))
        (i32.add (table.size $t) (table.size $u)))
    (func (export "memories") (param i32) (result i32)
        (local $at i32)
        (loop (if (i32.ne (memory.grow $b (local.get 0)) (i32.const -1)) (then
            (br_if 1 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 300))))))
        (memory.size $b))
    (func (export "tables") (param i32) (result i32)
        (local $at i32)
        (loop (if (i32.ne (table.grow $t (ref.null func) (local.get 0)) (i32.const -1)) (then
            (br_if 1 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 300))))))
        (table.size $t)))"#;

pub fn cases() -> Vec<Case> {
    calls().into_iter().chain(growths()).collect()
}

fn calls() -> Vec<Case> {
    let plain = CALLS.replace("LOCALS", &format!("(local {})", "i64 ".repeat(200)));
    let vectors = plain.replace("VECTORS", VECTORS);
    let names = ["plain", "indirect", "locals", "many", "tail"];
    let mut cases = deep(&wasm(&plain.replace("VECTORS", "")), &names);
    cases.extend(deep(&wasm(&vectors), &["vectors"]));
    cases
}

fn deep(wasm: &[u8], names: &[&str]) -> Vec<Case> {
    let depths = [1, 2, 9, 10, 11, 50, 51, 99, 100, 4_000, 9_997, 9_998, 9_999, 10_000, 10_001, 70_000];
    let calls = names.iter().flat_map(|name| depths.iter().map(|depth| call(name, &[Value::I32(*depth)])));
    let actions: Vec<_> = calls.collect();
    let mut cases = Vec::new();
    for depth in [1, 2, 10, 100, 10_000, 1_000_000] {
        for bytes in [4_096, 65_536, 1 << 20, 64 << 20] {
            let config = Config::default().with_call_depth(depth).with_value_stack_bytes(bytes);
            cases.push(case(format!("calls {depth} {bytes}"), config, wasm, actions.clone()));
        }
    }
    cases
}

fn growths() -> Vec<Case> {
    let wasm = wasm(GROWTHS);
    let names = ["memory", "table", "memories", "tables"];
    // The last ones are -1, and what half an address space has.
    let sizes = [0, 1, 2, 15, 16, 17, 1_000, 32_767, 32_768, 65_535, 65_536, 65_537, i32::MAX, i32::MIN, -1];
    let actions: Vec<_> = names.iter().flat_map(|name| sizes.map(|size| call(name, &[Value::I32(size)]))).collect();
    let mut cases = Vec::new();
    for on in [OnGrowthLimit::Stop, OnGrowthLimit::Refuse] {
        for (bytes, elements) in [(65_536, 1), (100_000, 17), (1 << 20, 1_000), (16 << 20, 100_000)] {
            let config = Config::default().with_memory_bytes(bytes).with_table_elements(elements);
            let config = config.with_on_growth_limit(on).with_fuel(300_000);
            cases.push(case(format!("growths {bytes} {elements} {on:?}"), config, &wasm, actions.clone()));
        }
    }
    cases
}

fn wasm(text: &str) -> Vec<u8> {
    Sandbox::new(Config::default()).unwrap().assemble(text).unwrap()
}

fn call(name: &str, arguments: &[Value]) -> Action {
    Action::Call { name: name.into(), arguments: arguments.into(), input: Vec::new() }
}

fn case(name: String, config: Config, wasm: &[u8], actions: Vec<Action>) -> Case {
    Case {
        group: "stack".into(),
        vectors: false,
        name,
        config: json(&config),
        wasm: wasm.into(),
        slices: vec![7, 1_000],
        actions,
    }
}
