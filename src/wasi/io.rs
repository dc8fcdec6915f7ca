//! Reading and writing, by lists of buffers.

use super::{
    State,
    errno::{Errno, Result},
    fd::{APPEND, At, DSYNC, Object, SYNC},
    guest::{Guest, ITEM, Pair},
    rights,
};
use crate::meter;

/// Work for a byte of the log, in bytes moved: the ends of lines are looked for.
const LOG_WORK: u64 = 4;

impl Guest<'_, '_> {
    /// A buffer of a list, whose range is checked. The list is read anew each time, since what is read
    /// may be written over it.
    fn buffer(&mut self, (list, _): Pair, index: u32) -> Result<Pair> {
        let [a, b, c, d, e, f, g, h] = self.load(list.saturating_add(index.saturating_mul(8)))?;
        let (ptr, len) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        self.check(ptr, len)?;
        Ok((ptr, len))
    }

    /// Checks all buffers of a list, charges for them, and adds up their bytes.
    fn sum(&mut self, list: Pair) -> Result<u32> {
        self.charge(u64::from(list.1) * ITEM)?;
        let mut sum: u32 = 0;
        for index in 0..list.1 {
            let (_, len) = self.buffer(list, index)?;
            sum = sum.checked_add(len).ok_or(Errno::Inval)?;
        }
        Ok(sum)
    }

    /// Hands each buffer to `take`, with how far it is from the beginning, until one is not filled.
    fn each(&mut self, list: Pair, mut take: impl FnMut(&mut Self, Pair, u64) -> Result<u32>) -> Result<u32> {
        let mut done: u32 = 0;
        for index in 0..list.1 {
            let (ptr, len) = self.buffer(list, index)?;
            let count = take(self, (ptr, len), u64::from(done))?;
            // A list that was written over could have grown.
            done = done.checked_add(count).ok_or(Errno::Overflow)?;
            if count < len {
                break;
            }
        }
        Ok(done)
    }

    fn read_file(&mut self, at: At, list: Pair, offset: u64) -> Result<u32> {
        let sum = self.sum(list)?;
        let size = self.volume(at.volume)?.stat(at.node)?.size;
        let mut left = size.saturating_sub(offset).min(u64::from(sum));
        self.charge_bytes(left)?;
        let alarm = self.host().alarm();
        self.each(list, |guest, (ptr, len), done| {
            // No more than is paid for.
            let len = u64::from(len).min(left) as u32;
            let range = guest.check(ptr, len)?;
            let (memory, state) = guest.memory_and_state()?;
            let volume = state.volumes.get_mut(at.volume).ok_or(Errno::BadF)?;
            let count = volume.read(at.node, offset.saturating_add(done), &mut memory[range], &alarm)?;
            left -= count as u64;
            Ok(count as u32)
        })
    }

    fn write_file(&mut self, at: At, list: Pair, offset: u64) -> Result<u32> {
        let sum = self.sum(list)?;
        if sum == 0 {
            return Ok(0);
        }
        let end = offset.checked_add(u64::from(sum)).ok_or(Errno::FBig)?;
        let work = self.volume(at.volume)?.work_of(at.node, end)?;
        self.charge_bytes(work.saturating_add(sum.into()))?;
        let now = self.now()?;
        let alarm = self.host().alarm();
        self.each(list, |guest, (ptr, len), done| {
            let range = guest.check(ptr, len)?;
            let (memory, state) = guest.memory_and_state()?;
            let volume = state.volumes.get_mut(at.volume).ok_or(Errno::BadF)?;
            volume.write(at.node, offset.saturating_add(done), &memory[range], now, &alarm)?;
            Ok(len)
        })
    }

    /// Writes through what was written, if the descriptor says so.
    fn sync_written(&mut self, at: At, flags: u32) -> Result<()> {
        if flags & (DSYNC | SYNC) == 0 { Ok(()) } else { self.volume(at.volume)?.sync(at.node) }
    }

    fn read_input(&mut self, list: Pair) -> Result<u32> {
        let sum = self.sum(list)?;
        let mut left = self.host().next_input(sum).len() as u32;
        self.charge_bytes(left.into())?;
        self.each(list, |guest, (ptr, len), _| {
            let range = guest.check(ptr, len.min(left))?;
            let (memory, host) = guest.parts()?;
            let count = range.len() as u32;
            host.give_input(&mut memory[range])?;
            left -= count;
            Ok(count)
        })
    }

    fn write_output(&mut self, list: Pair) -> Result<u32> {
        let sum = self.sum(list)?;
        self.host().check_output(sum)?;
        // The call itself is paid for.
        self.charge(meter::output_call(sum.into()) - meter::HOST_CALL)?;
        self.each(list, |guest, (ptr, len), _| {
            let range = guest.check(ptr, len)?;
            let (memory, host) = guest.parts()?;
            let alarm = host.alarm();
            host.append_output(&memory[range], &alarm)?;
            Ok(len)
        })
    }

    /// Each line costs what a message costs.
    fn write_log(&mut self, list: Pair) -> Result<u32> {
        let sum = self.sum(list)?;
        self.charge_bytes(u64::from(sum) * LOG_WORK)?;
        let alarm = self.host().alarm();
        self.each(list, |guest, (ptr, len), _| {
            let range = guest.check(ptr, len)?;
            let (memory, _) = guest.parts()?;
            let mut lines = 0;
            for piece in alarm.pieces(range.len()) {
                lines += memory[range.clone()][piece?].iter().filter(|byte| **byte == b'\n').count();
            }
            guest.charge(lines as u64 * meter::HOST_CALL)?;
            let (memory, host) = guest.parts()?;
            let mut system = host.system.take();
            let state = system.as_mut().and_then(|system| system.downcast_mut::<State>());
            let written = state.map_or(Ok(()), |state| state.stderr.write(&memory[range], &alarm, host));
            host.system = system;
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
    descriptor.need(rights::FD_READ)?;
    let count = match descriptor.object {
        Object::Input => guest.read_input(list)?,
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
    descriptor.need(rights::FD_WRITE)?;
    let count = match descriptor.object {
        Object::Output => guest.write_output(list)?,
        Object::Log => guest.write_log(list)?,
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
    // To ask where one is, the right to tell is enough.
    let base = match (guest.snapshot, whence) {
        (Preview1, 0) | (Unstable, 2) => Whence::Start,
        (Preview1, 1) | (Unstable, 0) => Whence::Here,
        (Preview1, 2) | (Unstable, 1) => Whence::End,
        _ => return Err(Errno::Inval.into()),
    };
    let right = if base == Whence::Here && offset == 0 { rights::FD_TELL } else { rights::FD_SEEK };
    let at = guest.file(fd, right)?;
    let from = match base {
        Whence::Start => 0,
        Whence::Here => guest.fd(fd, 0)?.offset,
        Whence::End => guest.volume(at.volume)?.stat(at.node)?.size,
    };
    // Places are those that a signed number can tell.
    let place = i64::try_from(from).ok().and_then(|from| from.checked_add(offset)).ok_or(Errno::Overflow)?;
    let place = u64::try_from(place).map_err(|_| Errno::Inval)?;
    guest.fd(fd, 0)?.offset = place;
    guest.store_u64(result, place)
}

#[derive(PartialEq, Eq)]
enum Whence {
    Start,
    Here,
    End,
}

pub(super) fn tell(guest: &mut Guest<'_, '_>, fd: u32, result: u32) -> Result<()> {
    guest.file(fd, rights::FD_TELL)?;
    let place = guest.fd(fd, 0)?.offset;
    guest.store_u64(result, place)
}
