//! The call `fd_readdir`.

use super::guest::{Guest, ITEM};
use crate::{
    engine::meter,
    host,
    wasi::{
        errno::Result,
        rights,
        volume::{DIRENT_BYTES, Dirent},
    },
};

/// Fills the buffer with entries; the last one may be truncated.
pub(super) fn readdir(guest: &mut Guest<'_, '_>, fd: u32, ptr: u32, len: u32, cookie: u64, result: u32) -> Result<()> {
    let at = guest.directory(fd, rights::FD_READDIR)?;
    let len = len as usize;
    guest.with_path(at.volume, |volume, _| volume.load_entries(at.node, cookie, len))?;
    // The size is computed first, so that fuel is charged before anything is copied.
    let (mut filled, mut entries) = (0, 0);
    let volume = guest.volume(at.volume)?;
    let mut next = cookie;
    while let Some(entry) = volume.next_entry(at.node, next)? {
        if filled >= len {
            break;
        }
        filled = len.min(filled + DIRENT_BYTES + entry.name.len());
        entries += 1;
        next = entry.cookie;
    }
    guest.charge(entries * ITEM + (filled as u64).div_ceil(meter::BYTES_PER_FUEL))?;
    let range = guest.check(ptr, filled as u32)?;
    let (memory, state) = guest.memory_and_state()?;
    let Some(volume) = state.volumes.get(at.volume) else { return Ok(()) };
    let mut rest = host::checked(memory, range);
    let mut next = cookie;
    while let Some(entry) = volume.next_entry(at.node, next)?.filter(|_| !rest.is_empty()) {
        next = entry.cookie;
        for part in [head(&entry).as_slice(), entry.name.as_bytes()] {
            let (kept, _) = part.split_at(part.len().min(rest.len()));
            let (now, later) = rest.split_at_mut(kept.len());
            now.copy_from_slice(kept);
            rest = later;
        }
    }
    guest.store_u32(result, filled as u32)
}

fn head(entry: &Dirent<'_>) -> [u8; DIRENT_BYTES] {
    let mut head = [0; DIRENT_BYTES];
    head[..8].copy_from_slice(&entry.cookie.to_le_bytes());
    head[8..16].copy_from_slice(&entry.node.to_le_bytes());
    head[16..20].copy_from_slice(&(entry.name.len() as u32).to_le_bytes());
    head[20] = entry.kind as u8;
    head
}
