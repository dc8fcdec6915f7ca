//! File descriptors: their objects, rights and flags.

use alloc::{sync::Arc, vec::Vec};

use super::{
    errno::{Errno, Result},
    rights::{self, Rights},
    volume::{Kind, Node},
};
use crate::error::{HostMemoryUse, HostStop, StopReason};

pub(crate) const APPEND: u32 = 1;
pub(crate) const DSYNC: u32 = 2;
const NONBLOCK: u32 = 4;
const RSYNC: u32 = 8;
pub(crate) const SYNC: u32 = 16;

/// All flags of the specification (`fdflags`).
pub(crate) const FLAGS: u32 = APPEND | DSYNC | NONBLOCK | RSYNC | SYNC;

/// Open file, directory or stream.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub(crate) object: Object,
    pub(crate) base: Rights,
    pub(crate) inheriting: Rights,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    /// Name of a preopened directory.
    pub(crate) name: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    Stdin,
    Stdout,
    Stderr,
    File(VolumeNode),
    Directory(VolumeNode),
}

/// Node, with the index of its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VolumeNode {
    pub(crate) volume: usize,
    pub(crate) node: Node,
}

impl Descriptor {
    fn stream(object: Object, base: Rights) -> Self {
        Descriptor { object, base, inheriting: 0, flags: 0, offset: 0, name: None }
    }

    /// Checks that the descriptor has these rights.
    pub(crate) fn require(&self, rights: Rights) -> Result<()> {
        if self.base & rights == rights { Ok(()) } else { Err(Errno::NotCapable.into()) }
    }

    /// Returns the node of a file.
    pub(crate) fn file(&self) -> Result<VolumeNode> {
        match self.object {
            Object::File(at) => Ok(at),
            Object::Directory(_) => Err(Errno::IsDir.into()),
            _ => Err(Errno::SPipe.into()),
        }
    }

    /// Returns the node of a directory.
    pub(crate) fn directory(&self) -> Result<VolumeNode> {
        match self.object {
            Object::Directory(at) => Ok(at),
            _ => Err(Errno::NotDir.into()),
        }
    }

    /// Returns the node, or `None` for a stream.
    pub(crate) fn node(&self) -> Option<VolumeNode> {
        match self.object {
            Object::File(at) | Object::Directory(at) => Some(at),
            _ => None,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.object {
            Object::File(_) => Kind::File,
            Object::Directory(_) => Kind::Directory,
            _ => Kind::Unknown,
        }
    }
}

/// Open descriptors by number.
pub(crate) struct Table {
    slots: Vec<Option<Descriptor>>,
    limit: usize,
}

impl Table {
    /// Creates a table with the standard streams, and with the roots of volumes preopened under their names.
    pub(crate) fn new(limit: u64, roots: impl IntoIterator<Item = (Arc<str>, VolumeNode)>) -> Self {
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

    pub(crate) fn get(&mut self, fd: u32) -> Result<&mut Descriptor> {
        let slot = self.slots.get_mut(fd as usize).and_then(Option::as_mut);
        slot.ok_or_else(|| Errno::BadF.into())
    }

    pub(crate) fn take(&mut self, fd: u32) -> Result<Descriptor> {
        let slot = self.slots.get_mut(fd as usize).and_then(Option::take);
        slot.ok_or_else(|| Errno::BadF.into())
    }

    /// Checks that one more descriptor may be opened.
    pub(crate) fn check_capacity(&self) -> Result<()> {
        let full = self.slots.len() >= self.limit && self.slots.iter().all(Option::is_some);
        if full { Err(Errno::MFile.into()) } else { Ok(()) }
    }

    /// Adds a descriptor at the lowest free number, and returns that number.
    pub(crate) fn add(&mut self, descriptor: Descriptor) -> Result<u32> {
        let at = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        match self.slots.get_mut(at) {
            Some(slot) => *slot = Some(descriptor),
            None => {
                self.slots
                    .try_reserve(1)
                    .map_err(|_| StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::OpenFiles }))?;
                self.slots.push(Some(descriptor));
            }
        }
        Ok(at as u32)
    }
}
