//! The call `random_get`.

use super::Guest;
use crate::{
    host,
    wasi::{
        errno::{Errno, Result},
        random::{RandomSource, fill_from_host},
    },
};

/// Cost of one random byte, in moved bytes: generating it takes as long as copying them.
const BYTE_WORK: u64 = 16;

pub(super) fn get(guest: &mut Guest<'_, '_>, ptr: u32, len: u32) -> Result<()> {
    let range = guest.check(ptr, len)?;
    if matches!(guest.state()?.random, RandomSource::None) {
        return Err(Errno::NotCapable.into());
    }
    guest.charge_bytes(u64::from(len) * BYTE_WORK)?;
    let interrupt = guest.host().interrupt();
    let recorder = guest.host().recorder.clone();
    let (memory, state) = guest.memory_and_state()?;
    let to = host::checked(memory, range);
    match &mut state.random {
        RandomSource::None => {}
        RandomSource::Seeded(stream) => stream.fill(to, &interrupt)?,
        RandomSource::Host => recorder.random(to, |to| fill_from_host(to, &interrupt))?,
    }
    Ok(())
}
