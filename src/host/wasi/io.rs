//! Reading and writing with lists of buffers (`iovec`, `ciovec`), and seeking.

use core::mem;

use super::{
    guest::{Guest, ITEM, Pair},
    rights,
};
use crate::{
    engine::meter,
    host,
    wasi::{
        errno::{Errno, Result},
        fd::{APPEND, DSYNC, Object, SYNC, VolumeNode},
    },
};

/// Cost of one byte of the log, in moved bytes: it is searched for line ends.
const LOG_WORK: u64 = 4;

impl Guest<'_, '_> {
    /// Reads a buffer of a list and checks its range. The list is read again each time, since the call may overwrite
    /// it.
    fn buffer(&mut self, (list, _): Pair, index: u32) -> Result<Pair> {
        let [a, b, c, d, e, f, g, h] = self.load(list.saturating_add(index.saturating_mul(8)))?;
        let (ptr, len) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        self.check(ptr, len)?;
        Ok((ptr, len))
    }

    /// Checks all buffers of a list, charges for them, and returns their total length.
    fn sum(&mut self, list: Pair) -> Result<u32> {
        self.charge(u64::from(list.1) * ITEM)?;
        let mut sum: u32 = 0;
        for index in 0..list.1 {
            let (_, len) = self.buffer(list, index)?;
            sum = sum.checked_add(len).ok_or(Errno::Inval)?;
        }
        Ok(sum)
    }

    /// Calls `transfer` with each buffer and the bytes transferred before it, until one is not filled. Returns the
    /// total of bytes transferred.
    fn each(&mut self, list: Pair, mut transfer: impl FnMut(&mut Self, Pair, u64) -> Result<u32>) -> Result<u32> {
        let mut done: u32 = 0;
        for index in 0..list.1 {
            let (ptr, len) = self.buffer(list, index)?;
            let count = transfer(self, (ptr, len), u64::from(done))?;
            // If the call has overwritten the list, the total can differ from the checked one.
            done = done.checked_add(count).ok_or(Errno::Overflow)?;
            if count < len {
                break;
            }
        }
        Ok(done)
    }

    fn read_file(&mut self, at: VolumeNode, list: Pair, offset: u64) -> Result<u32> {
        let sum = self.sum(list)?;
        let size = self.volume(at.volume)?.stat(at.node)?.size;
        let mut left = size.saturating_sub(offset).min(u64::from(sum));
        self.charge_bytes(left)?;
        let interrupt = self.host().interrupt();
        self.each(list, |guest, (ptr, len), done| {
            // At most the bytes already charged for.
            let len = u64::from(len).min(left) as u32;
            let range = guest.check(ptr, len)?;
            let (memory, state) = guest.memory_and_state()?;
            let volume = state.volumes.get_mut(at.volume).ok_or(Errno::BadF)?;
            let count = volume.read(at.node, offset.saturating_add(done), host::checked(memory, range), &interrupt)?;
            left -= count as u64;
            Ok(count as u32)
        })
    }

    fn write_file(&mut self, at: VolumeNode, list: Pair, offset: u64) -> Result<u32> {
        let sum = self.sum(list)?;
        if sum == 0 {
            return Ok(0);
        }
        let end = offset.checked_add(u64::from(sum)).ok_or(Errno::FBig)?;
        let work = self.volume(at.volume)?.write_work(at.node, end)?;
        self.charge_bytes(work.saturating_add(sum.into()))?;
        let now = self.now()?;
        let interrupt = self.host().interrupt();
        self.each(list, |guest, (ptr, len), done| {
            let range = guest.check(ptr, len)?;
            let (memory, state) = guest.memory_and_state()?;
            let volume = state.volumes.get_mut(at.volume).ok_or(Errno::BadF)?;
            volume.write(at.node, offset.saturating_add(done), host::checked(memory, range), now, &interrupt)?;
            Ok(len)
        })
    }

    /// Syncs the file after a write if the descriptor has the flag `sync` or `dsync`.
    fn sync_written(&mut self, at: VolumeNode, flags: u32) -> Result<()> {
        if flags & (DSYNC | SYNC) == 0 { Ok(()) } else { self.volume(at.volume)?.sync(at.node) }
    }

    fn read_input(&mut self, list: Pair) -> Result<u32> {
        let sum = self.sum(list)?;
        let mut left = self.host().next_input(sum).len() as u32;
        self.charge_bytes(left.into())?;
        self.each(list, |guest, (ptr, len), _| {
            let range = guest.check(ptr, len.min(left))?;
            let (memory, host) = guest.memory_and_host()?;
            let count = range.len() as u32;
            host.copy_input(host::checked(memory, range))?;
            left -= count;
            Ok(count)
        })
    }

    fn write_output(&mut self, list: Pair) -> Result<u32> {
        let sum = self.sum(list)?;
        self.host().check_output(sum)?;
        // The base cost of the call is already charged.
        self.charge(meter::output_call(sum.into()) - meter::HOST_CALL)?;
        self.each(list, |guest, (ptr, len), _| {
            let range = guest.check(ptr, len)?;
            let (memory, host) = guest.memory_and_host()?;
            let interrupt = host.interrupt();
            host.append_output(host::checked(memory, range), &interrupt)?;
            Ok(len)
        })
    }

    /// Writes buffers to the log. Each line costs as much as a log message.
    fn write_log(&mut self, list: Pair) -> Result<u32> {
        let sum = self.sum(list)?;
        self.charge_bytes(u64::from(sum) * LOG_WORK)?;
        let interrupt = self.host().interrupt();
        self.each(list, |guest, (ptr, len), _| {
            let range = guest.check(ptr, len)?;
            let (memory, _) = guest.memory_and_host()?;
            let mut lines = 0;
            for piece in interrupt.chunks(host::checked(memory, range.clone())) {
                lines += piece?.iter().filter(|byte| **byte == b'\n').count();
            }
            guest.charge(lines as u64 * meter::HOST_CALL)?;
            let (memory, host) = guest.memory_and_host()?;
            // Taken out of the state, since the lines go to another part of it.
            let mut stderr = host.wasi.as_mut().map(|state| mem::take(&mut state.stderr)).unwrap_or_default();
            let written = stderr.write(host::checked(memory, range), &interrupt, host);
            if let Some(state) = &mut host.wasi {
                state.stderr = stderr;
            }
            written?;
            Ok(len)
        })
    }
}

pub(super) fn read(guest: &mut Guest<'_, '_>, fd: u32, list: Pair, result: u32) -> Result<()> {
    let descriptor = guest.fd(fd, 0)?.clone();
    if let Object::Directory(_) = descriptor.object {
        return Err(Errno::IsDir.into());
    }
    descriptor.require(rights::FD_READ)?;
    let count = match descriptor.object {
        Object::Stdin => guest.read_input(list)?,
        _ => {
            let count = guest.read_file(descriptor.file()?, list, descriptor.offset)?;
            guest.fd(fd, 0)?.offset = descriptor.offset.saturating_add(count.into());
            count
        }
    };
    guest.store_u32(result, count)
}

pub(super) fn write(guest: &mut Guest<'_, '_>, fd: u32, list: Pair, result: u32) -> Result<()> {
    let descriptor = guest.fd(fd, 0)?.clone();
    if let Object::Directory(_) = descriptor.object {
        return Err(Errno::IsDir.into());
    }
    descriptor.require(rights::FD_WRITE)?;
    let count = match descriptor.object {
        Object::Stdout => guest.write_output(list)?,
        Object::Stderr => guest.write_log(list)?,
        _ => {
            let at = descriptor.file()?;
            let offset = match descriptor.flags & APPEND {
                0 => descriptor.offset,
                _ => guest.volume(at.volume)?.stat(at.node)?.size,
            };
            let count = guest.write_file(at, list, offset)?;
            guest.fd(fd, 0)?.offset = offset.saturating_add(count.into());
            guest.sync_written(at, descriptor.flags)?;
            count
        }
    };
    guest.store_u32(result, count)
}

pub(super) fn pread(guest: &mut Guest<'_, '_>, fd: u32, list: Pair, offset: u64, result: u32) -> Result<()> {
    let at = guest.file(fd, rights::FD_READ | rights::FD_SEEK)?;
    if i64::try_from(offset).is_err() {
        return Err(Errno::Inval.into());
    }
    let count = guest.read_file(at, list, offset)?;
    guest.store_u32(result, count)
}

pub(super) fn pwrite(guest: &mut Guest<'_, '_>, fd: u32, list: Pair, offset: u64, result: u32) -> Result<()> {
    let at = guest.file(fd, rights::FD_WRITE | rights::FD_SEEK)?;
    if i64::try_from(offset).is_err() {
        return Err(Errno::Inval.into());
    }
    let flags = guest.fd(fd, 0)?.flags;
    let offset = match flags & APPEND {
        0 => offset,
        _ => guest.volume(at.volume)?.stat(at.node)?.size,
    };
    let count = guest.write_file(at, list, offset)?;
    guest.sync_written(at, flags)?;
    guest.store_u32(result, count)
}

pub(super) fn seek(guest: &mut Guest<'_, '_>, fd: u32, offset: i64, whence: u32, result: u32) -> Result<()> {
    use crate::abi::wasi::Snapshot::{Preview1, Unstable};
    guest.fd(fd, 0)?.file()?;
    let base = match (guest.snapshot, whence) {
        (Preview1, 0) | (Unstable, 2) => Whence::Start,
        (Preview1, 1) | (Unstable, 0) => Whence::Here,
        (Preview1, 2) | (Unstable, 1) => Whence::End,
        _ => return Err(Errno::Inval.into()),
    };
    // `FD_TELL` is enough to query the current offset.
    let right = if base == Whence::Here && offset == 0 { rights::FD_TELL } else { rights::FD_SEEK };
    let at = guest.file(fd, right)?;
    let from = match base {
        Whence::Start => 0,
        Whence::Here => guest.fd(fd, 0)?.offset,
        Whence::End => guest.volume(at.volume)?.stat(at.node)?.size,
    };
    // Offsets are limited to non-negative signed 64-bit values.
    let new = i64::try_from(from).ok().and_then(|from| from.checked_add(offset)).ok_or(Errno::Overflow)?;
    let new = u64::try_from(new).map_err(|_| Errno::Inval)?;
    guest.fd(fd, 0)?.offset = new;
    guest.store_u64(result, new)
}

#[derive(PartialEq, Eq)]
enum Whence {
    Start,
    Here,
    End,
}

pub(super) fn tell(guest: &mut Guest<'_, '_>, fd: u32, result: u32) -> Result<()> {
    guest.file(fd, rights::FD_TELL)?;
    let offset = guest.fd(fd, 0)?.offset;
    guest.store_u64(result, offset)
}
