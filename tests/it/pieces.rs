//! What moves much is done in pieces, between which a run can be ended. Where that happens it is as if its fuel had
//! reached no farther: nothing of what was under way is told, and with that much fuel it ends there again.

use std::sync::{Arc, Mutex};

use belljar::{Cancel, Config, Context, Error, HostStop, LimitExceeded, Module, Sandbox, StopReason, Stopped};

/// A function that cancels its own run, and functions that do one large thing behind it.
const LARGE: &str = r#"(module
    (import "own" "cancel" (func $cancel))
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "write_output" (func $write (param i32 i32)))
    (import "env" "log" (func $log (param i32 i32)))
    (memory $m (export "memory") 20)
    (memory $n 10)
    (table $t 80000 funcref)
    (table $u 80000 funcref)
    (data $d "{data}")
    (elem $e func {items})
    (func $f)
    (func (export "fill") (call $cancel) (memory.fill (i32.const 0) (i32.const 7) (i32.const 300000)))
    (func (export "copy") (call $cancel) (memory.copy (i32.const 0) (i32.const 9) (i32.const 300000)))
    (func (export "copy-up") (call $cancel) (memory.copy (i32.const 9) (i32.const 0) (i32.const 300000)))
    (func (export "copy-over") (call $cancel) (memory.copy $n $m (i32.const 0) (i32.const 0) (i32.const 300000)))
    (func (export "init") (call $cancel) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 300000)))
    (func (export "fill-table") (call $cancel) (table.fill $t (i32.const 0) (ref.null func) (i32.const 70000)))
    (func (export "copy-table") (call $cancel) (table.copy $t $t (i32.const 0) (i32.const 9) (i32.const 70000)))
    (func (export "copy-over-table") (call $cancel) (table.copy $t $u (i32.const 0) (i32.const 9) (i32.const 70000)))
    (func (export "init-table") (call $cancel) (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 70000)))
    (func (export "grow") (call $cancel) (drop (memory.grow (i32.const 5))))
    (func (export "grow-table") (call $cancel) (drop (table.grow $t (ref.func $f) (i32.const 70000))))
    (func (export "read") (call $cancel) (drop (call $read (i32.const 0) (i32.const 300000))))
    (func (export "write") (call $cancel) (call $write (i32.const 0) (i32.const 300000)))
    (func (export "log") (call $cancel) (call $log (i32.const 0) (i32.const 300000))))"#;

/// The names of its functions.
const NAMES: [&str; 14] = [
    "fill",
    "copy",
    "copy-up",
    "copy-over",
    "init",
    "fill-table",
    "copy-table",
    "copy-over-table",
    "init-table",
    "grow",
    "grow-table",
    "read",
    "write",
    "log",
];

type Handle = Arc<Mutex<Option<Cancel>>>;

fn load(config: &Config, handle: Handle) -> (Sandbox, Module) {
    let cancel = move |_: &mut Context<'_>| {
        if let Some(cancel) = &*handle.lock().unwrap() {
            cancel.cancel();
        }
    };
    let sandbox = Sandbox::builder().config(config.clone()).host_function("own", "cancel", cancel).build().unwrap();
    let text = LARGE.replace("{data}", &"x".repeat(300_000)).replace("{items}", &"$f ".repeat(70_000));
    let module = sandbox.load_text(&text).unwrap();
    (sandbox, module)
}

fn stopped(error: Error) -> Stopped {
    match error {
        Error::Stopped(stopped) => *stopped,
        other => panic!("{other}"),
    }
}

fn config() -> Config {
    Config::default().with_table_elements(300_000).with_module_text_bytes(2 << 20)
}

#[test]
fn every_large_operation_can_be_ended_where_its_fuel_can_end() {
    let handle = Handle::default();
    let (sandbox, module) = load(&config(), Arc::clone(&handle));
    let input = [b'x'; 300_000];
    for name in NAMES {
        *handle.lock().unwrap() = None;
        let whole = sandbox.start_call(&module, name, &[], &input[..], ()).unwrap().finish().unwrap();
        let mut run = sandbox.start_call(&module, name, &[], &input[..], ()).unwrap();
        *handle.lock().unwrap() = Some(run.cancel_handle());
        let by_cancel = stopped(run.finish().unwrap_err());
        assert_eq!(by_cancel.reason, StopReason::Host(HostStop::Cancelled), "{name}");
        assert!(by_cancel.usage.fuel < whole.usage.fuel - 4_000, "{name}: {} is too much", by_cancel.usage.fuel);

        let (sandbox, module) = load(&config().with_fuel(by_cancel.usage.fuel), Handle::default());
        let mut run = sandbox.start_call(&module, name, &[], &input[..], ()).unwrap();
        let by_fuel = stopped(run.finish().unwrap_err());
        assert_eq!(by_fuel.reason, StopReason::Limit(LimitExceeded::Fuel { limit: by_cancel.usage.fuel }), "{name}");
        let told = |stopped: Stopped| (stopped.output, stopped.log, stopped.usage);
        assert_eq!(told(by_cancel), told(by_fuel), "{name}");
    }
}

/// An operator that is ended in this way has not written.
#[test]
fn what_is_cancelled_before_its_first_piece_has_done_nothing() {
    let handle = Handle::default();
    let (sandbox, module) = load(&config(), Arc::clone(&handle));
    let mut instance = sandbox.instance(&module).unwrap();
    *handle.lock().unwrap() = Some(instance.cancel_handle());
    assert_eq!(stopped(instance.call::<(), ()>("fill", ()).unwrap_err()).reason, StopReason::Host(HostStop::Cancelled));
    assert!(instance.memory().iter().all(|byte| *byte == 0));
}

/// With less fuel than the whole takes there is no first piece either.
#[test]
fn what_cannot_be_paid_for_has_done_nothing() {
    let (sandbox, module) = load(&config(), Handle::default());
    let mut instance = sandbox.instance(&module).unwrap();
    instance.call::<(), ()>("fill", ()).unwrap();
    let used = instance.usage().fuel;
    let (sandbox, module) = load(&config().with_fuel(used - 1), Handle::default());
    let mut instance = sandbox.instance(&module).unwrap();
    let stopped = stopped(instance.call::<(), ()>("fill", ()).unwrap_err());
    assert_eq!(stopped.reason, StopReason::Limit(LimitExceeded::Fuel { limit: used - 1 }));
    assert_eq!(used - stopped.usage.fuel, 300_000 / belljar::meter::BYTES_PER_FUEL);
    assert!(instance.memory().iter().all(|byte| *byte == 0));
}

/// The memory that a module begins with is made in pieces too.
#[test]
fn a_run_can_be_ended_while_its_memory_is_made() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox.load_text("(module (memory 100) (func (export \"_start\")))").unwrap();
    let mut run = sandbox.start(&module, b"").unwrap();
    run.cancel_handle().cancel();
    let stopped = stopped(run.finish().unwrap_err());
    assert_eq!(
        (stopped.reason, stopped.usage.fuel, stopped.usage.memory_peak_bytes),
        (StopReason::Host(HostStop::Cancelled), 0, 0)
    );
    assert_eq!(sandbox.run(&module, b"").unwrap().usage.memory_peak_bytes, 100 << 16);
}
