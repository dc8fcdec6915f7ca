//! Clocks, which advance with fuel or are the host's. A sleep returns at once and advances either kind.

use crate::{
    config::wasi::{self, Wasi},
    sync::watch::HostClock,
};

/// Clocks of a run.
pub(crate) struct Clock {
    pub(crate) kind: wasi::Clock,
    pub(crate) start: u64,
    pub(crate) slept: u64,
    pub(crate) host: HostClock,
}

/// Reading of a fixed monotonic clock. Not 0: the runtime of Go 1.27 treats 0 as a broken clock, and exits before
/// `main`.
pub(crate) const FIXED_MONOTONIC: u64 = 1;

/// Clock of the specification (`clockid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockId {
    Realtime,
    Monotonic,
    /// CPU time of the process, and of its only thread.
    Cpu,
}

/// Readings of all clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClockTimes {
    pub(crate) realtime: u64,
    pub(crate) monotonic: u64,
    pub(crate) cpu: u64,
}

impl ClockId {
    pub(crate) fn from_number(number: u32) -> Option<ClockId> {
        match number {
            0 => Some(ClockId::Realtime),
            1 => Some(ClockId::Monotonic),
            2 | 3 => Some(ClockId::Cpu),
            _ => None,
        }
    }
}

impl ClockTimes {
    pub(crate) fn get(&self, id: ClockId) -> u64 {
        match id {
            ClockId::Realtime => self.realtime,
            ClockId::Monotonic => self.monotonic,
            ClockId::Cpu => self.cpu,
        }
    }

    /// Returns the readings after `fuel` units, at one nanosecond per unit.
    pub(crate) fn at_fuel(start: u64, fuel: u64) -> ClockTimes {
        ClockTimes { realtime: start.saturating_add(fuel), monotonic: fuel, cpu: fuel }
    }

    /// Returns the readings after a sleep, which takes no CPU time.
    pub(crate) fn after(self, ns: u64) -> ClockTimes {
        let [realtime, monotonic] = [self.realtime, self.monotonic].map(|time| time.saturating_add(ns));
        ClockTimes { realtime, monotonic, cpu: self.cpu }
    }
}

impl Clock {
    pub(crate) fn new(config: &Wasi) -> Self {
        Clock { kind: config.clock, start: config.clock_start_ns, slept: 0, host: HostClock::default() }
    }

    /// Returns the timestamp of files that exist before the run; 0 without clocks.
    pub(crate) fn initial_time(&self) -> u64 {
        if self.kind == wasi::Clock::None { 0 } else { self.start }
    }

    /// Advances the clocks without waiting.
    pub(crate) fn sleep(&mut self, ns: u64) {
        self.slept = self.slept.saturating_add(ns);
    }
}
