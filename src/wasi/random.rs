//! Random bytes that are the same in every run.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{
    errno::{Errno, Result},
    guest::Guest,
};
use crate::config::wasi::{Random, Wasi};

/// The key stream of ChaCha20 (RFC 8439, with nonce and counter at 0), whose key is the seed in eight
/// bytes, the lowest first, and zeros. It is given out byte by byte: how much is asked for at a time
/// makes no difference.
pub(super) struct Stream {
    blocks: ChaCha20Rng,
    block: [u8; 64],
    used: usize,
}

impl Stream {
    /// None if there are to be no random bytes.
    pub(super) fn new(config: &Wasi) -> Option<Stream> {
        if config.random == Random::None {
            return None;
        }
        let mut key = [0; 32];
        key[..8].copy_from_slice(&config.random_seed.to_le_bytes());
        Some(Stream { blocks: ChaCha20Rng::from_seed(key), block: [0; 64], used: 64 })
    }

    fn fill(&mut self, mut to: &mut [u8]) {
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
    if guest.state()?.random.is_none() {
        return Err(Errno::NotCapable.into());
    }
    guest.charge_bytes(u64::from(len) * WORK)?;
    let (memory, state) = guest.memory_and_state()?;
    if let Some(stream) = &mut state.random {
        stream.fill(&mut memory[range]);
    }
    Ok(())
}
