//! The growth of memories and tables, whose sums are limited.

use wasmi::{Caller, ResourceLimiter, TrapCode};
use wasmi_core::{LimiterError, MemoryError, TableError};

use super::{Host, pieces::Kind};
use crate::{
    config::{Limits, OnGrowthLimit},
    data::inspect::PAGE,
    engine::meter,
    error::{HostMemoryUse, HostStop, LimitExceeded, StopReason},
    observe,
};

/// The sizes of memories and tables, and their limits.
pub(crate) struct Growth {
    pub(crate) memory: Sum,
    pub(crate) tables: Sum,
    on_limit: OnGrowthLimit,
    /// The number of growths so far, and that of the growth which is denied on purpose.
    asked: u64,
    denied: Option<u64>,
    /// The growth that is done piece by piece, if any.
    whole: Option<PieceGrowth>,
    /// Whether there is an instance: initial sizes are no growths.
    pub(crate) counted: bool,
}

/// A growth that is done piece by piece.
#[derive(Debug, Clone, Copy)]
struct PieceGrowth {
    /// The final size, in bytes or elements.
    desired: usize,
    /// Whether it has been counted and traced.
    is_counted: bool,
    /// The peaks of memories and tables before it.
    peaks: (u64, u64),
}

/// The sum over all memories, or all tables.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    limit: u64,
    now: u64,
    pub(crate) peak: u64,
    /// The size that the host will still add for itself, which is not counted for the guest.
    pub(crate) host: u64,
    /// The size of the last growth, and the peak before it: a growth that fails after it was allowed (for lack of fuel,
    /// for example) is reverted, since it is requested again.
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

    /// Begins a growth that is done piece by piece, of a memory or table with this size and maximum by `added`; returns
    /// `false` if it will be refused.
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
        self.whole = usize::try_from(desired).ok().map(|desired| PieceGrowth { desired, is_counted: false, peaks });
        self.whole.is_some()
    }

    /// Begins the creation of a memory of this size piece by piece. It is not traced.
    pub(crate) fn begin_initial(&mut self, desired: usize) {
        let peaks = (self.memory.peak, self.tables.peak);
        self.whole = Some(PieceGrowth { desired, is_counted: true, peaks });
    }

    /// Ends a growth before its last piece.
    pub(crate) fn abandon(&mut self) {
        if let Some(whole) = self.whole.take() {
            (self.memory.peak, self.tables.peak) = whole.peaks;
        }
    }

    /// Returns the final size of the growth, and whether that has been counted and traced.
    fn final_size(&mut self, desired: usize) -> (usize, bool) {
        let Some(whole) = self.whole else { return (desired, false) };
        self.whole = (desired < whole.desired).then_some(PieceGrowth { is_counted: true, ..whole });
        (whole.desired, whole.is_counted)
    }

    /// Counts a growth; returns `true` if it is the one to deny.
    fn count(&mut self) -> bool {
        self.asked += u64::from(self.counted);
        self.counted && self.denied == Some(self.asked)
    }
}

impl Sum {
    /// Adds a growth if the sum stays within the limit; if not, returns the sum that it would reach.
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

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    fn left(&self) -> u64 {
        self.limit - self.now
    }

    fn revert(&mut self) {
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

    pub(super) fn observed(
        &mut self,
        kind: &'static str,
        current: usize,
        desired: usize,
    ) -> Result<bool, LimiterError> {
        observe::growth(kind, current as u64, desired as u64).map(|()| true).map_err(|reason| {
            self.stop = Some(reason);
            STOP
        })
    }
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool, LimiterError> {
        if u32::try_from(desired).is_err() {
            // All 4 GiB: on 32-bit targets the engine returns -1 without this call, so it is -1 everywhere.
            return Ok(false);
        }
        let (whole, goes_on) = self.growth.final_size(desired);
        if !goes_on && self.growth.count() {
            return Ok(false);
        }
        match self.growth.memory.add(current, desired) {
            Ok(()) if goes_on => Ok(true),
            Ok(()) => self.observed("memory", current, whole),
            Err(asked) => {
                self.at_limit(StopReason::Limit(LimitExceeded::Memory { limit: self.growth.memory.limit, asked }))
            }
        }
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool, LimiterError> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // Beyond the declared maximum: the operator returns -1, as for memories.
            return Ok(false);
        }
        let (whole, goes_on) = self.growth.final_size(desired);
        if !goes_on && self.growth.count() {
            return Ok(false);
        }
        match self.growth.tables.add(current, desired) {
            Ok(()) if goes_on => Ok(true),
            Ok(()) => self.observed("table", current, whole),
            Err(asked) => {
                self.at_limit(StopReason::Limit(LimitExceeded::Table { limit: self.growth.tables.limit, asked }))
            }
        }
    }

    fn memory_grow_failed(&mut self, error: &MemoryError) -> Result<(), LimiterError> {
        self.growth.memory.revert();
        match error {
            MemoryError::OutOfSystemMemory => {
                // A result of -1 would depend on the memory of this host: the run would not be deterministic.
                self.stop = Some(StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::GuestMemory }));
                Err(STOP)
            }
            MemoryError::OutOfFuel { .. } => {
                // The same growth is requested again when the next slice has the fuel.
                self.growth.asked = self.growth.asked.saturating_sub(1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn table_grow_failed(&mut self, error: &TableError) -> Result<(), LimiterError> {
        self.growth.tables.revert();
        match error {
            TableError::OutOfSystemMemory => {
                self.stop = Some(StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::GuestTables }));
                Err(STOP)
            }
            TableError::OutOfFuel { .. } => {
                // The engine cannot resume here, since it stores no instruction pointer for `table.grow`. So the
                // slice is topped up before the operator: fuel that is missing now is missing in the reserve too.
                self.stop = Some(self.meter.exhausted());
                Err(STOP)
            }
            _ => Ok(()),
        }
    }

    fn instances(&self) -> usize {
        // The guest, the adapter for async host functions, and earlier instances of the store.
        usize::MAX
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}

/// Tops up the slice before a `table.grow` by `elements` of a table with this size and maximum; returns `elements`.
///
/// Its fuel moves from the reserve to the slice, so that the engine does not lack it in the operator while the run has
/// it. A growth that will be refused gets no fuel: a guest could fill its slice with such growths forever and never
/// return to the host.
pub(crate) fn top_up(caller: Caller<'_, Host>, elements: u32, size: u32, max: u32) -> u32 {
    let allowed = caller.data().growth.tables.left().min(u64::from(max.saturating_sub(size)));
    if u64::from(elements) <= allowed {
        meter::top_up(caller, u64::from(elements) / meter::ELEMENTS_PER_FUEL);
    }
    elements
}

/// Checks whether a trap code means that the resource limiter stopped a growth.
pub(crate) fn is_limiter(code: TrapCode) -> bool {
    code == TrapCode::GrowthOperationLimited
}
