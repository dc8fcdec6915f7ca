//! What the engine gets wrong on its own, and that it does not here.
//!
//! Each canary shows the engine's own behaviour: when a newer engine mends it, the canary fails and
//! the measure in this crate may go.

use belljar::{Config, Outcome, Sandbox, Step};
use wasmi::{CompilationMode, Engine, Linker, Module, ResumableCall, Store, Val};

mod faults;
mod select;

fn eager() -> wasmi::Config {
    let mut config = wasmi::Config::default();
    config.consume_fuel(true).compilation_mode(CompilationMode::Eager);
    config
}

fn stepped(wat: &str, slice: u64) -> Outcome {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox.load_text(wat).unwrap();
    let mut run = sandbox.start_call(&module, "f", &[], b"", ()).unwrap();
    loop {
        if let Step::Done(outcome) = run.step(slice).unwrap() {
            return outcome;
        }
    }
}

/// Out of fuel at `table.grow`, the engine resumes at an operator it has executed before.
const TABLE_GROW: &str = r#"(module (table $t 0 funcref) (global $g (mut i32) (i32.const 0))
    (func $one (global.set $g (i32.add (global.get $g) (i32.const 1))))
    (func (export "f") (result i32)
        (call $one)
        (global.set $g (i32.add (global.get $g) (i32.const 10)))
        (drop (table.grow $t (ref.null func) (i32.const 10000)))
        (global.get $g)))"#;

#[test]
fn canary_table_grow_resumes_at_the_wrong_operator() {
    let engine = Engine::new(&eager());
    let module = Module::new(&engine, wat::parse_str(TABLE_GROW).unwrap()).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(100).unwrap();
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
    let mut results = [Val::I32(0)];
    let mut call = instance.get_func(&store, "f").unwrap().call_resumable(&mut store, &[], &mut results).unwrap();
    while let ResumableCall::OutOfFuel(paused) = call {
        let fuel = store.get_fuel().unwrap();
        store.set_fuel(fuel + 100).unwrap();
        call = paused.resume(&mut store, &mut results).unwrap();
    }
    assert_ne!(results[0].i32(), Some(11));
}

#[test]
fn table_grow_is_the_same_at_every_slice() {
    let whole = stepped(TABLE_GROW, u64::MAX);
    assert_eq!(whole.results, [belljar::Value::I32(11)]);
    for slice in [1, 2, 7, 100, 300, 624, 625, 626, 10_000] {
        assert_eq!(stepped(TABLE_GROW, slice), whole, "slice {slice}");
    }
}

/// Pointer and value of an integer store in one register.
fn stores() -> Vec<String> {
    let values32 = [
        "(local.get 0)",
        "(local.tee 0 (local.get 0))",
        "(i32.or (local.get 0) (i32.const 0))",
        "(i32.add (local.get 0) (i32.const 0))",
        "(i32.shl (local.get 0) (i32.const 0))",
        "(i32.mul (local.get 0) (i32.const 1))",
        "(i32.and (local.get 0) (local.get 0))",
        "(select (local.get 0) (local.get 0) (i32.const 1))",
        "(select (local.get 0) (i32.const 1) (i32.const 1))",
        "(block (result i32) (local.get 0))",
        "(block (result i32) (br 0 (local.get 0)))",
        "(i32.wrap_i64 (i64.extend_i32_u (local.get 0)))",
        "(i32.reinterpret_f32 (f32.reinterpret_i32 (local.get 0)))",
        "(local.get 0) (nop)",
        "(local.get 0) (drop (i32.const 3))",
        "(i32.const 7)",
        "(local.get 1)",
        "(i32.load (local.get 0))",
    ];
    let pointers =
        ["(local.get 0)", "(local.tee 0 (i32.add (local.get 0) (i32.const 1)))", "(local.tee 0 (local.get 1))"];
    let first = ["", "(local.set 0 (i32.add (local.get 0) (i32.const 4)))", "(drop (local.tee 0 (i32.const 8)))"];
    let mut all = Vec::new();
    for (op, wide) in [
        ("i32.store", false),
        ("i32.store8", false),
        ("i32.store16", false),
        ("i64.store", true),
        ("i64.store8", true),
        ("i64.store16", true),
        ("i64.store32", true),
    ] {
        for memory in ["", "1 "] {
            for offset in ["65535", "65536"] {
                for pointer in pointers {
                    for value in values32 {
                        for first in first {
                            let value = if wide { format!("(i64.extend_i32_u {value})") } else { value.to_string() };
                            let load = if wide { "i64.load" } else { "i32.load" };
                            let result = if wide { "i64" } else { "i32" };
                            all.push(format!(
                                "(module (memory 2) (memory 2) (func (export \"f\") (result {result}) (local i32 i32)
                                    {first} {pointer} {value} {op} {memory}offset={offset}
                                    ({load} {memory}offset={offset} (local.get 0))))"
                            ));
                        }
                    }
                }
            }
        }
    }
    all
}

#[test]
fn canary_a_store_of_its_own_pointer_has_no_encoding() {
    let stores = stores();
    let fails = |wat: &&String| {
        let wasm = wat::parse_str(wat).unwrap();
        std::panic::catch_unwind(|| Module::new(&Engine::new(&eager()), &wasm).map(drop)).is_err()
    };
    let long = |wat: &&String| wat.contains("i32.store offset=65536");
    assert!(stores.iter().filter(long).any(|wat| fails(&wat)));
}

/// Every store loads, and what it stores is what the store of another local would have stored.
#[test]
fn every_store_has_an_encoding() {
    let stores = stores();
    assert_eq!(stores.len(), 7 * 2 * 2 * 3 * 18 * 3);
    // Unoptimized code takes twenty times as long: it sees a part of the same list.
    let part = if cfg!(debug_assertions) { 11 } else { 1 };
    for wat in stores.into_iter().step_by(part) {
        let long = stepped(&wat, u64::MAX);
        let short = stepped(&wat.replace("offset=65536", "offset=16"), u64::MAX);
        assert_eq!(long.results, short.results, "{wat}");
    }
}

/// The text parser recurses for components, so none reaches it.
#[test]
fn nested_components_are_refused_before_they_are_parsed() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    for text in [
        "(component ".repeat(5_000),
        "(module) ;; \"\n ( (; (; ;) \" ;) component".to_string() + &"(component ".repeat(5_000),
        "(@note \"\\\"\" ()) (component".to_string() + &" (component".repeat(5_000),
    ] {
        let refused = std::thread::Builder::new().stack_size(512 << 10).spawn({
            let sandbox = sandbox.clone();
            move || sandbox.load_text(&text).unwrap_err()
        });
        assert_eq!(refused.unwrap().join().unwrap(), belljar::ModuleError::Component.into());
    }
    let deep = format!("(module (func {}{}))", "(block ".repeat(5_000), ")".repeat(5_000));
    assert!(
        matches!(sandbox.load_text(&deep), Err(belljar::Error::Module(e)) if matches!(*e, belljar::ModuleError::Limit { key: "module.nesting", .. }))
    );
    assert!(sandbox.load_text("(module (data \"(component\") ;; (component\n (; (component ;))").is_ok());
}

/// The engine's own code for these two operators checks no bounds.
#[test]
fn stores_of_small_lanes_stay_in_bounds() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    for (store, load, lane) in [("v128.store8_lane", "i32.load8_s", "15"), ("v128.store16_lane", "i32.load16_s", "7")] {
        for memory in ["", "1 "] {
            for pointer in [
                "(i32.const 8)",
                "(local.get 0)",
                "(i32.add (local.get 0) (i32.const 1))",
                "(local.tee 0 (i32.const 3))",
            ] {
                for (offset, inside) in
                    [("0", true), ("65535", true), ("65536", true), ("131072", false), ("4294967295", false)]
                {
                    let text = format!(
                        "(module (memory 2) (memory 2) (func (export \"f\") (result i32) (local i32)
                            {pointer} (i8x16.splat (i32.const 77)) {store} {memory}offset={offset} {lane}
                            ({load} {memory}offset={offset} {pointer})))"
                    );
                    let module = sandbox.load_text(&text).unwrap();
                    let result = sandbox.call::<(), i32>(&module, "f", ());
                    let expected = if load == "i32.load8_s" { 77 } else { 77 * 257 };
                    match result {
                        Ok(value) => assert!(inside && value == expected, "{text}: {value}"),
                        Err(error) => {
                            let trap = belljar::StopReason::Trap(belljar::Trap::MemoryOutOfBounds);
                            assert_eq!(error.stop_reason(), Some(&trap), "{text}");
                            assert!(!inside, "{text}");
                        }
                    }
                }
            }
        }
    }
}

/// In a process of its own, which it ends: the engine writes 917,504 bytes past a memory of one page.
#[test]
fn canary_a_store_of_a_small_lane_leaves_the_memory() {
    const CHILD: &str = "BELLJAR_CANARY_STORE_LANE";
    if std::env::var_os(CHILD).is_some() {
        let wasm = wat::parse_str(
            "(module (memory 1) (func (export \"f\") (local i32)
                (local.get 0) (i8x16.splat (local.get 0)) v128.store8_lane offset=983040 0))",
        );
        let engine = Engine::new(&eager());
        let mut store = Store::new(&engine, ());
        store.set_fuel(1_000).unwrap();
        let module = Module::new(&engine, wasm.unwrap()).unwrap();
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
        let call = instance.get_typed_func::<(), ()>(&store, "f").unwrap().call(&mut store, ());
        // What it should have said.
        assert_eq!(call.unwrap_err().as_trap_code(), Some(wasmi::TrapCode::MemoryOutOfBounds));
        return;
    }
    let test = "engine::canary_a_store_of_a_small_lane_leaves_the_memory";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(!child.status.success(), "the engine checks the bounds now: the patch may go");
}

/// A host function that leaves the engine after a tail call: its result is where no caller looks, and after one
/// out of the first function there is nothing to go on with.
#[test]
fn canary_a_host_function_that_was_tail_called_cannot_be_answered() {
    let engine = Engine::new(&eager());
    let wat = r#"(module (import "h" "f" (func $f (param i32) (result i32)))
        (func $tail (param i32) (result i32) (local i64 i64) (return_call $f (i32.add (local.get 0) (i32.const 1))))
        (func (export "inner") (result i32) (local i32 i32 i64 i64 i64 i64)
            (local.set 0 (i32.const 100)) (local.set 1 (i32.const 1000))
            (i32.add (i32.add (local.get 0) (local.get 1)) (call $tail (i32.const 1))))
        (func (export "outer") (result i32) (return_call $f (i32.const 1))))"#;
    let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("h", "f", |_: i32| Err::<i32, _>(wasmi::Error::i32_exit(0))).unwrap();
    let answered = |name: &str| {
        let mut store = Store::new(&engine, ());
        store.set_fuel(100_000).unwrap();
        let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
        let mut results = [Val::I32(0)];
        let call = instance.get_func(&store, name).unwrap().call_resumable(&mut store, &[], &mut results);
        let Ok(ResumableCall::HostTrap(left)) = call else { return None };
        left.resume(&mut store, &[Val::I32(7)], &mut results).unwrap();
        results[0].i32()
    };
    assert_ne!(answered("inner"), Some(1107));
    assert_eq!(answered("outer"), None);
}
