//! Functions that take a path.

use super::{
    guest::{Guest, Pair},
    stat::follow,
};
use crate::wasi::{
    errno::{Errno, Result},
    fd::{self, Descriptor, Object, VolumeNode},
    rights::{self, Rights},
    volume::{Kind, OpenFlags},
};

const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;

/// Arguments of `path_open`.
pub(super) struct OpenArgs {
    pub(super) flags: u32,
    pub(super) oflags: u32,
    pub(super) base: Rights,
    pub(super) inheriting: Rights,
    pub(super) fdflags: u32,
}

pub(super) fn open(guest: &mut Guest<'_, '_>, fd: u32, path: Pair, args: &OpenArgs, result: u32) -> Result<()> {
    let has = |flag| args.oflags & flag != 0;
    let mut needed = rights::PATH_OPEN;
    needed |= if has(CREATE) { rights::PATH_CREATE_FILE } else { 0 };
    needed |= if has(TRUNCATE) { rights::PATH_FILESTAT_SET_SIZE } else { 0 };
    let at = guest.directory(fd, needed)?;
    if args.oflags & !(CREATE | DIRECTORY | EXCLUSIVE | TRUNCATE) != 0 || args.fdflags & !fd::FLAGS != 0 {
        return Err(Errno::Inval.into());
    }
    let inheriting = guest.fd(fd, 0)?.inheriting;
    // Rights that apply to neither files nor directories, such as those of sockets, are ignored.
    if (args.base | args.inheriting) & rights::INHERITED & !inheriting != 0 {
        return Err(Errno::NotCapable.into());
    }
    let flags = OpenFlags {
        follow: follow(args.flags)?,
        create: has(CREATE),
        directory: has(DIRECTORY),
        exclusive: has(EXCLUSIVE),
        truncate: has(TRUNCATE),
        write: args.base & rights::FD_WRITE != 0,
    };
    let path = guest.path(path)?;
    guest.state()?.fds.check_capacity()?;
    let (node, kind) = guest.with_path(at.volume, |volume, now| volume.open((at.node, &path), flags, now))?;
    let at = VolumeNode { volume: at.volume, node };
    let (object, apply) = match kind {
        Kind::Directory => (Object::Directory(at), rights::DIRECTORY),
        _ => (Object::File(at), rights::FILE),
    };
    let opened = guest.state()?.fds.add(Descriptor {
        object,
        base: args.base & apply,
        inheriting: args.inheriting & rights::INHERITED,
        flags: args.fdflags,
        offset: 0,
        name: None,
    })?;
    guest.store_u32(result, opened)
}

pub(super) fn create_directory(guest: &mut Guest<'_, '_>, fd: u32, path: Pair) -> Result<()> {
    let at = guest.directory(fd, rights::PATH_CREATE_DIRECTORY)?;
    let path = guest.path(path)?;
    guest.with_path(at.volume, |volume, now| volume.make_directory((at.node, &path), now))
}

pub(super) fn remove_directory(guest: &mut Guest<'_, '_>, fd: u32, path: Pair) -> Result<()> {
    let at = guest.directory(fd, rights::PATH_REMOVE_DIRECTORY)?;
    let path = guest.path(path)?;
    guest.with_path(at.volume, |volume, now| volume.remove_directory((at.node, &path), now))
}

pub(super) fn unlink_file(guest: &mut Guest<'_, '_>, fd: u32, path: Pair) -> Result<()> {
    let at = guest.directory(fd, rights::PATH_UNLINK_FILE)?;
    let path = guest.path(path)?;
    guest.with_path(at.volume, |volume, now| volume.unlink((at.node, &path), now))
}

pub(super) fn symlink(guest: &mut Guest<'_, '_>, target: Pair, fd: u32, path: Pair) -> Result<()> {
    let at = guest.directory(fd, rights::PATH_SYMLINK)?;
    let (target, path) = (guest.path(target)?, guest.path(path)?);
    guest.with_path(at.volume, |volume, now| volume.symlink(&target, (at.node, &path), now))
}

pub(super) fn readlink(guest: &mut Guest<'_, '_>, fd: u32, path: Pair, (ptr, len): Pair, result: u32) -> Result<()> {
    let at = guest.directory(fd, rights::PATH_READLINK)?;
    let path = guest.path(path)?;
    let target = guest.with_path(at.volume, |volume, _| volume.read_link((at.node, &path)))?;
    let target = target.as_bytes();
    let kept = target.get(..len as usize).unwrap_or(target);
    guest.charge_bytes(kept.len() as u64)?;
    guest.store(ptr, kept)?;
    guest.store_u32(result, kept.len() as u32)
}

pub(super) fn link(
    guest: &mut Guest<'_, '_>,
    fd: u32,
    flags: u32,
    path: Pair,
    new_fd: u32,
    new_path: Pair,
) -> Result<()> {
    let from = guest.directory(fd, rights::PATH_LINK_SOURCE)?;
    let to = guest.directory(new_fd, rights::PATH_LINK_TARGET)?;
    let (path, new_path) = (guest.path(path)?, guest.path(new_path)?);
    if follow(flags)? {
        return Err(Errno::Inval.into());
    }
    let volume = same(from, to)?;
    guest.with_path(volume, |volume, now| volume.link((from.node, &path), (to.node, &new_path), now))
}

pub(super) fn rename(guest: &mut Guest<'_, '_>, fd: u32, path: Pair, new_fd: u32, new_path: Pair) -> Result<()> {
    let from = guest.directory(fd, rights::PATH_RENAME_SOURCE)?;
    let to = guest.directory(new_fd, rights::PATH_RENAME_TARGET)?;
    let (path, new_path) = (guest.path(path)?, guest.path(new_path)?);
    let volume = same(from, to)?;
    guest.with_path(volume, |volume, now| volume.rename((from.node, &path), (to.node, &new_path), now))
}

/// Returns the volume of both nodes; fails if it is not the same.
fn same(from: VolumeNode, to: VolumeNode) -> Result<usize> {
    if from.volume == to.volume { Ok(from.volume) } else { Err(Errno::XDev.into()) }
}
