//! Clocks that go on with fuel, and with what is slept.

use super::{
    errno::{Errno, Result},
    guest::Guest,
};
use crate::{
    config::wasi::{self, Wasi},
    meter,
};

/// The clocks of a run. One unit of fuel takes one nanosecond.
pub(super) struct Clock {
    kind: wasi::Clock,
    start: u64,
    slept: u64,
}

/// A clock's number in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    Realtime,
    Monotonic,
    /// Of the process, and of its one thread.
    Cpu,
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

impl Clock {
    pub(super) fn new(config: &Wasi) -> Self {
        Clock { kind: config.clock, start: config.clock_start_ns, slept: 0 }
    }

    /// The time of a clock, at so much fuel used; none if there are no clocks.
    pub(super) fn time(&self, id: Id, fuel: u64) -> Option<u64> {
        let (fuel, slept) = match self.kind {
            wasi::Clock::None => return None,
            wasi::Clock::Fixed => (0, 0),
            wasi::Clock::Virtual => (fuel, self.slept),
        };
        Some(match id {
            Id::Realtime => self.start.saturating_add(fuel).saturating_add(slept),
            Id::Monotonic => fuel.saturating_add(slept),
            Id::Cpu => fuel,
        })
    }

    /// The time that files get, which is 0 without clocks.
    pub(super) fn realtime(&self, fuel: u64) -> u64 {
        self.time(Id::Realtime, fuel).unwrap_or(0)
    }

    /// Lets time pass at once.
    pub(super) fn sleep(&mut self, ns: u64) {
        self.slept = self.slept.saturating_add(ns);
    }
}

pub(super) fn res_get(guest: &mut Guest<'_, '_>, id: u32, result: u32) -> Result<()> {
    let id = Id::of(id).ok_or(Errno::Inval)?;
    guest.state()?.clock.time(id, 0).ok_or(Errno::NotCapable)?;
    guest.store_u64(result, 1)
}

pub(super) fn time_get(guest: &mut Guest<'_, '_>, id: u32, result: u32) -> Result<()> {
    let id = Id::of(id).ok_or(Errno::Inval)?;
    let fuel = meter::used(&mut *guest.caller);
    let time = guest.state()?.clock.time(id, fuel).ok_or(Errno::NotCapable)?;
    guest.store_u64(result, time)
}
