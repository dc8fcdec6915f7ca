//! File attributes: size and timestamps.

use super::guest::{Guest, ITEM, Pair};
use crate::{
    abi::wasi::Snapshot,
    wasi::{
        errno::{Errno, Result},
        fd::Object,
        rights,
        volume::{Kind, Stat, Times, Volume},
    },
};

/// The flag `symlink_follow`: follow a link at the end of a path.
pub(super) const FOLLOW: u32 = 1;

const ATIM: u32 = 1;
const ATIM_NOW: u32 = 2;
const MTIM: u32 = 4;
const MTIM_NOW: u32 = 8;

/// Arguments of `set_times`: access time, modification time, and the flags that select them.
pub(super) type SetTimes = (u64, u64, u32);

pub(super) fn get(guest: &mut Guest<'_, '_>, fd: u32, result: u32) -> Result<()> {
    let descriptor = guest.fd(fd, 0)?.clone();
    descriptor.require(rights::FD_FILESTAT_GET)?;
    match descriptor.node() {
        Some(at) => {
            let stat = guest.volume(at.volume)?.stat(at.node)?;
            put(guest, at.volume as u64 + 1, &stat, result)
        }
        None => {
            let node = match descriptor.object {
                Object::Stdin => 0,
                Object::Stdout => 1,
                _ => 2,
            };
            let stat = Stat { node, kind: Kind::Unknown, links: 1, size: 0, times: Times::default() };
            put(guest, 0, &stat, result)
        }
    }
}

pub(super) fn get_at(guest: &mut Guest<'_, '_>, fd: u32, flags: u32, path: Pair, result: u32) -> Result<()> {
    let at = guest.directory(fd, rights::PATH_FILESTAT_GET)?;
    let follow = follow(flags)?;
    let path = guest.path(path)?;
    let stat = guest.with_path(at.volume, |volume, _| volume.stat_at((at.node, &path), follow))?;
    put(guest, at.volume as u64 + 1, &stat, result)
}

/// Returns whether the flags ask to follow a link at the end of the path.
pub(super) fn follow(flags: u32) -> Result<bool> {
    if flags & !FOLLOW == 0 { Ok(flags == FOLLOW) } else { Err(Errno::Inval.into()) }
}

#[expect(clippy::indexing_slicing, reason = "the last four numbers begin at 24 or 32, and take 32 of the 64 bytes")]
fn put(guest: &mut Guest<'_, '_>, device: u64, stat: &Stat, result: u32) -> Result<()> {
    let Times { accessed, modified, changed } = stat.times;
    let mut bytes = [0; 64];
    let mut at = 24;
    bytes[..8].copy_from_slice(&device.to_le_bytes());
    bytes[8..16].copy_from_slice(&stat.node.to_le_bytes());
    bytes[16] = stat.kind as u8;
    match guest.snapshot {
        Snapshot::Unstable => bytes[20..24].copy_from_slice(&(stat.links as u32).to_le_bytes()),
        Snapshot::Preview1 => {
            bytes[24..32].copy_from_slice(&stat.links.to_le_bytes());
            at = 32;
        }
    }
    for value in [stat.size, accessed, modified, changed] {
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        at += 8;
    }
    guest.store(result, &bytes[..at])
}

pub(super) fn set_size(guest: &mut Guest<'_, '_>, fd: u32, size: u64) -> Result<()> {
    let at = guest.file(fd, rights::FD_FILESTAT_SET_SIZE)?;
    if i64::try_from(size).is_err() {
        return Err(Errno::Inval.into());
    }
    let work = guest.volume(at.volume)?.write_work(at.node, size)?;
    guest.charge_bytes(work)?;
    let (now, interrupt) = (guest.now()?, guest.host().interrupt());
    guest.volume(at.volume)?.set_size(at.node, size, now, &interrupt)
}

pub(super) fn allocate(guest: &mut Guest<'_, '_>, fd: u32, offset: u64, len: u64) -> Result<()> {
    let at = guest.file(fd, rights::FD_ALLOCATE)?;
    let end = offset.checked_add(len).filter(|end| i64::try_from(*end).is_ok()).ok_or(Errno::FBig)?;
    if len == 0 {
        return Err(Errno::Inval.into());
    }
    if end <= guest.volume(at.volume)?.stat(at.node)?.size {
        return Ok(());
    }
    let work = guest.volume(at.volume)?.write_work(at.node, end)?;
    guest.charge_bytes(work)?;
    let (now, interrupt) = (guest.now()?, guest.host().interrupt());
    guest.volume(at.volume)?.set_size(at.node, end, now, &interrupt)
}

/// Checks the arguments; the advice has no effect.
pub(super) fn advise(guest: &mut Guest<'_, '_>, fd: u32, offset: u64, len: u64, advice: u32) -> Result<()> {
    guest.file(fd, rights::FD_ADVISE)?;
    if advice > 5 || offset.checked_add(len).is_none() { Err(Errno::Inval.into()) } else { Ok(()) }
}

pub(super) fn set_times(guest: &mut Guest<'_, '_>, fd: u32, atim: u64, mtim: u64, flags: u32) -> Result<()> {
    let descriptor = guest.fd(fd, rights::FD_FILESTAT_SET_TIMES)?;
    let at = descriptor.node().ok_or(Errno::BadF)?;
    let now = guest.now()?;
    let times = times((atim, mtim, flags), now)?;
    guest.volume(at.volume)?.set_times(at.node, times, now)
}

pub(super) fn set_times_at(guest: &mut Guest<'_, '_>, fd: u32, flags: u32, path: Pair, set: SetTimes) -> Result<()> {
    let at = guest.directory(fd, rights::PATH_FILESTAT_SET_TIMES)?;
    let follow = follow(flags)?;
    let path = guest.path(path)?;
    let times = times(set, guest.now()?)?;
    guest.with_path(at.volume, |volume, now| volume.set_times_at((at.node, &path), follow, times, now))
}

/// Returns the times to set.
fn times((atim, mtim, flags): SetTimes, now: u64) -> Result<(Option<u64>, Option<u64>)> {
    let one = |time, set, set_now| match (flags & set != 0, flags & set_now != 0) {
        (true, true) => Err(Errno::Inval),
        (true, false) => Ok(Some(time)),
        (false, true) => Ok(Some(now)),
        (false, false) => Ok(None),
    };
    if flags & !(ATIM | ATIM_NOW | MTIM | MTIM_NOW) != 0 {
        return Err(Errno::Inval.into());
    }
    Ok((one(atim, ATIM, ATIM_NOW)?, one(mtim, MTIM, MTIM_NOW)?))
}

impl Guest<'_, '_> {
    /// Performs an operation that resolves paths, and then charges for the names looked up, which are some thousand at
    /// most.
    pub(super) fn with_path<R>(
        &mut self,
        volume: usize,
        body: impl FnOnce(&mut dyn Volume, u64) -> Result<R>,
    ) -> Result<R> {
        let now = self.now()?;
        let volume = self.volume(volume)?;
        let result = body(volume, now);
        let work = volume.take_work();
        self.charge(work.saturating_mul(ITEM))?;
        result
    }
}
