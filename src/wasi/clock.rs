//! Clocks that go on with fuel, or are the host's. Both go on with what is slept, at once.

use super::{
    errno::{Errno, Result},
    guest::Guest,
};
use crate::{
    config::wasi::{self, Wasi},
    meter,
    watch::HostClock,
};

/// The clocks of a run.
pub(super) struct Clock {
    kind: wasi::Clock,
    start: u64,
    slept: u64,
    host: HostClock,
}

/// The reading of a monotonic clock that stands. Not 0: the runtime of Go 1.27 takes that for a clock that
/// does not work, and ends the program before `main`.
const STANDING: u64 = 1;

/// A clock's number in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    Realtime,
    Monotonic,
    /// Of the process, and of its one thread.
    Cpu,
}

/// What all clocks say at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    realtime: u64,
    monotonic: u64,
    cpu: u64,
}

impl Id {
    pub(super) fn of(number: u32) -> Option<Id> {
        match number {
            0 => Some(Id::Realtime),
            1 => Some(Id::Monotonic),
            2 | 3 => Some(Id::Cpu),
            _ => None,
        }
    }
}

impl Now {
    pub(super) fn of(&self, id: Id) -> u64 {
        match id {
            Id::Realtime => self.realtime,
            Id::Monotonic => self.monotonic,
            Id::Cpu => self.cpu,
        }
    }

    /// One unit of fuel takes one nanosecond.
    fn at(start: u64, fuel: u64) -> Now {
        Now { realtime: start.saturating_add(fuel), monotonic: fuel, cpu: fuel }
    }

    fn after(self, ns: u64) -> Now {
        let [realtime, monotonic] = [self.realtime, self.monotonic].map(|time| time.saturating_add(ns));
        Now { realtime, monotonic, cpu: self.cpu }
    }
}

impl Clock {
    pub(super) fn new(config: &Wasi) -> Self {
        Clock { kind: config.clock, start: config.clock_start_ns, slept: 0, host: HostClock::default() }
    }

    /// The time that files have which were there before the run; 0 without clocks.
    pub(super) fn before(&self) -> u64 {
        if self.kind == wasi::Clock::None { 0 } else { self.start }
    }

    /// Lets time pass at once.
    pub(super) fn sleep(&mut self, ns: u64) {
        self.slept = self.slept.saturating_add(ns);
    }
}

impl Guest<'_, '_> {
    /// What the clocks say; none if there are no clocks.
    pub(super) fn clocks(&mut self) -> Result<Option<Now>> {
        let fuel = meter::used(&mut *self.caller);
        let Clock { kind, start, slept, .. } = self.state()?.clock;
        Ok(match kind {
            wasi::Clock::None => None,
            wasi::Clock::Fixed => Some(Now { monotonic: STANDING, ..Now::at(start, 0) }),
            wasi::Clock::Virtual => Some(Now::at(start, fuel).after(slept)),
            wasi::Clock::Host => {
                let (realtime, monotonic) = self.host_clock()?;
                // What the run itself has used is known without a clock.
                Some(Now { realtime, monotonic, cpu: fuel }.after(slept))
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
    Id::of(id).ok_or(Errno::Inval)?;
    if guest.state()?.clock.kind == wasi::Clock::None {
        return Err(Errno::NotCapable.into());
    }
    guest.store_u64(result, 1)
}

pub(super) fn time_get(guest: &mut Guest<'_, '_>, id: u32, result: u32) -> Result<()> {
    let id = Id::of(id).ok_or(Errno::Inval)?;
    let now = guest.clocks()?.ok_or(Errno::NotCapable)?;
    guest.store_u64(result, now.of(id))
}
