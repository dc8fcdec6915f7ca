//! Growth of memories and tables: summed over all of them, and held to the limits.

use wasmi::{Caller, ResourceLimiter, TrapCode};
use wasmi_core::{LimiterError, MemoryError, TableError};

use super::{Host, pieces::Kind};
use crate::{
    config::{Limits, OnGrowthLimit},
    error::StopReason,
    inspect::PAGE,
    meter, observe,
};

/// What memories and tables have grown to.
pub(crate) struct Growth {
    pub(crate) memory: Sum,
    pub(crate) tables: Sum,
    on_limit: OnGrowthLimit,
    /// Growths asked for, and which of them is denied on purpose.
    asked: u64,
    denied: Option<u64>,
    /// A growth that is done piece by piece.
    whole: Option<Whole>,
    /// Whether there is an instance: what it begins with is no growth.
    pub(crate) counted: bool,
}

/// A growth that is done piece by piece.
#[derive(Debug, Clone, Copy)]
struct Whole {
    /// The size in the end, in bytes or elements.
    desired: usize,
    /// Whether it has been counted and told.
    is_counted: bool,
    /// The peaks before it, of memories and of tables.
    peaks: (u64, u64),
}

/// The sum over all memories, or all tables.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    limit: u64,
    now: u64,
    pub(crate) peak: u64,
    /// What the host adds for itself and has not added yet: it is not the guest's.
    pub(crate) host: u64,
    /// What the last growth added, and the peak before it: a growth that fails after it was
    /// allowed (for want of fuel, say) is taken back, since it is asked for again.
    last: (u64, u64),
}

impl Growth {
    pub(crate) fn new(limits: &Limits, on_limit: OnGrowthLimit, denied: Option<u64>) -> Self {
        let sum = |limit| Sum { limit, ..Sum::default() };
        Growth {
            memory: sum(limits.memory_bytes),
            tables: sum(limits.table_elements),
            on_limit,
            asked: 0,
            denied,
            whole: None,
            counted: false,
        }
    }

    /// Begins a growth of a memory or table that is done piece by piece, from its size, up to its maximum and by so
    /// much; `false` if it will be refused.
    pub(super) fn begin(&mut self, kind: Kind, [size, max, added]: [u32; 3]) -> bool {
        let (unit, sum) = if kind == Kind::GrowTable { (1, &self.tables) } else { (PAGE, &self.memory) };
        let (size, added) = (u64::from(size), u64::from(added));
        let desired = (size + added) * unit;
        let is_denied = self.counted && self.denied == Some(self.asked + 1);
        let fits = size + added <= max.into() && added * unit <= sum.left();
        if is_denied || !fits || u32::try_from(desired).is_err() {
            return false;
        }
        let peaks = (self.memory.peak, self.tables.peak);
        self.whole = usize::try_from(desired).ok().map(|desired| Whole { desired, is_counted: false, peaks });
        self.whole.is_some()
    }

    /// Begins a memory of this size that is made piece by piece.
    pub(crate) fn begin_initial(&mut self, desired: usize) {
        let peaks = (self.memory.peak, self.tables.peak);
        self.whole = Some(Whole { desired, is_counted: false, peaks });
    }

    /// Ends a growth that has not come to its end.
    pub(crate) fn give_up(&mut self) {
        if let Some(whole) = self.whole.take() {
            (self.memory.peak, self.tables.peak) = whole.peaks;
        }
    }

    /// Returns the size that is grown to in the end, and whether that has been counted and told.
    fn of_piece(&mut self, desired: usize) -> (usize, bool) {
        let Some(whole) = self.whole else { return (desired, false) };
        self.whole = (desired < whole.desired).then_some(Whole { is_counted: true, ..whole });
        (whole.desired, whole.is_counted)
    }

    /// Counts a growth that is asked for; `true` if it is the one that is denied.
    fn count(&mut self) -> bool {
        self.asked += u64::from(self.counted);
        self.counted && self.denied == Some(self.asked)
    }
}

impl Sum {
    /// Adds a growth if it stays within the limit; tells what the sum would be if not.
    fn add(&mut self, current: usize, desired: usize) -> Result<(), u64> {
        let mut added = desired.saturating_sub(current) as u64;
        let host = self.host.min(added);
        added -= host;
        let asked = self.now.saturating_add(added);
        if asked > self.limit {
            return Err(asked);
        }
        self.host -= host;
        self.last = (added, self.peak);
        self.now = asked;
        self.peak = self.peak.max(asked);
        Ok(())
    }

    fn left(&self) -> u64 {
        self.limit - self.now
    }

    fn take_back(&mut self) {
        let (added, peak) = core::mem::take(&mut self.last);
        self.now -= added;
        self.peak = peak;
    }
}

const STOP: LimiterError = LimiterError::ResourceLimiterDeniedAllocation;

impl Host {
    fn at_limit(&mut self, reason: StopReason) -> Result<bool, LimiterError> {
        match self.growth.on_limit {
            OnGrowthLimit::Refuse => Ok(false),
            OnGrowthLimit::Stop => {
                self.stop = Some(reason);
                Err(STOP)
            }
        }
    }

    fn observed(&mut self, kind: &'static str, current: usize, desired: usize) -> Result<bool, LimiterError> {
        observe::growth(kind, current as u64, desired as u64).map(|()| true).map_err(|reason| {
            self.stop = Some(reason);
            STOP
        })
    }
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool, LimiterError> {
        if u32::try_from(desired).is_err() {
            // All 4 GiB: where pointers have 32 bits the engine answers -1 without asking, so it is -1 everywhere.
            return Ok(false);
        }
        let (whole, goes_on) = self.growth.of_piece(desired);
        if !goes_on && self.growth.count() {
            return Ok(false);
        }
        match self.growth.memory.add(current, desired) {
            Ok(()) if goes_on => Ok(true),
            Ok(()) => self.observed("memory", current, whole),
            Err(asked) => self.at_limit(StopReason::Memory { limit: self.growth.memory.limit, asked }),
        }
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool, LimiterError> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // Beyond what the module itself declared: the operator answers -1, as for memories.
            return Ok(false);
        }
        let (whole, goes_on) = self.growth.of_piece(desired);
        if !goes_on && self.growth.count() {
            return Ok(false);
        }
        match self.growth.tables.add(current, desired) {
            Ok(()) if goes_on => Ok(true),
            Ok(()) => self.observed("table", current, whole),
            Err(asked) => self.at_limit(StopReason::Table { limit: self.growth.tables.limit, asked }),
        }
    }

    fn memory_grow_failed(&mut self, error: &MemoryError) -> Result<(), LimiterError> {
        self.growth.memory.take_back();
        match error {
            MemoryError::OutOfSystemMemory => {
                // The guest would see -1 here and nowhere else: not a pure function any more.
                self.stop = Some(StopReason::HostMemory { what: "guest memory" });
                Err(STOP)
            }
            MemoryError::OutOfFuel { .. } => {
                // The same growth is asked for again when the next slice has the fuel.
                self.growth.asked = self.growth.asked.saturating_sub(1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn table_grow_failed(&mut self, error: &TableError) -> Result<(), LimiterError> {
        self.growth.tables.take_back();
        match error {
            TableError::OutOfSystemMemory => {
                self.stop = Some(StopReason::HostMemory { what: "guest tables" });
                Err(STOP)
            }
            TableError::OutOfFuel { .. } => {
                // The engine cannot resume here (it keeps no instruction pointer for `table.grow`),
                // so the slice is topped up before the operator: fuel that is missing now is
                // missing in the reserve too.
                self.stop = Some(self.meter.exhausted());
                Err(STOP)
            }
            _ => Ok(()),
        }
    }

    fn instances(&self) -> usize {
        // The guest, what is between it and async host functions, and those that the store served before.
        usize::MAX
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}

/// Called before each `table.grow` with the growth, the table's size and its maximum; returns the
/// growth. Moves what it will cost from the reserve into the slice, so that the engine is never short
/// of it there while the run has it. A growth that will be refused is not paid for: a guest could
/// have its slice filled again and again with such, and never return to the host.
pub(crate) fn top_up(caller: Caller<'_, Host>, elements: u32, size: u32, max: u32) -> u32 {
    let allowed = caller.data().growth.tables.left().min(u64::from(max.saturating_sub(size)));
    if u64::from(elements) <= allowed {
        meter::top_up(caller, u64::from(elements) / meter::ELEMENTS_PER_FUEL);
    }
    elements
}

/// Whether a trap code is the engine's word for "the limiter said stop".
pub(crate) fn is_limiter(code: TrapCode) -> bool {
    code == TrapCode::GrowthOperationLimited
}
