//! Calls on file descriptors.

use alloc::sync::Arc;

use super::Guest;
use crate::wasi::{
    errno::{Errno, Result},
    fd::{Descriptor, FLAGS, VolumeNode},
    rights::{self, Rights},
    volume::Volume,
};

impl Guest<'_, '_> {
    /// Returns a descriptor; fails if it lacks these rights.
    pub(super) fn fd(&mut self, fd: u32, rights: Rights) -> Result<&mut Descriptor> {
        let descriptor = self.state()?.fds.get(fd)?;
        descriptor.require(rights)?;
        Ok(descriptor)
    }

    /// Returns the node of an open file; fails if the descriptor lacks these rights.
    pub(super) fn file(&mut self, fd: u32, rights: Rights) -> Result<VolumeNode> {
        let descriptor = self.state()?.fds.get(fd)?;
        let at = descriptor.file()?;
        descriptor.require(rights)?;
        Ok(at)
    }

    /// Returns the node of an open directory; fails if the descriptor lacks these rights.
    pub(super) fn directory(&mut self, fd: u32, rights: Rights) -> Result<VolumeNode> {
        let descriptor = self.state()?.fds.get(fd)?;
        let at = descriptor.directory()?;
        descriptor.require(rights)?;
        Ok(at)
    }

    fn release(&mut self, descriptor: &Descriptor) -> Result<()> {
        if let Some(at) = descriptor.node() {
            self.volume(at.volume)?.release(at.node)?;
        }
        Ok(())
    }

    pub(super) fn volume(&mut self, volume: usize) -> Result<&mut dyn Volume> {
        match self.state()?.volumes.get_mut(volume) {
            Some(volume) => Ok(&mut **volume),
            None => Err(Errno::BadF.into()),
        }
    }
}

pub(super) fn close(guest: &mut Guest<'_, '_>, fd: u32) -> Result<()> {
    let closed = guest.state()?.fds.take(fd)?;
    guest.release(&closed)
}

pub(super) fn renumber(guest: &mut Guest<'_, '_>, fd: u32, to: u32) -> Result<()> {
    let fds = &mut guest.state()?.fds;
    fds.get(fd)?;
    fds.get(to)?;
    if fd == to {
        return Ok(());
    }
    let moved = fds.take(fd)?;
    let closed = core::mem::replace(fds.get(to)?, moved);
    guest.release(&closed)
}

pub(super) fn sync(guest: &mut Guest<'_, '_>, fd: u32, right: Rights) -> Result<()> {
    guest.fd(fd, 0)?;
    match guest.fd(fd, right)?.node() {
        Some(at) => guest.volume(at.volume)?.sync(at.node),
        None => Ok(()),
    }
}

pub(super) fn fdstat_get(guest: &mut Guest<'_, '_>, fd: u32, result: u32) -> Result<()> {
    let descriptor = guest.fd(fd, 0)?;
    let mut stat = [0; 24];
    stat[0] = descriptor.kind() as u8;
    stat[2..4].copy_from_slice(&(descriptor.flags as u16).to_le_bytes());
    stat[8..16].copy_from_slice(&descriptor.base.to_le_bytes());
    stat[16..24].copy_from_slice(&descriptor.inheriting.to_le_bytes());
    guest.store(result, &stat)
}

pub(super) fn fdstat_set_flags(guest: &mut Guest<'_, '_>, fd: u32, flags: u32) -> Result<()> {
    let descriptor = guest.fd(fd, rights::FD_FDSTAT_SET_FLAGS)?;
    if flags & !FLAGS != 0 {
        return Err(Errno::Inval.into());
    }
    descriptor.flags = flags;
    Ok(())
}

pub(super) fn fdstat_set_rights(guest: &mut Guest<'_, '_>, fd: u32, base: Rights, inheriting: Rights) -> Result<()> {
    let descriptor = guest.fd(fd, 0)?;
    if base & !descriptor.base != 0 || inheriting & !descriptor.inheriting != 0 {
        return Err(Errno::NotCapable.into());
    }
    (descriptor.base, descriptor.inheriting) = (base, inheriting);
    Ok(())
}

fn name(guest: &mut Guest<'_, '_>, fd: u32) -> Result<Arc<str>> {
    guest.fd(fd, 0)?.name.clone().ok_or_else(|| Errno::BadF.into())
}

pub(super) fn prestat_get(guest: &mut Guest<'_, '_>, fd: u32, result: u32) -> Result<()> {
    let name = name(guest, fd)?;
    // The tag 0 is `preopentype::dir`.
    guest.store_u32(result, 0)?;
    guest.store_u32(result.saturating_add(4), name.len() as u32)
}

pub(super) fn prestat_dir_name(guest: &mut Guest<'_, '_>, fd: u32, ptr: u32, len: u32) -> Result<()> {
    let name = name(guest, fd)?;
    if (len as usize) < name.len() {
        return Err(Errno::NameTooLong.into());
    }
    guest.store(ptr, name.as_bytes())
}

/// Returns the error of socket functions: no descriptor is a socket.
pub(super) fn reject_socket(guest: &mut Guest<'_, '_>, fd: u32) -> Result<()> {
    guest.fd(fd, 0)?;
    Err(Errno::NotSock.into())
}
