//! Measurement of the native stack that each operator leaves behind.

use alloc::string::String;
use core::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
};

use wasmi::{Caller, Engine, Linker, Module, Store};

use super::operators::{self, TURNS};
use crate::{
    engine::{config::engine_config, meter},
    error::{ConfigError, ConfigProblem},
};

/// Bytes that a failing growth may leave: with the price of a growth and the size of a slice, at most some hundred
/// KiB. 176 bytes were measured on x86_64.
const GROWTH_LEAVES: u64 = 256;

/// Fuel, more than all loops cost.
const FUEL: u64 = 10_000_000;

/// Checks that no operator leaves frames on the stack. Measures once per process; threads that call it at once all
/// measure, with the same result.
pub(crate) fn check() -> Result<(), ConfigError> {
    static HOLDS: AtomicBool = AtomicBool::new(false);
    if HOLDS.load(Ordering::Relaxed) {
        return Ok(());
    }
    measure().map_err(|problem| ConfigError { key: String::new(), at: None, problem })?;
    HOLDS.store(true, Ordering::Relaxed);
    Ok(())
}

/// Returns an error with the first operator that leaves bytes on the stack.
fn measure() -> Result<(), ConfigProblem> {
    match first_leak() {
        Ok(None) => Ok(()),
        Ok(Some((operator, stack_bytes))) => Err(ConfigProblem::Dispatch { operator, stack_bytes }),
        // A build that cannot run the probe must not run a guest.
        Err(_) => Err(ConfigProblem::Dispatch { operator: "the check itself", stack_bytes: 0 }),
    }
}

fn first_leak() -> Result<Option<(&'static str, u64)>, wasmi::Error> {
    let engine = Engine::new(&engine_config(&crate::Config::default()));
    let module = Module::new(&engine, operators::module())?;
    let mut store = Store::new(&engine, Stack::default());
    meter::set_fuel(&mut store, FUEL)?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "here", mark_stack)?;
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    for (index, operator) in operators::all().enumerate() {
        let function = instance.get_typed_func::<(), ()>(&store, &operators::name(index))?;
        *store.data_mut() = Stack::default();
        function.call(&mut store, ())?;
        let left = store.data().left_by_each();
        if left > if operator.is_growth() { GROWTH_LEAVES } else { 0 } {
            return Ok(Some((operator.name, left)));
        }
    }
    Ok(None)
}

/// Stack addresses at the start and the end of a loop.
#[derive(Debug, Default)]
struct Stack {
    first: Option<usize>,
    last: usize,
}

impl Stack {
    fn left_by_each(&self) -> u64 {
        self.first.map_or(u64::MAX, |first| first.abs_diff(self.last) as u64) / u64::from(TURNS)
    }
}

/// Records the stack address; the host function called before and after a loop.
fn mark_stack(mut caller: Caller<'_, Stack>) {
    let local = black_box(0u8);
    let address = core::ptr::from_ref(black_box(&local)).addr();
    let stack = caller.data_mut();
    stack.first.get_or_insert(address);
    stack.last = address;
}
