//! The bytes of a file: those it was given with, until it is written to.

use alloc::vec::Vec;

use crate::{error::StopReason, files::FileBytes, wasi::errno::Result, watch::Alarm};

pub(super) enum Data {
    Given(FileBytes),
    Own(Vec<u8>),
}

impl Default for Data {
    fn default() -> Self {
        Data::Own(Vec::new())
    }
}

impl Data {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Data::Given(bytes) => bytes,
            Data::Own(bytes) => bytes,
        }
    }

    /// How many bytes are moved, or set to 0, to make it `end` long, beside those written: a copy of
    /// what was given, what is grown, and once more what moves when it grows.
    pub(super) fn work_of(&self, end: u64) -> u64 {
        let len = self.bytes().len() as u64;
        let copied = if matches!(self, Data::Given(_)) { len } else { 0 };
        copied + end.saturating_sub(len).saturating_mul(2)
    }

    /// Writes; what is missing before it becomes 0. All files may grow by `room`.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], room: u64, alarm: &Alarm) -> Result<()> {
        let start = usize::try_from(offset).map_err(|_| no_memory())?;
        let end = start.checked_add(bytes.len()).ok_or_else(no_memory)?;
        let own = self.own(end, room, alarm)?;
        lengthen(own, start, alarm)?;
        for piece in alarm.pieces(bytes.len()) {
            let piece = piece?;
            let at = start + piece.start;
            let (over, behind) = bytes[piece.clone()].split_at(piece.len().min(own.len() - at));
            own[at..][..over.len()].copy_from_slice(over);
            own.extend_from_slice(behind);
        }
        Ok(())
    }

    /// Cuts it, or makes it longer with 0.
    pub(super) fn resize(&mut self, size: u64, room: u64, alarm: &Alarm) -> Result<()> {
        let size = usize::try_from(size).map_err(|_| no_memory())?;
        let own = self.own(size, room, alarm)?;
        own.truncate(size);
        lengthen(own, size, alarm)?;
        // What a file does not need any more is another's.
        if own.capacity() / 2 > size {
            own.shrink_to_fit();
        }
        Ok(())
    }

    /// Its own bytes, with room for `size`.
    fn own(&mut self, size: usize, room: u64, alarm: &Alarm) -> Result<&mut Vec<u8>> {
        if let Data::Given(bytes) = self {
            let mut own = Vec::new();
            own.try_reserve_exact(bytes.len().max(size)).map_err(|_| no_memory())?;
            for piece in alarm.pieces(bytes.len()) {
                own.extend_from_slice(&bytes[piece?]);
            }
            *self = Data::Own(own);
        }
        let Data::Own(own) = self else { return Err(no_memory().into()) };
        if size > own.capacity() {
            // Doubling, but not past what all files may be.
            let most = own.len().saturating_add(usize::try_from(room).unwrap_or(usize::MAX));
            let wanted = size.max(own.capacity().saturating_mul(2).min(most));
            own.try_reserve_exact(wanted - own.len()).map_err(|_| no_memory())?;
        }
        Ok(own)
    }

    /// What the outcome gets: the same bytes, which the file keeps as if given with them.
    pub(super) fn share(&mut self) -> FileBytes {
        match self {
            Data::Given(bytes) => bytes.clone(),
            Data::Own(own) => {
                let bytes = FileBytes::from(core::mem::take(own));
                *self = Data::Given(bytes.clone());
                bytes
            }
        }
    }
}

/// Makes a file as long as this with 0, if it is shorter; there is room for it.
fn lengthen(own: &mut Vec<u8>, size: usize, alarm: &Alarm) -> Result<()> {
    let len = own.len();
    for piece in alarm.pieces(size.saturating_sub(len)) {
        own.resize(len + piece?.end, 0);
    }
    Ok(())
}

fn no_memory() -> StopReason {
    StopReason::HostMemory { what: "files" }
}
