//! Calls that read clocks.

use super::Guest;
use crate::{
    config::wasi,
    engine::meter,
    wasi::{
        clock::{Clock, ClockId, ClockTimes, FIXED_MONOTONIC},
        errno::{Errno, Result},
    },
};

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
