//! File descriptors: their objects, rights and flags.

use alloc::{sync::Arc, vec::Vec};

use super::{
    errno::{Errno, Result},
    guest::Guest,
    rights::{self, Rights},
    volume::{Kind, Node},
};
use crate::error::StopReason;

pub(super) const APPEND: u32 = 1;
pub(super) const DSYNC: u32 = 2;
const NONBLOCK: u32 = 4;
const RSYNC: u32 = 8;
pub(super) const SYNC: u32 = 16;

/// All flags of the specification (`fdflags`).
pub(super) const FLAGS: u32 = APPEND | DSYNC | NONBLOCK | RSYNC | SYNC;

/// Open file, directory or stream.
#[derive(Debug, Clone)]
pub(super) struct Descriptor {
    pub(super) object: Object,
    pub(super) base: Rights,
    pub(super) inheriting: Rights,
    pub(super) flags: u32,
    pub(super) offset: u64,
    /// Name of a preopened directory.
    pub(super) name: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Stdin,
    Stdout,
    Stderr,
    File(VolumeNode),
    Directory(VolumeNode),
}

/// Node, with the index of its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VolumeNode {
    pub(super) volume: usize,
    pub(super) node: Node,
}

impl Descriptor {
    fn stream(object: Object, base: Rights) -> Self {
        Descriptor { object, base, inheriting: 0, flags: 0, offset: 0, name: None }
    }

    /// Checks that the descriptor has these rights.
    pub(super) fn require(&self, rights: Rights) -> Result<()> {
        if self.base & rights == rights { Ok(()) } else { Err(Errno::NotCapable.into()) }
    }

    /// Returns the node of a file.
    pub(super) fn file(&self) -> Result<VolumeNode> {
        match self.object {
            Object::File(at) => Ok(at),
            Object::Directory(_) => Err(Errno::IsDir.into()),
            _ => Err(Errno::SPipe.into()),
        }
    }

    /// Returns the node of a directory.
    pub(super) fn directory(&self) -> Result<VolumeNode> {
        match self.object {
            Object::Directory(at) => Ok(at),
            _ => Err(Errno::NotDir.into()),
        }
    }

    /// Returns the node, or `None` for a stream.
    pub(super) fn node(&self) -> Option<VolumeNode> {
        match self.object {
            Object::File(at) | Object::Directory(at) => Some(at),
            _ => None,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.object {
            Object::File(_) => Kind::File,
            Object::Directory(_) => Kind::Directory,
            _ => Kind::Unknown,
        }
    }
}

/// Open descriptors by number.
pub(super) struct Table {
    slots: Vec<Option<Descriptor>>,
    limit: usize,
}

impl Table {
    /// Creates a table with the standard streams, and with the roots of volumes preopened under their names.
    pub(super) fn new(limit: u64, roots: impl IntoIterator<Item = (Arc<str>, VolumeNode)>) -> Self {
        let directory = |(name, at)| Descriptor {
            object: Object::Directory(at),
            base: rights::DIRECTORY,
            inheriting: rights::INHERITED,
            flags: 0,
            offset: 0,
            name: Some(name),
        };
        let mut slots = Vec::from([
            Some(Descriptor::stream(Object::Stdin, rights::STDIN)),
            Some(Descriptor::stream(Object::Stdout, rights::STDOUT)),
            Some(Descriptor::stream(Object::Stderr, rights::STDOUT)),
        ]);
        slots.extend(roots.into_iter().map(|root| Some(directory(root))));
        Table { slots, limit: usize::try_from(limit).unwrap_or(usize::MAX) }
    }

    pub(super) fn get(&mut self, fd: u32) -> Result<&mut Descriptor> {
        let slot = self.slots.get_mut(fd as usize).and_then(Option::as_mut);
        slot.ok_or_else(|| Errno::BadF.into())
    }

    fn take(&mut self, fd: u32) -> Result<Descriptor> {
        let slot = self.slots.get_mut(fd as usize).and_then(Option::take);
        slot.ok_or_else(|| Errno::BadF.into())
    }

    /// Checks that one more descriptor may be opened.
    pub(super) fn check_capacity(&self) -> Result<()> {
        let full = self.slots.len() >= self.limit && self.slots.iter().all(Option::is_some);
        if full { Err(Errno::MFile.into()) } else { Ok(()) }
    }

    /// Adds a descriptor at the lowest free number, and returns that number.
    pub(super) fn add(&mut self, descriptor: Descriptor) -> Result<u32> {
        let at = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        match self.slots.get_mut(at) {
            Some(slot) => *slot = Some(descriptor),
            None => {
                self.slots.try_reserve(1).map_err(|_| StopReason::HostMemory { what: "open files" })?;
                self.slots.push(Some(descriptor));
            }
        }
        Ok(at as u32)
    }
}

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

    pub(super) fn volume(&mut self, volume: usize) -> Result<&mut dyn super::Volume> {
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
