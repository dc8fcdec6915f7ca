//! Clocks, which advance with fuel or are the host's. A sleep returns at once and advances either kind.

use super::{
    errno::{Errno, Result},
    guest::Guest,
};
use crate::{
    config::wasi::{self, Wasi},
    meter,
    watch::HostClock,
};

/// Clocks of a run.
pub(super) struct Clock {
    kind: wasi::Clock,
    start: u64,
    slept: u64,
    host: HostClock,
}

/// Reading of a fixed monotonic clock. Not 0: the runtime of Go 1.27 treats 0 as a broken clock, and exits before
/// `main`.
const FIXED_MONOTONIC: u64 = 1;

/// Clock of the specification (`clockid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockId {
    Realtime,
    Monotonic,
    /// CPU time of the process, and of its only thread.
    Cpu,
}

/// Readings of all clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockTimes {
    realtime: u64,
    monotonic: u64,
    cpu: u64,
}

impl ClockId {
    pub(super) fn from_number(number: u32) -> Option<ClockId> {
        match number {
            0 => Some(ClockId::Realtime),
            1 => Some(ClockId::Monotonic),
            2 | 3 => Some(ClockId::Cpu),
            _ => None,
        }
    }
}

impl ClockTimes {
    pub(super) fn get(&self, id: ClockId) -> u64 {
        match id {
            ClockId::Realtime => self.realtime,
            ClockId::Monotonic => self.monotonic,
            ClockId::Cpu => self.cpu,
        }
    }

    /// Returns the readings after `fuel` units, at one nanosecond per unit.
    fn at_fuel(start: u64, fuel: u64) -> ClockTimes {
        ClockTimes { realtime: start.saturating_add(fuel), monotonic: fuel, cpu: fuel }
    }

    /// Returns the readings after a sleep, which takes no CPU time.
    fn after(self, ns: u64) -> ClockTimes {
        let [realtime, monotonic] = [self.realtime, self.monotonic].map(|time| time.saturating_add(ns));
        ClockTimes { realtime, monotonic, cpu: self.cpu }
    }
}

impl Clock {
    pub(super) fn new(config: &Wasi) -> Self {
        Clock { kind: config.clock, start: config.clock_start_ns, slept: 0, host: HostClock::default() }
    }

    /// Returns the timestamp of files that exist before the run; 0 without clocks.
    pub(super) fn initial_time(&self) -> u64 {
        if self.kind == wasi::Clock::None { 0 } else { self.start }
    }

    /// Advances the clocks without waiting.
    pub(super) fn sleep(&mut self, ns: u64) {
        self.slept = self.slept.saturating_add(ns);
    }
}

impl Guest<'_, '_> {
    /// Reads the clocks. Returns `None` if the run has no clocks.
    pub(super) fn clocks(&mut self) -> Result<Option<ClockTimes>> {
        let fuel = meter::used(&mut *self.caller);
        let Clock { kind, start, slept, .. } = self.state()?.clock;
        Ok(match kind {
            wasi::Clock::None => None,
            wasi::Clock::Fixed => Some(ClockTimes { monotonic: FIXED_MONOTONIC, ..ClockTimes::at_fuel(start, 0) }),
            wasi::Clock::Virtual => Some(ClockTimes::at_fuel(start, fuel).after(slept)),
            wasi::Clock::Host => {
                let (realtime, monotonic) = self.host_clock()?;
                // CPU time is the fuel used, which needs no clock of the host.
                Some(ClockTimes { realtime, monotonic, cpu: fuel }.after(slept))
            }
        })
    }

    fn host_clock(&mut self) -> Result<(u64, u64)> {
        let recorder = self.host().recorder.clone();
        let clock = &self.state()?.clock.host;
        Ok(recorder.clock(|| clock.read())?)
    }
}

pub(super) fn res_get(guest: &mut Guest<'_, '_>, id: u32, result: u32) -> Result<()> {
    ClockId::from_number(id).ok_or(Errno::Inval)?;
    if guest.state()?.clock.kind == wasi::Clock::None {
        return Err(Errno::NotCapable.into());
    }
    guest.store_u64(result, 1)
}

pub(super) fn time_get(guest: &mut Guest<'_, '_>, id: u32, result: u32) -> Result<()> {
    let id = ClockId::from_number(id).ok_or(Errno::Inval)?;
    let now = guest.clocks()?.ok_or(Errno::NotCapable)?;
    guest.store_u64(result, now.get(id))
}
