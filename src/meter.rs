//! Fuel: the one currency, and the only file in which it crosses the border to the engine.
//!
//! The engine holds the fuel of the current slice; the rest of the run's fuel is the reserve.
//! What the guest has used is the limit less both, so totals cannot depend on slices.

use wasmi::AsContextMut;

use crate::error::{Fault, StopReason};

/// Version of the price list: another one gives other totals for the same run.
pub const PRICES: u32 = 2;

/// Fuel of one host call, beside what the engine takes for the `call` operator.
pub const HOST_CALL: u64 = 20;

/// Bytes that one unit of fuel moves between host and guest, as the engine prices bulk memory.
pub const BYTES_PER_FUEL: u64 = 64;

/// Table elements that one unit of fuel sets up, as the engine prices table operators.
pub const ELEMENTS_PER_FUEL: u64 = 16;

/// Fuel of one `memory.grow` or `table.grow`, beside what it adds.
pub const GROWTH: u8 = 255;

/// Fuel of an operator that reads memory: the next may have to wait for what it reads, and what is in
/// none of the processor's caches takes it as long as dozens of additions.
pub const LOAD: u8 = 8;

/// Fuel of a bulk operator on a memory or a table, beside what it moves: it may wait for two places.
pub const BULK: u8 = 8;

/// Fuel of a `call` or `return_call`.
pub const CALL: u8 = 3;

/// Fuel of a `call_indirect` or `return_call_indirect`.
pub const CALL_INDIRECT: u8 = 5;

/// Fuel of the vector operators that go lane by lane: `i8x16` narrow, popcnt, swizzle and shuffle.
pub const WIDE_SIMD: u8 = 3;

/// Fuel of an instantiation, beside what its memories, tables, segments, functions and globals cost.
pub const INSTANTIATION: u64 = 1_000;

/// The largest slice given to the engine at once: deadline and cancel are asked between slices.
pub(crate) const SLICE: u64 = 100_000;

/// The fuel of a host call that moves bytes.
pub(crate) fn host_call(bytes: u64) -> u64 {
    HOST_CALL.saturating_add(bytes.div_ceil(BYTES_PER_FUEL))
}

/// The fuel of a host call that adds bytes to the output: moved, and memory made for them.
pub(crate) fn output_call(bytes: u64) -> u64 {
    host_call(bytes.saturating_mul(2))
}

/// The fuel of one run.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: u64,
    /// Where it is stopped on purpose, if it is.
    fault: Option<u64>,
    reserve: u64,
}

impl Meter {
    pub(crate) fn new(limit: u64, stop_at: Option<u64>) -> Self {
        // At the limit itself the fault comes first; beyond it there is none.
        let fault = stop_at.filter(|fuel| *fuel <= limit);
        Meter { limit, fault, reserve: fault.unwrap_or(limit) }
    }

    fn end(&self) -> u64 {
        self.fault.unwrap_or(self.limit)
    }

    /// Fuel used so far, given what the engine still holds.
    pub(crate) fn used(&self, engine: u64) -> u64 {
        self.end() - self.reserve - engine
    }

    pub(crate) fn left(&self, engine: u64) -> u64 {
        self.reserve + engine
    }

    pub(crate) fn exhausted(&self) -> StopReason {
        match self.fault {
            Some(number) => StopReason::Injected { fault: Fault::Fuel, number },
            None => StopReason::Fuel { limit: self.limit },
        }
    }

    /// Moves up to `fuel` from the reserve to the engine; returns how much it was.
    fn grant(&mut self, fuel: u64) -> u64 {
        let granted = fuel.min(self.reserve);
        self.reserve -= granted;
        granted
    }

    /// Takes `fuel`: from what the engine holds, and then from the reserve, whatever the slice is.
    ///
    /// Returns what is left to the engine. Nothing is taken if there is not enough.
    fn take(&mut self, engine: u64, fuel: u64) -> Result<u64, StopReason> {
        if fuel <= engine {
            return Ok(engine - fuel);
        }
        let more = fuel - engine;
        if more > self.reserve {
            return Err(self.exhausted());
        }
        self.reserve -= more;
        Ok(0)
    }
}

/// A store whose data has a meter: the engine's fuel and ours, handled together.
pub(crate) trait Metered {
    fn meter(&mut self) -> &mut Meter;
}

fn engine_fuel<T>(context: &impl AsContextMut<Data = T>) -> u64 {
    // Metering is always on, so there is no other answer.
    context.as_context().get_fuel().unwrap_or(0)
}

/// Fuel that the engine has before it returns for more.
pub(crate) fn slice_left<T>(store: &wasmi::Store<T>) -> u64 {
    store.get_fuel().unwrap_or(0)
}

/// Fuel used so far.
pub(crate) fn used<T: Metered>(mut context: impl AsContextMut<Data = T>) -> u64 {
    let engine = engine_fuel(&context);
    context.as_context_mut().data_mut().meter().used(engine)
}

/// Fuel of the limit that is not used yet, whether or not a fault comes before it: nobody sees a fault coming.
pub(crate) fn unused<T: Metered>(mut context: impl AsContextMut<Data = T>) -> u64 {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let meter = context.data_mut().meter();
    meter.limit - meter.used(engine)
}

/// Fuel the run still has.
pub(crate) fn left<T: Metered>(mut context: impl AsContextMut<Data = T>) -> u64 {
    let engine = engine_fuel(&context);
    context.as_context_mut().data_mut().meter().left(engine)
}

/// Charges host work.
pub(crate) fn charge<T: Metered>(mut context: impl AsContextMut<Data = T>, fuel: u64) -> Result<(), StopReason> {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let rest = context.data_mut().meter().take(engine, fuel)?;
    let _ = context.set_fuel(rest);
    Ok(())
}

/// Gives the engine what it takes of its own accord for work that is paid for, or is not the guest's.
pub(crate) fn give<T: Metered>(mut context: impl AsContextMut<Data = T>, fuel: u64) {
    let engine = engine_fuel(&context);
    let _ = context.as_context_mut().set_fuel(engine.saturating_add(fuel));
}

/// Gives the engine up to `fuel` more; returns how much it was.
pub(crate) fn grant<T: Metered>(mut context: impl AsContextMut<Data = T>, fuel: u64) -> u64 {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let granted = context.data_mut().meter().grant(fuel);
    let _ = context.set_fuel(engine + granted);
    granted
}

/// Gives fuel to a store that has no meter.
pub(crate) fn fill<T>(store: &mut wasmi::Store<T>, fuel: u64) -> Result<(), wasmi::Error> {
    store.set_fuel(fuel)
}

/// Gives back what was charged since so much was left: work that was ended in its midst was not done.
pub(crate) fn give_back<T: Metered>(mut context: impl AsContextMut<Data = T>, before: u64) {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let meter = context.data_mut().meter();
    meter.reserve += before.saturating_sub(meter.left(engine));
}

/// Fills the slice up to `fuel`, as far as the reserve reaches.
pub(crate) fn top_up<T: Metered>(context: impl AsContextMut<Data = T>, fuel: u64) {
    let lack = fuel.saturating_sub(engine_fuel(&context));
    grant(context, lack);
}
