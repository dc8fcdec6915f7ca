//! A directory of the host, as a volume: every effect on the host goes through here.

use alloc::{collections::BTreeMap, string::String, sync::Arc};
use core::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, File, FileExt, Metadata, MetadataExt};
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::{
    errno::{Errno, Result},
    volume::{Entry, How, Kind, Node, Place, Stat, Times, Volume},
};
use crate::{
    config::dirs::Access,
    error::StopReason,
    files::{Changes, FileBytes, MAX_PATH_BYTES},
    watch::Alarm,
};

mod carry;
mod error;
mod known;
mod listing;
mod open;
mod resolve;
mod roots;
mod system;

pub(crate) use self::roots::Roots;
use self::{known::Known, listing::Listing, resolve::Found, roots::Root};

/// What a system call costs, in names looked up in memory.
const CALL: u64 = 25;

/// What it costs to wait for a disk.
const SYNC: u64 = 2_500;

/// What it costs to make a file, directory or link. The system looks for a place for it, which takes hundreds of
/// microseconds where many have been removed just before.
const MAKE: u64 = 2_500;

/// A directory of the host, as one run sees it.
pub(super) struct Mount {
    root: Arc<Root>,
    known: Known,
    held: BTreeMap<Node, Held>,
    work: AtomicU64,
    /// Whether the guest sees the times of files: they would be a clock for one that has none.
    times: bool,
}

/// What descriptors hold open.
struct Held {
    count: u64,
    handle: Handle,
}

enum Handle {
    /// `write` tells whether it can be written to.
    File {
        file: File,
        write: bool,
    },
    Directory {
        dir: Arc<Dir>,
        parent: Node,
        listing: Option<Listing>,
    },
}

impl Handle {
    fn metadata(&self) -> Result<Metadata> {
        Ok(match self {
            Handle::File { file, .. } => file.metadata()?,
            Handle::Directory { dir, .. } => dir.dir_metadata()?,
        })
    }
}

fn kind_of(meta: &Metadata) -> Kind {
    let ty = meta.file_type();
    if ty.is_dir() {
        Kind::Directory
    } else if ty.is_file() {
        Kind::File
    } else if ty.is_symlink() {
        Kind::Link
    } else {
        Kind::Unknown
    }
}

impl Mount {
    fn new(root: Arc<Root>, times: bool) -> Self {
        let mut mount =
            Mount { known: Known::new(&root.config), root, held: BTreeMap::new(), work: AtomicU64::new(0), times };
        let node = mount.known.number(mount.root.id, |_| true);
        let dir = Arc::clone(&mount.root.dir);
        mount.held.insert(node, Held { count: 1, handle: Handle::Directory { dir, parent: node, listing: None } });
        mount
    }

    /// What the guest is told: nothing that is the host's own, such as its numbers.
    fn stat_of(&self, node: Node, meta: &Metadata) -> Stat {
        let ns = |seconds: i64, ns: i64| {
            let since_1970 = i128::from(seconds) * 1_000_000_000 + i128::from(ns);
            u64::try_from(since_1970).ok().filter(|_| self.times).unwrap_or_default()
        };
        let kind = kind_of(meta);
        let (links, size) = match kind {
            Kind::File | Kind::Link => (meta.nlink(), meta.len()),
            _ => (1, 0),
        };
        let modified = ns(meta.mtime(), meta.mtime_nsec());
        let accessed = ns(meta.atime(), meta.atime_nsec());
        Stat { node, kind, links, size, times: Times { accessed, modified, changed: modified } }
    }

    fn spend(&self, work: u64) {
        self.work.fetch_add(work, Ordering::Relaxed);
    }

    /// Checks that this may be written to.
    fn check_writable(&self) -> Result<()> {
        if self.root.config.access == Access::Write { Ok(()) } else { Err(Errno::RoFs.into()) }
    }

    fn handle(&self, node: Node) -> Result<&Handle> {
        self.held.get(&node).map(|held| &held.handle).ok_or_else(|| Errno::BadF.into())
    }

    fn directory(&self, node: Node) -> Result<&Arc<Dir>> {
        match self.handle(node)? {
            Handle::Directory { dir, .. } => Ok(dir),
            Handle::File { .. } => Err(Errno::NotDir.into()),
        }
    }

    fn file(&self, node: Node) -> Result<(&File, bool)> {
        match self.handle(node)? {
            Handle::File { file, write } => Ok((file, *write)),
            Handle::Directory { .. } => Err(Errno::IsDir.into()),
        }
    }

    /// The number that the guest knows a file by.
    fn number(&mut self, meta: &Metadata) -> Node {
        let held = &self.held;
        self.known.number((meta.dev(), meta.ino()), |node| held.contains_key(&node))
    }

    /// The size of a file that can be written to.
    fn size_to_write(&self, node: Node) -> Result<u64> {
        self.check_writable()?;
        self.spend(CALL);
        match self.file(node)? {
            (file, true) => Ok(file.metadata()?.len()),
            (_, false) => Err(Errno::Inval.into()),
        }
    }

    /// Counts a name that was just made.
    fn made(&mut self, dir: &Dir, name: &str) {
        self.spend(CALL);
        let node = dir.symlink_metadata(name).ok().map(|meta| self.number(&meta));
        self.known.made(node);
    }

    /// Counts a name that was just taken away.
    fn removed(&mut self, meta: &Metadata) {
        let last = meta.is_dir() || meta.nlink() <= 1;
        let node = self.number(meta);
        self.known.removed(node);
        if last && !self.held.contains_key(&node) {
            self.known.forget(node);
        }
    }

    fn change_times(&self, dir: &Dir, name: &str, times: &Timestamps) -> Result<()> {
        self.spend(CALL);
        rustix::fs::utimensat(dir, name, times, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }
}

/// `now` is the clock of the run; a file of the host gets the host's.
fn timestamps((accessed, modified): (Option<u64>, Option<u64>), now: u64) -> Timestamps {
    let spec = |time: Option<u64>| match time {
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ },
        Some(time) if time == now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW as _ },
        Some(time) => Timespec { tv_sec: (time / 1_000_000_000) as _, tv_nsec: (time % 1_000_000_000) as _ },
    };
    Timestamps { last_access: spec(accessed), last_modification: spec(modified) }
}

impl Volume for Mount {
    fn open(&mut self, at: Place<'_>, how: How, _: u64) -> Result<(Node, Kind)> {
        self.open_path(at, how)
    }

    fn hold(&mut self, node: Node) {
        if let Some(held) = self.held.get_mut(&node) {
            held.count += 1;
        }
    }

    fn release(&mut self, node: Node) -> Result<()> {
        let Some(held) = self.held.get_mut(&node) else { return Ok(()) };
        held.count = held.count.saturating_sub(1);
        if held.count > 0 {
            return Ok(());
        }
        self.spend(CALL);
        // Its number may be given to another file from now on.
        let gone = self.handle(node).and_then(Handle::metadata).is_ok_and(|meta| meta.nlink() == 0);
        self.held.remove(&node);
        if gone {
            self.known.forget(node);
        }
        Ok(())
    }

    fn stat(&mut self, node: Node) -> Result<Stat> {
        self.spend(CALL);
        Ok(self.stat_of(node, &self.handle(node)?.metadata()?))
    }

    fn stat_at(&mut self, at: Place<'_>, follow: bool) -> Result<Stat> {
        let meta = self.resolve(at, follow)?.there()?;
        let node = self.number(&meta);
        Ok(self.stat_of(node, &meta))
    }

    fn set_times(&mut self, node: Node, times: (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        self.check_writable()?;
        let times = timestamps(times, now);
        match self.handle(node)? {
            Handle::Directory { dir, .. } => self.change_times(dir, ".", &times),
            Handle::File { file, .. } => {
                self.spend(CALL);
                rustix::fs::futimens(file, &times)?;
                Ok(())
            }
        }
    }

    fn set_times_at(&mut self, at: Place<'_>, follow: bool, times: (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        let found = self.resolve(at, follow)?;
        found.there()?;
        self.check_writable()?;
        self.change_times(&found.dir, found.name.as_deref().unwrap_or("."), &timestamps(times, now))
    }

    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], alarm: &Alarm) -> Result<usize> {
        self.spend(CALL);
        let (file, _) = self.file(node)?;
        let mut count = 0;
        for piece in alarm.pieces(to.len()) {
            let end = piece?.end;
            while count < end {
                match file.read_at(&mut to[count..end], offset.saturating_add(count as u64)) {
                    Ok(0) => return Ok(count),
                    Ok(more) => count += more,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(count)
    }

    fn work_of(&mut self, node: Node, end: u64) -> Result<u64> {
        let size = self.size_to_write(node)?;
        self.known.check_growth(size, end)?;
        Ok(0)
    }

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], _: u64, alarm: &Alarm) -> Result<()> {
        let size = self.size_to_write(node)?;
        let end = offset.checked_add(bytes.len() as u64).ok_or(Errno::FBig)?;
        self.known.check_growth(size, end)?;
        self.spend(CALL);
        let (file, _) = self.file(node)?;
        let written = alarm.pieces(bytes.len()).try_for_each(|piece| -> Result<()> {
            let piece = piece?;
            Ok(file.write_all_at(&bytes[piece.clone()], offset + piece.start as u64)?)
        });
        // A part may be there.
        let end = if written.is_ok() { end } else { file.metadata()?.len().min(end) };
        self.known.resized(node, size, end.max(size));
        written?;
        Ok(())
    }

    fn set_size(&mut self, node: Node, end: u64, _: u64, _: &Alarm) -> Result<()> {
        let size = self.size_to_write(node)?;
        self.known.check_growth(size, end)?;
        self.spend(CALL);
        self.file(node)?.0.set_len(end)?;
        self.known.resized(node, size, end);
        Ok(())
    }

    fn sync(&mut self, node: Node) -> Result<()> {
        self.spend(SYNC);
        match self.handle(node)? {
            Handle::File { file, .. } => file.sync_all()?,
            // The handle itself is one to look names up by.
            Handle::Directory { dir, .. } => dir.open(".")?.sync_all()?,
        }
        Ok(())
    }

    fn list(&mut self, directory: Node, cookie: u64, room: usize) -> Result<()> {
        self.list_from(directory, cookie, room)
    }

    fn entry(&self, directory: Node, cookie: u64) -> Result<Option<Entry<'_>>> {
        let Handle::Directory { parent, listing, .. } = self.handle(directory)? else {
            return Err(Errno::NotDir.into());
        };
        Ok(listing.as_ref().and_then(|listing| listing.entry(directory, *parent, cookie)))
    }

    fn make_directory(&mut self, at: Place<'_>, _: u64) -> Result<()> {
        let (dir, name, _) = self.resolve(at, false)?.free()?;
        self.check_new_name()?;
        self.spend(MAKE);
        dir.create_dir(&name)?;
        self.made(&dir, &name);
        Ok(())
    }

    fn remove_directory(&mut self, at: Place<'_>, _: u64) -> Result<()> {
        let found = self.resolve(at, false)?;
        let meta = found.meta.ok_or(Errno::NoEnt)?;
        if !meta.is_dir() {
            return Err(Errno::NotDir.into());
        }
        let is_root = (meta.dev(), meta.ino()) == self.root.id;
        let name = found.name.ok_or(if is_root { Errno::Busy } else { Errno::Inval })?;
        self.check_writable()?;
        self.spend(CALL);
        found.dir.remove_dir(name)?;
        self.removed(&meta);
        Ok(())
    }

    fn unlink(&mut self, at: Place<'_>, _: u64) -> Result<()> {
        let found = self.resolve(at, false)?;
        let meta = found.meta.ok_or(Errno::NoEnt)?;
        if meta.is_dir() {
            return Err(Errno::IsDir.into());
        }
        let name = found.name.ok_or(Errno::IsDir)?;
        if found.slash {
            return Err(Errno::NotDir.into());
        }
        self.check_writable()?;
        self.spend(CALL);
        found.dir.remove_file(name)?;
        self.removed(&meta);
        Ok(())
    }

    fn link(&mut self, from: Place<'_>, to: Place<'_>, _: u64) -> Result<()> {
        let source = self.resolve(from, false)?;
        let meta = source.there()?;
        let name = source.name.filter(|_| !meta.is_dir()).ok_or(Errno::Perm)?;
        let (dir, new_name, slash) = self.resolve(to, false)?.free()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.check_new_name()?;
        // Of a symbolic link this is another name of the link itself.
        self.check_carried(&source.dir, &name, &meta)?;
        source.dir.hard_link(&name, &dir, &new_name)?;
        self.made(&dir, &new_name);
        Ok(())
    }

    fn symlink(&mut self, target: &str, at: Place<'_>, _: u64) -> Result<()> {
        if target.is_empty() {
            return Err(Errno::NoEnt.into());
        }
        // Others on the host may follow it, and then it must not lead them out either.
        if target.starts_with('/') || target.split('/').any(|name| name == "..") {
            return Err(Errno::NotCapable.into());
        }
        if target.len() > MAX_PATH_BYTES {
            return Err(Errno::NameTooLong.into());
        }
        let (dir, name, slash) = self.resolve(at, false)?.free()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.check_new_name()?;
        self.spend(MAKE);
        dir.symlink_contents(target, &name)?;
        self.made(&dir, &name);
        Ok(())
    }

    fn target(&mut self, at: Place<'_>) -> Result<String> {
        let found = self.resolve(at, false)?;
        match (kind_of(&found.there()?), &found.name) {
            (Kind::Link, Some(name)) => {
                let target = self.link_of(&found.dir, name)?;
                // Where things are on the host is nothing for the guest.
                if target.starts_with('/') { Err(Errno::NotCapable.into()) } else { Ok(target) }
            }
            _ => Err(Errno::Inval.into()),
        }
    }

    fn rename(&mut self, from: Place<'_>, to: Place<'_>, _: u64) -> Result<()> {
        let source = self.resolve(from, false)?;
        let meta = source.there()?;
        let target = self.resolve(to, false)?;
        let (Some(name), Some(new_name)) = (&source.name, &target.name) else { return Err(Errno::Busy.into()) };
        if target.slash && !meta.is_dir() {
            return Err(if target.meta.is_some() { Errno::NotDir } else { Errno::NoEnt }.into());
        }
        self.check_writable()?;
        self.check_carried(&source.dir, name, &meta)?;
        self.spend(2 * CALL);
        source.dir.rename(name, &target.dir, new_name)?;
        let id = |meta: &Metadata| (meta.dev(), meta.ino());
        if let Some(over) = target.meta.as_ref().filter(|over| id(over) != id(&meta)) {
            self.removed(over);
        }
        let (node, above) = (self.number(&meta), target.dir.dir_metadata()?);
        let above = self.number(&above);
        if let Some(Held { handle: Handle::Directory { parent, .. }, .. }) = self.held.get_mut(&node) {
            *parent = above;
        }
        Ok(())
    }

    fn take_work(&mut self) -> u64 {
        core::mem::take(self.work.get_mut())
    }

    /// What is on the host is there; it is not told.
    fn changes(&mut self, _: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, StopReason> {
        Ok(Changes::new())
    }
}
