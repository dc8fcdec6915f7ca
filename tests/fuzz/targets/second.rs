//! Wasmtime as a second opinion: the same results, traps, memories and globals.
//!
//! What only belljar limits (fuel, stack, growth) is left out, and so is Wasmtime's own stack.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use belljar::{Error, GuestFault, Instance, LimitExceeded, Sandbox, StopReason, Trap, Value};
use belljar_fuzz::{
    case::{PLAIN, SHAPED},
    ends,
    guests::{self, Kind},
    operands,
};
use libfuzzer_sys::fuzz_target;

#[path = "second/wasmtime.rs"]
mod other;

use other::Other;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| ends::sandbox(10_000_000));

fuzz_target!(|data: &[u8]| {
    let _ = compare(&mut Unstructured::new(data));
});

fn compare(u: &mut Unstructured<'_>) -> Result<()> {
    let (wasm, calls) = if u.arbitrary()? {
        let case = operands::case(u)?;
        (case.module(), Some(vec![(PLAIN.into(), Vec::new()), (SHAPED.into(), Vec::new())]))
    } else {
        let mut guest = guests::generate(u, Kind::Library, 2)?;
        guest.ensure_termination(1_000).expect("its functions are generated");
        (guest.to_bytes(), None)
    };
    let module = SANDBOX.load(&wasm).unwrap_or_else(|error| panic!("{error}"));
    let calls = calls.unwrap_or_else(|| guests::calls(u, &module));

    let mut ours = match SANDBOX.instance(&module) {
        Ok(instance) => instance,
        Err(error) => {
            if let Some(trap) = trap(&error) {
                assert_eq!(Other::new(&wasm).err(), Some(trap), "at the start");
            }
            return Ok(());
        }
    };
    let mut theirs = Other::new(&wasm).unwrap_or_else(|trap| panic!("at the start they have {trap:?}, we have not"));
    for (name, arguments) in calls {
        let found = ours.call_values(&name, &arguments).map(|outcome| outcome.results);
        let found = match found {
            Ok(results) => Ok(results),
            Err(error) => match trap(&error) {
                Some(trap) => Err(trap),
                None => return Ok(()),
            },
        };
        let Some(expected) = theirs.call(&name, &arguments) else { return Ok(()) };
        assert_eq!(found, expected, "{name}, {arguments:?}");
        same_state(&mut ours, &mut theirs);
        if found.is_err() {
            break;
        }
    }
    Ok(())
}

/// The trap, where it is one of WebAssembly and not a limit of ours.
fn trap(error: &Error) -> Option<Trap> {
    match error.stop_reason() {
        Some(StopReason::Guest(GuestFault::Trap(trap))) => Some(*trap),
        Some(StopReason::Limit(
            LimitExceeded::Fuel { .. }
            | LimitExceeded::Memory { .. }
            | LimitExceeded::Table { .. }
            | LimitExceeded::Stack { .. },
        )) => None,
        _ => panic!("{error}"),
    }
}

/// The exported memory that both show, and all exported globals that have values.
fn same_state(ours: &mut Instance, theirs: &mut Other) {
    let exports = ours.module().inspect().exports.clone();
    let mut memories = 0;
    for export in &exports {
        match &export.ty {
            belljar::inspect::ExternType::Global(_) => {
                let found: Option<Value> = ours.global(&export.name);
                assert_eq!(found, theirs.global(&export.name), "{}", export.name);
            }
            belljar::inspect::ExternType::Memory(_) => memories += 1,
            _ => {}
        }
    }
    let memory = exports.iter().find(|export| matches!(export.ty, belljar::inspect::ExternType::Memory(_)));
    if let (1, Some(memory)) = (memories, memory) {
        assert!(ours.memory() == theirs.memory(&memory.name), "the memories differ");
    }
}
