//! Bytes of a file, shared with the configuration until the first write.

use alloc::vec::Vec;

use crate::{
    data::files::FileBytes,
    error::{HostMemoryUse, HostStop, StopReason},
    sync::watch::Interrupt,
    wasi::errno::Result,
};

/// Bytes of a file.
pub(super) enum Data {
    Shared(FileBytes),
    Owned(Vec<u8>),
}

impl Default for Data {
    fn default() -> Self {
        Data::Owned(Vec::new())
    }
}

impl Data {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Data::Shared(bytes) => bytes,
            Data::Owned(bytes) => bytes,
        }
    }

    /// Returns the bytes that a write up to `end` copies or zeroes, beside those written: the shared bytes, which are
    /// copied, and twice the growth, since growing may also move the bytes.
    pub(super) fn write_work(&self, end: u64) -> u64 {
        let len = self.bytes().len() as u64;
        let copied = if matches!(self, Data::Shared(_)) { len } else { 0 };
        copied + end.saturating_sub(len).saturating_mul(2)
    }

    /// Writes bytes, and fills a hole before them with 0. `room` is the growth that the limit on all files leaves.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], room: u64, interrupt: &Interrupt) -> Result<()> {
        let start = usize::try_from(offset).map_err(|_| no_memory())?;
        let end = start.checked_add(bytes.len()).ok_or_else(no_memory)?;
        let owned = self.owned_mut(end, room, interrupt)?;
        extend_with_zeros(owned, start, interrupt)?;
        let mut at = start;
        for piece in interrupt.chunks(bytes) {
            let piece = piece?;
            let rest = owned.get_mut(at..).unwrap_or_default();
            let (over, past) = piece.split_at(piece.len().min(rest.len()));
            let (to, _) = rest.split_at_mut(over.len());
            to.copy_from_slice(over);
            owned.extend_from_slice(past);
            at += piece.len();
        }
        Ok(())
    }

    /// Truncates the file, or extends it with 0.
    pub(super) fn resize(&mut self, size: u64, room: u64, interrupt: &Interrupt) -> Result<()> {
        let size = usize::try_from(size).map_err(|_| no_memory())?;
        let owned = self.owned_mut(size, room, interrupt)?;
        owned.truncate(size);
        extend_with_zeros(owned, size, interrupt)?;
        // Frees memory that the file no longer needs.
        if owned.capacity() / 2 > size {
            owned.shrink_to_fit();
        }
        Ok(())
    }

    /// Returns owned bytes with capacity for `size`; copies shared ones first.
    fn owned_mut(&mut self, size: usize, room: u64, interrupt: &Interrupt) -> Result<&mut Vec<u8>> {
        if let Data::Shared(bytes) = self {
            let mut owned = Vec::new();
            owned.try_reserve_exact(bytes.len().max(size)).map_err(|_| no_memory())?;
            for piece in interrupt.chunks(bytes) {
                owned.extend_from_slice(piece?);
            }
            *self = Data::Owned(owned);
        }
        let Data::Owned(owned) = self else { return Err(no_memory().into()) };
        if size > owned.capacity() {
            // Doubles the capacity, within the limit on all files.
            let most = owned.len().saturating_add(usize::try_from(room).unwrap_or(usize::MAX));
            let wanted = size.max(owned.capacity().saturating_mul(2).min(most));
            owned.try_reserve_exact(wanted - owned.len()).map_err(|_| no_memory())?;
        }
        Ok(owned)
    }

    /// Returns the bytes for the outcome. The file shares them from then on.
    pub(super) fn share(&mut self) -> FileBytes {
        match self {
            Data::Shared(bytes) => bytes.clone(),
            Data::Owned(owned) => {
                let bytes = FileBytes::from(core::mem::take(owned));
                *self = Data::Shared(bytes.clone());
                bytes
            }
        }
    }
}

/// Extends a file to `size` with 0, if it is shorter. The capacity is already reserved.
fn extend_with_zeros(owned: &mut Vec<u8>, size: usize, interrupt: &Interrupt) -> Result<()> {
    let len = owned.len();
    for piece in interrupt.pieces(size.saturating_sub(len)) {
        owned.resize(len + piece?.end, 0);
    }
    Ok(())
}

fn no_memory() -> StopReason {
    StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Files })
}
