//! Random bytes: those that are the same in every run, and the host's.

use alloc::boxed::Box;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{
    errno::{Errno, Result},
    guest::Guest,
};
use crate::{
    config::wasi::{Random, Wasi},
    error::StopReason,
    watch::Alarm,
};

/// The key stream of ChaCha20 (RFC 8439, with nonce and counter at 0), whose key is the seed in eight
/// bytes, the lowest first, and zeros. It is given out byte by byte: how much is asked for at a time
/// makes no difference.
pub(super) struct Stream {
    blocks: ChaCha20Rng,
    block: [u8; 64],
    used: usize,
}

/// Where random bytes come from.
pub(super) enum Source {
    None,
    Stream(Box<Stream>),
    Host,
}

impl Source {
    pub(super) fn new(config: &Wasi) -> Source {
        match config.random {
            Random::None => Source::None,
            Random::Seeded => Source::Stream(Box::new(Stream::new(config))),
            Random::Host => Source::Host,
        }
    }
}

impl Stream {
    fn new(config: &Wasi) -> Stream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&config.random_seed.to_le_bytes());
        Stream { blocks: ChaCha20Rng::from_seed(key), block: [0; 64], used: 64 }
    }

    fn fill(&mut self, to: &mut [u8], alarm: &Alarm) -> Result<()> {
        for piece in alarm.pieces(to.len()) {
            self.fill_piece(&mut to[piece?]);
        }
        Ok(())
    }

    fn fill_piece(&mut self, mut to: &mut [u8]) {
        while !to.is_empty() {
            if self.used == self.block.len() {
                self.blocks.fill_bytes(&mut self.block);
                self.used = 0;
            }
            let rest = &self.block[self.used..];
            let count = rest.len().min(to.len());
            let (now, later) = to.split_at_mut(count);
            now.copy_from_slice(&rest[..count]);
            self.used += count;
            to = later;
        }
    }
}

/// Fuel of one random byte, in bytes moved: a block of the cipher takes as long as copying so many.
const WORK: u64 = 16;

pub(super) fn get(guest: &mut Guest<'_, '_>, ptr: u32, len: u32) -> Result<()> {
    let range = guest.check(ptr, len)?;
    if matches!(guest.state()?.random, Source::None) {
        return Err(Errno::NotCapable.into());
    }
    guest.charge_bytes(u64::from(len) * WORK)?;
    let alarm = guest.host().alarm();
    let recorder = guest.host().recorder.clone();
    let (memory, state) = guest.memory_and_state()?;
    let to = &mut memory[range];
    match &mut state.random {
        Source::None => {}
        Source::Stream(stream) => stream.fill(to, &alarm)?,
        Source::Host => recorder.random(to, |to| ask_host(to, &alarm))?,
    }
    Ok(())
}

#[cfg(feature = "host-random")]
fn ask_host(to: &mut [u8], alarm: &Alarm) -> core::result::Result<(), StopReason> {
    alarm.pieces(to.len()).try_for_each(|piece| {
        getrandom::fill(&mut to[piece?]).map_err(|_| failed("the operating system has no random bytes"))
    })
}

/// A configuration that grants them was refused.
#[cfg(not(feature = "host-random"))]
fn ask_host(_: &mut [u8], _: &Alarm) -> core::result::Result<(), StopReason> {
    Err(failed("this build has no random bytes of the host"))
}

fn failed(message: &str) -> StopReason {
    let (module, function) = ("wasi_snapshot_preview1".into(), "random_get".into());
    StopReason::HostFunction { module, function, message: message.into() }
}
