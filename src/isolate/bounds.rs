//! Resource bounds of a worker, derived from the limits of its guest.
//!
//! The interpreter enforces the limits of a guest. These bounds are for a worker that a guest has taken over, or that
//! has failed: they are several times what any run is known to need, so that none reaches them on a slow machine.

use crate::config::Config;

/// Resource bounds of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Address space in bytes.
    pub(super) address_bytes: u64,
    /// Processor time in seconds.
    pub(super) processor_seconds: u64,
    /// The part of it for loading the module.
    pub(super) loading_seconds: u64,
}

/// Address space of the program itself, its stack and its allocator, in bytes.
const PROGRAM_BYTES: u64 = 256 << 20;

/// Factor for code that is not optimized.
const UNOPTIMIZED_FACTOR: u64 = if cfg!(debug_assertions) { 20 } else { 1 };

/// Time for a unit of fuel. The worst that is known to continue for a whole run is 25 ns.
const NANOSECONDS_PER_FUEL: u64 = 200 * UNOPTIMIZED_FACTOR;

/// Time for a byte of the module. Reading one takes 50 ns.
const NANOSECONDS_PER_BYTE: u64 = 2_000 * UNOPTIMIZED_FACTOR;

const NANOSECONDS_PER_LOAD_WORK: u64 = 2_000 * UNOPTIMIZED_FACTOR;

const SECOND: u64 = 1_000_000_000;

impl Bounds {
    /// Computes the bounds of a job: a run of a module and an input of these sizes.
    pub(super) fn of(config: &Config, wasm_bytes: u64, input_bytes: u64) -> Bounds {
        let loading_seconds = 10 + loading_nanoseconds(config, wasm_bytes) / SECOND;
        let processor_seconds = loading_seconds.saturating_add(running_nanoseconds(config) / SECOND);
        Bounds { address_bytes: address_bytes(config, wasm_bytes, input_bytes), processor_seconds, loading_seconds }
    }
}

fn address_bytes(config: &Config, wasm_bytes: u64, input_bytes: u64) -> u64 {
    let bound = config.memory_bound();
    // An allocator reserves more than it returns.
    let guest = bound.load.saturating_add(bound.run).saturating_mul(2);
    // Module and input are kept as received; output and log also exist as messages.
    let sent = wasm_bytes.saturating_add(input_bytes).saturating_mul(2);
    let replies = config.limits.output_bytes.saturating_add(config.limits.log_bytes).saturating_mul(3);
    PROGRAM_BYTES.saturating_add(guest).saturating_add(sent).saturating_add(replies)
}

fn loading_nanoseconds(config: &Config, wasm_bytes: u64) -> u64 {
    let bytes = wasm_bytes.saturating_mul(NANOSECONDS_PER_BYTE);
    bytes.saturating_add(config.module.load_work.saturating_mul(NANOSECONDS_PER_LOAD_WORK))
}

fn running_nanoseconds(config: &Config) -> u64 {
    let fuel = config.limits.fuel.saturating_mul(NANOSECONDS_PER_FUEL);
    config.deadline_ms.map_or(fuel, |ms| fuel.min(ms.saturating_mul(SECOND / 1_000)))
}
