//! How much a worker may take of the machine, derived from what its guest may.
//!
//! A guest is held to its limits by the interpreter. These bounds are for a worker that a guest has
//! taken over, or that has gone wrong: they are several times what any run is known to need, so that
//! none ever meets them on a slow machine.

use super::message::Job;

/// How much a worker may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Address space in bytes.
    pub(super) address_bytes: u64,
    /// Time on the processor, in seconds.
    pub(super) processor_seconds: u64,
    /// The part of it that is for loading the module.
    pub(super) loading_seconds: u64,
}

/// What is there before there is a guest: the program itself, its stack, its allocator.
const PROGRAM_BYTES: u64 = 256 << 20;

/// Code that is not optimized takes twenty times as long.
const SLOWNESS: u64 = if cfg!(debug_assertions) { 20 } else { 1 };

/// The worst that is known to go on for a whole run takes 25 ns.
const NANOSECONDS_PER_FUEL: u64 = 200 * SLOWNESS;

/// A byte is read in 50 ns.
const NANOSECONDS_PER_BYTE: u64 = 2_000 * SLOWNESS;

const NANOSECONDS_PER_LOAD_WORK: u64 = 2_000 * SLOWNESS;

const SECOND: u64 = 1_000_000_000;

impl Bounds {
    /// The bounds of a job.
    pub(super) fn of(job: &Job) -> Bounds {
        let loading_seconds = 10 + loading_nanoseconds(job) / SECOND;
        let running_seconds = running_nanoseconds(job) / SECOND;
        let processor_seconds = loading_seconds.saturating_add(running_seconds);
        Bounds { address_bytes: address_bytes(job), processor_seconds, loading_seconds }
    }
}

fn address_bytes(job: &Job) -> u64 {
    let bound = job.config.memory_bound();
    // An allocator takes more than it gives.
    let guest = bound.load.saturating_add(bound.run).saturating_mul(2);
    // The module is there as it came; what was written and logged, once more on its way.
    let sent = job.wasm_bytes.saturating_add(job.input_bytes).saturating_mul(2);
    let told = job.config.limits.output_bytes.saturating_add(job.config.limits.log_bytes).saturating_mul(3);
    PROGRAM_BYTES.saturating_add(guest).saturating_add(sent).saturating_add(told)
}

fn loading_nanoseconds(job: &Job) -> u64 {
    let bytes = job.wasm_bytes.saturating_mul(NANOSECONDS_PER_BYTE);
    bytes.saturating_add(job.config.module.load_work.saturating_mul(NANOSECONDS_PER_LOAD_WORK))
}

fn running_nanoseconds(job: &Job) -> u64 {
    let fuel = job.config.limits.fuel.saturating_mul(NANOSECONDS_PER_FUEL);
    job.config.deadline_ms.map_or(fuel, |ms| fuel.min(ms.saturating_mul(SECOND / 1_000)))
}
