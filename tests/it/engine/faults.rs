//! The engine as it is, on inputs that take a process down, stall it or fill it up: one canary for
//! each fault that a measure of this crate is for. `B1` to `B9` are their names in `belljar::hostile`.

use std::{
    env,
    panic::catch_unwind,
    process::{Command, ExitStatus},
};

use belljar::{Config, Sandbox};
use wasm_encoder::Encode;
use wasmi::{Config as EngineConfig, EnforcedLimits, Engine, Linker, Module, Store};

use super::eager;

/// Which canary a child is to run.
const CANARY: &str = "BELLJAR_CANARY";

/// Runs `body` in a process of its own: the test starts itself again, as a child. `None` in there.
fn in_a_child(test: &str, body: impl FnOnce()) -> Option<ExitStatus> {
    let test = format!("engine::faults::{test}");
    if env::var(CANARY).is_ok_and(|child| child == test) {
        body();
        return None;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    Some(child.args(["--exact", &test]).env(CANARY, &test).output().unwrap().status)
}

/// Whether the process was ended by a signal, as an abort or a stack overflow does; elsewhere
/// than on Unix, whether it failed.
fn died(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        std::os::unix::process::ExitStatusExt::signal(&status).is_some()
    }
    #[cfg(not(unix))]
    {
        !status.success()
    }
}

fn leb(value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(contents.len() as u32), contents].concat()
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

/// B1 and B2 are faults of the dispatch by tail calls. With it each turn of this loop leaves a native
/// frame of 176 bytes, and no stack holds a million: what is left is gone with each slice.
#[test]
fn the_stack_does_not_grow_with_the_run() {
    let stack = if cfg!(debug_assertions) { 2 << 20 } else { 256 << 10 };
    let run = || {
        let sandbox = Sandbox::new(Config::default().with_fuel(1_000_000_000)).unwrap();
        let module = sandbox.load_text(
            "(module (memory 0 0) (func (export \"_start\") (local i32) (loop
                (drop (memory.grow (i32.const -1)))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get 0) (i32.const 1000000))))))",
        );
        sandbox.run(&module.unwrap(), b"").unwrap()
    };
    let outcome = std::thread::Builder::new().stack_size(stack).spawn(run).unwrap().join().unwrap();
    assert!(outcome.usage.fuel > 255_000_000);
}

/// B4.
#[test]
fn canary_operators_after_the_end_panic() {
    // Two bytes between the first `end` and the last, in 27: a `loop` of the module's first type
    // panics in every build, the others where overflow is checked.
    let wasm = |after: [u8; 2]| {
        let body = [&[1, 5, 0, 0x0b][..], &after, &[0x0b]].concat();
        module(&[section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &body)])
    };
    let panics = |after| catch_unwind(|| Module::new(&Engine::new(&eager()), wasm(after)).map(drop)).is_err();
    let after = [[0x03, 0], [0x0b, 0x0b], [0x6a, 0x1a], [0x41, 0], [0x20, 0], [0x0c, 0], [0x01, 0x1a]];
    assert!(panics(after[0]));
    assert!(after.into_iter().all(|after| Module::validate(&Engine::new(&eager()), &wasm(after)).is_err()));
}

/// B5.
#[test]
fn canary_the_engines_own_limits_divide_by_zero() {
    let wasm = module(&[section(10, &[&[0][..], &[0x55; 1_000]].concat())]);
    let strict = || {
        let mut config = EngineConfig::default();
        config.enforced_limits(EnforcedLimits::strict());
        Module::new(&Engine::new(&config), &wasm).map(drop)
    };
    assert!(catch_unwind(strict).is_err());
}

/// B6.
#[test]
fn canary_constant_expressions_recurse() {
    let status = in_a_child("canary_constant_expressions_recurse", || {
        let sum = [&[1, 0x7f, 0, 0x41, 0][..], &[0x41, 0].repeat(300_000), &[0x6a].repeat(300_000), &[0x0b]].concat();
        let engine = Engine::new(&eager());
        let module = Module::new(&engine, module(&[section(6, &sum)])).unwrap();
        let _ = Linker::new(&engine).instantiate_and_start(&mut Store::new(&engine, ()), &module);
    });
    assert!(status.is_none_or(died));
}

/// B7 needs the engine's feature `memory64`, which this crate does not turn on; it refuses such
/// memories by name all the same, since another crate of a program may.
#[test]
fn memory64_is_not_built() {
    let wasm = module(&[section(5, &[1, 5, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40])]);
    assert!(Module::new(&Engine::new(&eager()), wasm).is_err());
}

/// B8.
#[test]
#[cfg(target_os = "linux")]
fn canary_an_engine_keeps_what_is_dropped() {
    let status = in_a_child("canary_an_engine_keeps_what_is_dropped", || {
        let functions = |n: u32, one: &[u8]| [leb(n), one.repeat(n as usize)].concat();
        let wasm = module(&[
            section(1, &[1, 0x60, 0, 0]),
            section(3, &functions(5_000, &[0])),
            section(10, &functions(5_000, &[8, 0, 0x41, 1, 0x41, 2, 0x6a, 0x1a, 0x0b])),
        ]);
        let memory = || crate::memory::status("VmRSS:");
        let loads = |engine: &dyn Fn() -> Engine| (0..40).for_each(|_| drop(Module::new(&engine(), &wasm).unwrap()));
        let of_its_own = || Engine::new(&eager());
        loads(&of_its_own);
        let start = memory();
        loads(&of_its_own);
        let apart = memory().saturating_sub(start);
        let shared = Engine::new(&eager());
        loads(&|| shared.clone());
        let together = memory().saturating_sub(start + apart);
        assert!(together > 4 * apart + 4_096, "an engine for each: {apart} KiB more; one for all: {together} KiB");
    });
    assert!(status.is_none_or(|status| status.success()));
}

/// B9.
#[test]
fn canary_a_panic_below_the_engine_ends_the_process() {
    let status = in_a_child("canary_a_panic_below_the_engine_ends_the_process", || {
        let wasm = wat::parse_str("(module (import \"h\" \"p\" (func)) (func (export \"f\") (call 0)))").unwrap();
        let engine = Engine::new(&eager());
        let mut store = Store::new(&engine, ());
        store.set_fuel(1_000).unwrap();
        let mut linker = Linker::<()>::new(&engine);
        linker.func_wrap("h", "p", || -> () { panic!("as it was asked to") }).unwrap();
        let module = Module::new(&engine, wasm).unwrap();
        let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
        let f = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
        let _ = catch_unwind(std::panic::AssertUnwindSafe(|| f.call(&mut store, ())));
    });
    assert!(status.is_none_or(died));
}
