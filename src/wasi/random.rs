//! Random bytes: seeded, which are the same in every run, or the host's.

use alloc::boxed::Box;

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::errno::Result;
use crate::{
    config::wasi::{Random, Wasi},
    error::{HostStop, StopReason},
    sync::watch::Interrupt,
};

/// Key stream of ChaCha20 (RFC 8439, with nonce and counter 0). The key is the seed as eight little-endian bytes,
/// followed by zeros. The bytes do not depend on how many are requested at a time.
pub(crate) struct SeededStream {
    blocks: ChaCha20Rng,
    block: [u8; 64],
    used: usize,
}

/// Source of random bytes.
pub(crate) enum RandomSource {
    None,
    Seeded(Box<SeededStream>),
    Host,
}

impl RandomSource {
    pub(crate) fn new(config: &Wasi) -> RandomSource {
        match config.random {
            Random::None => RandomSource::None,
            Random::Seeded => RandomSource::Seeded(Box::new(SeededStream::new(config))),
            Random::Host => RandomSource::Host,
        }
    }
}

impl SeededStream {
    fn new(config: &Wasi) -> SeededStream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&config.random_seed.to_le_bytes());
        SeededStream { blocks: ChaCha20Rng::from_seed(key), block: [0; 64], used: 64 }
    }

    pub(crate) fn fill(&mut self, to: &mut [u8], interrupt: &Interrupt) -> Result<()> {
        for piece in interrupt.chunks_mut(to) {
            self.fill_piece(piece?);
        }
        Ok(())
    }

    fn fill_piece(&mut self, mut to: &mut [u8]) {
        while !to.is_empty() {
            if self.used == self.block.len() {
                self.blocks.fill_bytes(&mut self.block);
                self.used = 0;
            }
            let rest = self.block.get(self.used..).unwrap_or_default();
            let (now, later) = to.split_at_mut(rest.len().min(to.len()));
            let (taken, _) = rest.split_at(now.len());
            now.copy_from_slice(taken);
            self.used += now.len();
            to = later;
        }
    }
}

#[cfg(feature = "host-random")]
pub(crate) fn fill_from_host(to: &mut [u8], interrupt: &Interrupt) -> core::result::Result<(), StopReason> {
    interrupt
        .chunks_mut(to)
        .try_for_each(|piece| getrandom::fill(piece?).map_err(|_| failed("the operating system has no random bytes")))
}

/// Returns an error; the check of the configuration refuses the host's random bytes in this build.
#[cfg(not(feature = "host-random"))]
pub(crate) fn fill_from_host(_: &mut [u8], _: &Interrupt) -> core::result::Result<(), StopReason> {
    Err(failed("this build has no random bytes of the host"))
}

fn failed(message: &str) -> StopReason {
    let (module, function) = ("wasi_snapshot_preview1".into(), "random_get".into());
    StopReason::Host(HostStop::HostFunction { module, function, message: message.into() })
}
