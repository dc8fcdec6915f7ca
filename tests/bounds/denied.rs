//! Where the host has no memory for what a guest asks for, the run stops with `HostStop::HostMemory`,
//! and with nothing else: the same module runs once there is.
//!
//! What guests choose the size of is asked for in this way, and all that loading may take is asked for
//! before it begins. The engine's list of calls in flight and the parts of an instance are allocated as
//! everywhere in Rust: where that fails, the process ends.

use belljar::{
    Config, Context, Error, Execution, HostError, HostStop, Level, LimitExceeded, Module, ModuleError, Sandbox, Step,
    StopReason, error::HostMemoryUse,
};

use super::allocator::deny;

/// Allocations of so many bytes are denied: more than what is set up for any run here.
const DENIED: usize = 100 << 10;

/// Whether the memory of an instance is no allocation.
const IS_MAPPED: bool = cfg!(all(feature = "pooling", target_os = "linux", target_pointer_width = "64"));

fn sandbox() -> Sandbox {
    let read = |context: &mut Context<'_>, len: u32| -> Result<(), HostError> { context.read(0, len).map(drop) };
    let text = "x".repeat(2 * DENIED);
    let log = move |context: &mut Context<'_>| -> Result<(), HostError> { context.log(Level::Info, &text) };
    let builder = Sandbox::builder().config(Config::default().with_fuel(2_000_000));
    builder.host_function("host", "read", read).host_function("host", "log", log).build().unwrap()
}

fn load(sandbox: &Sandbox, fields: &str) -> Module {
    sandbox.load_text(&format!("(module {fields})")).unwrap()
}

/// The module does this: with little memory it stops for want of it, told as `what`; with enough it does not.
fn check(fields: &str, what: HostMemoryUse) {
    let sandbox = sandbox();
    let module = load(&sandbox, fields);
    let (result, denials) = deny(DENIED, || sandbox.run(&module, b""));
    let error = result.unwrap_err();
    let Some(StopReason::Host(HostStop::HostMemory { what: told })) = error.stop_reason() else {
        panic!("{fields}: {error}")
    };
    assert_eq!((*told, denials), (what, 1), "{fields}");
    let after = sandbox.run(&module, b"");
    let reason = after.as_ref().err().and_then(|error| error.stop_reason());
    assert!(matches!(reason, None | Some(StopReason::Limit(LimitExceeded::Stack { .. }))), "{fields}: {reason:?}");
}

/// Loading asks for all it may take before it begins.
#[test]
fn a_module() {
    let sandbox = sandbox();
    let wasm = sandbox.assemble(&format!("(module (func {}))", "(if (i32.const 0) (then))".repeat(1_000))).unwrap();
    let (result, denials) = deny(DENIED, || sandbox.load(&wasm));
    let Err(Error::Module(error)) = result else { panic!("it was loaded") };
    assert!(matches!(*error, ModuleError::HostMemory { bytes } if bytes >= DENIED as u64));
    assert_eq!(denials, 1);
    assert!(sandbox.load(&wasm).is_ok());
}

#[test]
fn memory_to_begin_with() {
    check("(memory 32) (func (export \"_start\"))", HostMemoryUse::GuestMemory);
}

#[test]
fn memory_that_grows() {
    check("(memory 1) (func (export \"_start\") (drop (memory.grow (i32.const 32))))", HostMemoryUse::GuestMemory);
}

#[test]
fn memory_that_the_host_grows() {
    let sandbox = sandbox();
    let module = load(&sandbox, "(memory (export \"memory\") 1)");
    let mut instance = sandbox.instance(&module).unwrap();
    let (result, denials) = deny(DENIED, || instance.grow_memory(32));
    if IS_MAPPED {
        // It grows in place.
        assert_eq!((result, denials), (Ok(Some(1)), 0));
        return;
    }
    let error = result.unwrap_err();
    assert_eq!(error.stop_reason(), Some(&StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::GuestMemory })));
    assert_eq!(denials, 1);
}

#[test]
fn tables_to_begin_with() {
    check("(table 50000 funcref) (func (export \"_start\"))", HostMemoryUse::GuestTables);
}

#[test]
fn tables_that_grow() {
    let grow = "(drop (table.grow 0 (ref.null func) (i32.const 50000)))";
    check(&format!("(table 1 funcref) (func (export \"_start\") {grow})"), HostMemoryUse::GuestTables);
}

#[test]
fn the_value_stack() {
    let locals = " i64".repeat(900);
    check(&format!("(func (export \"_start\") (local{locals}) (call 0))"), HostMemoryUse::StackOrTables);
}

#[test]
fn output() {
    let write = "(import \"env\" \"write_output\" (func $write (param i32 i32))) (memory (export \"memory\") 1)";
    let all = "(call $write (i32.const 0) (i32.const 65536))".repeat(3);
    check(&format!("{write} (func (export \"_start\") {all})"), HostMemoryUse::Output);
}

/// Takes more fuel than there is in the first step: by then the instance is made.
const WAIT: &str =
    "(local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 999))))";

/// A run that waits there.
fn waiting(sandbox: &Sandbox, module: &Module) -> Execution {
    let mut run = sandbox.start(module, b"").unwrap();
    assert!(matches!(run.step(3_000), Ok(Step::Yielded)));
    run
}

const LOG: &str = "(import \"env\" \"log\" (func $log (param i32 i32))) (memory (export \"memory\") 1)";

#[test]
fn a_long_message() {
    let sandbox = sandbox();
    let log = "(call $log (i32.const 0) (i32.const 60000))";
    let module = load(&sandbox, &format!("{LOG} (func (export \"_start\") {WAIT} {log})"));
    let mut run = waiting(&sandbox, &module);
    let (result, denials) = deny(50_000, || run.finish());
    assert_eq!(
        result.unwrap_err().stop_reason(),
        Some(&StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Log }))
    );
    assert_eq!(denials, 1);
}

#[test]
fn a_long_message_of_a_host_function() {
    check("(import \"host\" \"log\" (func $log)) (func (export \"_start\") (call $log))", HostMemoryUse::Log);
}

#[test]
fn many_messages() {
    let next = "(local.tee 0 (i32.add (local.get 0) (i32.const 1)))";
    let turn = format!("(loop (call $log (i32.const 0) (i32.const 1)) (br_if 0 (i32.lt_u {next} (i32.const 9000))))");
    check(&format!("{LOG} (func (export \"_start\") (local i32) {turn})"), HostMemoryUse::Log);
}

#[test]
fn what_a_host_function_reads() {
    let sandbox = sandbox();
    let read = "(import \"host\" \"read\" (func $read (param i32))) (memory (export \"memory\") 1)";
    let module = load(&sandbox, &format!("{read} (func (export \"_start\") {WAIT} (call $read (i32.const 60000)))"));
    let mut run = waiting(&sandbox, &module);
    let (result, denials) = deny(50_000, || run.finish());
    assert_eq!(
        result.unwrap_err().stop_reason(),
        Some(&StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::GuestMemoryCopy }))
    );
    assert_eq!(denials, 1);
    assert!(waiting(&sandbox, &module).finish().is_ok());
}
