//! Fuel accounting. Only this file exchanges fuel with the engine.
//!
//! The engine holds the fuel of the current slice; the rest of the run's fuel is the reserve.
//! The used fuel is the limit less both, so totals do not depend on slices.

use wasmi::AsContextMut;

use crate::error::{HostStop, InjectedFault, LimitExceeded, StopReason};

/// Version of the price list. Another version has other totals for the same run.
pub const PRICES: u32 = 2;

/// Fuel of one host call, without the fuel of the `call` operator.
pub const HOST_CALL: u64 = 20;

/// Bytes that one unit of fuel moves between host and guest, at the engine's price of bulk memory operators.
pub const BYTES_PER_FUEL: u64 = 64;

/// Table elements that one unit of fuel sets, at the engine's price of table operators.
pub const ELEMENTS_PER_FUEL: u64 = 16;

/// Fuel of one `memory.grow` or `table.grow`, without the fuel of what it adds.
pub const GROWTH: u8 = 255;

/// Fuel of an operator that reads memory: the next operator may have to wait for the value, and a read that misses all
/// caches of the processor takes as long as dozens of additions.
pub const LOAD: u8 = 8;

/// Fuel of a bulk operator on a memory or a table, without the fuel of what it moves: it may wait for two addresses.
pub const BULK: u8 = 8;

/// Fuel of a `call` or `return_call`.
pub const CALL: u8 = 3;

/// Fuel of a `call_indirect` or `return_call_indirect`.
pub const CALL_INDIRECT: u8 = 5;

/// Fuel of the vector operators that are executed lane by lane: `i8x16` narrow, popcnt, swizzle and shuffle.
pub const WIDE_SIMD: u8 = 3;

/// Fuel of an instantiation, without the fuel of its memories, tables, segments, functions and globals.
pub const INSTANTIATION: u64 = 1_000;

/// Fuel of a slice: deadline and cancel are checked between slices.
pub(crate) const SLICE: u64 = 100_000;

/// Returns the fuel of a host call that moves bytes.
pub(crate) fn host_call(bytes: u64) -> u64 {
    HOST_CALL.saturating_add(bytes.div_ceil(BYTES_PER_FUEL))
}

/// Returns the fuel of a host call that adds bytes to the output: they are moved, and memory is allocated for them.
pub(crate) fn output_call(bytes: u64) -> u64 {
    host_call(bytes.saturating_mul(2))
}

/// The fuel of one run.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: u64,
    /// The fuel at which the run is stopped on purpose, if any.
    fault: Option<u64>,
    reserve: u64,
}

impl Meter {
    pub(crate) fn new(limit: u64, stop_at: Option<u64>) -> Self {
        // At the limit the fault has precedence; beyond the limit it has no effect.
        let fault = stop_at.filter(|fuel| *fuel <= limit);
        Meter { limit, fault, reserve: fault.unwrap_or(limit) }
    }

    fn end(&self) -> u64 {
        self.fault.unwrap_or(self.limit)
    }

    /// Returns the fuel used so far; `engine` is the fuel that the engine holds.
    pub(crate) fn used(&self, engine: u64) -> u64 {
        self.end() - self.reserve - engine
    }

    pub(crate) fn left(&self, engine: u64) -> u64 {
        self.reserve + engine
    }

    pub(crate) fn exhausted(&self) -> StopReason {
        match self.fault {
            Some(number) => StopReason::Host(HostStop::Injected { fault: InjectedFault::Fuel, number }),
            None => StopReason::Limit(LimitExceeded::Fuel { limit: self.limit }),
        }
    }

    /// Takes up to `fuel` from the reserve for the engine; returns the fuel taken.
    fn grant(&mut self, fuel: u64) -> u64 {
        let granted = fuel.min(self.reserve);
        self.reserve -= granted;
        granted
    }

    /// Charges `fuel`: first to the fuel that the engine holds, then to the reserve.
    ///
    /// Returns the fuel that the engine keeps. Nothing is charged if there is not enough.
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

/// The data of a store with a meter.
pub(crate) trait Metered {
    fn meter(&mut self) -> &mut Meter;
}

fn engine_fuel<T>(context: &impl AsContextMut<Data = T>) -> u64 {
    // Metering is always enabled, so there is no error.
    context.as_context().get_fuel().unwrap_or(0)
}

/// Returns the fuel that the engine holds.
pub(crate) fn slice_left<T>(store: &wasmi::Store<T>) -> u64 {
    store.get_fuel().unwrap_or(0)
}

/// Returns the fuel used so far.
pub(crate) fn used<T: Metered>(mut context: impl AsContextMut<Data = T>) -> u64 {
    let engine = engine_fuel(&context);
    context.as_context_mut().data_mut().meter().used(engine)
}

/// Returns the unused fuel up to the limit. It ignores an injected fault, so that a guest cannot detect the fault.
pub(crate) fn unused<T: Metered>(mut context: impl AsContextMut<Data = T>) -> u64 {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let meter = context.data_mut().meter();
    meter.limit - meter.used(engine)
}

/// Returns the fuel that the run still has.
pub(crate) fn left<T: Metered>(mut context: impl AsContextMut<Data = T>) -> u64 {
    let engine = engine_fuel(&context);
    context.as_context_mut().data_mut().meter().left(engine)
}

/// Charges work of the host.
pub(crate) fn charge<T: Metered>(mut context: impl AsContextMut<Data = T>, fuel: u64) -> Result<(), StopReason> {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let rest = context.data_mut().meter().take(engine, fuel)?;
    let _ = context.set_fuel(rest);
    Ok(())
}

/// Adds fuel that the engine will take for work that is paid already, or that is not the guest's.
pub(crate) fn add_engine_fuel<T: Metered>(mut context: impl AsContextMut<Data = T>, fuel: u64) {
    let engine = engine_fuel(&context);
    let _ = context.as_context_mut().set_fuel(engine.saturating_add(fuel));
}

/// Moves up to `fuel` from the reserve to the engine; returns the fuel moved.
pub(crate) fn grant<T: Metered>(mut context: impl AsContextMut<Data = T>, fuel: u64) -> u64 {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let granted = context.data_mut().meter().grant(fuel);
    let _ = context.set_fuel(engine + granted);
    granted
}

/// Sets the fuel of a store without a meter.
pub(crate) fn set_fuel<T>(store: &mut wasmi::Store<T>, fuel: u64) -> Result<(), wasmi::Error> {
    store.set_fuel(fuel)
}

/// Refunds what was charged since `before` was left: interrupted work is not charged.
pub(crate) fn refund<T: Metered>(mut context: impl AsContextMut<Data = T>, before: u64) {
    let engine = engine_fuel(&context);
    let mut context = context.as_context_mut();
    let meter = context.data_mut().meter();
    meter.reserve += before.saturating_sub(meter.left(engine));
}

/// Fills the slice up to `fuel`, as far as the reserve allows.
pub(crate) fn top_up<T: Metered>(context: impl AsContextMut<Data = T>, fuel: u64) {
    let lack = fuel.saturating_sub(engine_fuel(&context));
    grant(context, lack);
}
