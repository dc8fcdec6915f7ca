//! Host directory as a volume. All effects on host files happen here.

use alloc::{collections::BTreeMap, string::String, sync::Arc};
use core::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, File, FileExt, Metadata, MetadataExt};
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::{
    errno::{Errno, Result},
    volume::{Dirent, Kind, Node, OpenFlags, PathAt, Stat, Times, Volume},
};
use crate::{
    config::dirs::DirAccess,
    data::files::{Changes, FileBytes, MAX_PATH_BYTES},
    error::StopReason,
    sync::watch::Interrupt,
};

mod error;
mod links;
mod listing;
mod nodes;
mod open;
mod resolve;
mod roots;
mod system;

pub(crate) use self::roots::Roots;
use self::{listing::Listing, nodes::NodeTable, resolve::Resolved, roots::Root};

/// Cost of a system call, in names looked up in memory.
const SYSCALL_WORK: u64 = 25;

/// Cost of waiting for a disk, in the same unit.
const SYNC_WORK: u64 = 2_500;

/// Cost of creating a file, directory or link. The file system searches for a place for it, which takes
/// hundreds of microseconds after many have been removed.
const CREATE_WORK: u64 = 2_500;

/// Host directory, as one run sees it.
pub(crate) struct Mount {
    root: Arc<Root>,
    nodes: NodeTable,
    open_nodes: BTreeMap<Node, OpenNode>,
    work: AtomicU64,
    /// Whether the guest sees timestamps of files: they would be a clock for a guest without one.
    times: bool,
}

/// Node with open descriptors.
struct OpenNode {
    /// Number of open descriptors.
    count: u64,
    handle: Handle,
}

enum Handle {
    /// `write`: whether the handle is open for writing.
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
        let mut mount = Mount {
            nodes: NodeTable::new(&root.config),
            root,
            open_nodes: BTreeMap::new(),
            work: AtomicU64::new(0),
            times,
        };
        let node = mount.nodes.node_of(mount.root.id, |_| true);
        let dir = Arc::clone(&mount.root.dir);
        mount
            .open_nodes
            .insert(node, OpenNode { count: 1, handle: Handle::Directory { dir, parent: node, listing: None } });
        mount
    }

    /// Returns the attributes that the guest sees. They reveal nothing of the host, such as its inode numbers.
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

    fn add_work(&self, work: u64) {
        self.work.fetch_add(work, Ordering::Relaxed);
    }

    /// Checks that the directory is granted for writing.
    fn check_writable(&self) -> Result<()> {
        if self.root.config.access == DirAccess::Write { Ok(()) } else { Err(Errno::RoFs.into()) }
    }

    fn handle(&self, node: Node) -> Result<&Handle> {
        self.open_nodes.get(&node).map(|open_node| &open_node.handle).ok_or_else(|| Errno::BadF.into())
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

    /// Returns the node of a file, under which the guest knows it.
    fn node_of(&mut self, meta: &Metadata) -> Node {
        let open_nodes = &self.open_nodes;
        self.nodes.node_of((meta.dev(), meta.ino()), |node| open_nodes.contains_key(&node))
    }

    /// Returns the size of a file; fails if it is not open for writing.
    fn size_to_write(&self, node: Node) -> Result<u64> {
        self.check_writable()?;
        self.add_work(SYSCALL_WORK);
        match self.file(node)? {
            (file, true) => Ok(file.metadata()?.len()),
            (_, false) => Err(Errno::Inval.into()),
        }
    }

    /// Counts a name just created against the quota.
    fn count_created(&mut self, dir: &Dir, name: &str) {
        self.add_work(SYSCALL_WORK);
        let node = dir.symlink_metadata(name).ok().map(|meta| self.node_of(&meta));
        self.nodes.count_created(node);
    }

    /// Counts a name just removed.
    fn count_removed(&mut self, meta: &Metadata) {
        let last = meta.is_dir() || meta.nlink() <= 1;
        let node = self.node_of(meta);
        self.nodes.count_removed(node);
        if last && !self.open_nodes.contains_key(&node) {
            self.nodes.forget(node);
        }
    }

    fn change_times(&self, dir: &Dir, name: &str, times: &Timestamps) -> Result<()> {
        self.add_work(SYSCALL_WORK);
        rustix::fs::utimensat(dir, name, times, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }
}

/// Converts timestamps for the host. A time equal to `now`, the clock of the run, becomes the host's current time.
fn timestamps((accessed, modified): (Option<u64>, Option<u64>), now: u64) -> Timestamps {
    let spec = |time: Option<u64>| match time {
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ },
        Some(time) if time == now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW as _ },
        Some(time) => Timespec { tv_sec: (time / 1_000_000_000) as _, tv_nsec: (time % 1_000_000_000) as _ },
    };
    Timestamps { last_access: spec(accessed), last_modification: spec(modified) }
}

impl Volume for Mount {
    fn open(&mut self, at: PathAt<'_>, flags: OpenFlags, _: u64) -> Result<(Node, Kind)> {
        self.open_path(at, flags)
    }

    fn retain(&mut self, node: Node) {
        if let Some(open_node) = self.open_nodes.get_mut(&node) {
            open_node.count += 1;
        }
    }

    fn release(&mut self, node: Node) -> Result<()> {
        let Some(open_node) = self.open_nodes.get_mut(&node) else { return Ok(()) };
        open_node.count = open_node.count.saturating_sub(1);
        if open_node.count > 0 {
            return Ok(());
        }
        self.add_work(SYSCALL_WORK);
        // The host may now reuse its inode number for another file.
        let removed = self.handle(node).and_then(Handle::metadata).is_ok_and(|meta| meta.nlink() == 0);
        self.open_nodes.remove(&node);
        if removed {
            self.nodes.forget(node);
        }
        Ok(())
    }

    fn stat(&mut self, node: Node) -> Result<Stat> {
        self.add_work(SYSCALL_WORK);
        Ok(self.stat_of(node, &self.handle(node)?.metadata()?))
    }

    fn stat_at(&mut self, at: PathAt<'_>, follow: bool) -> Result<Stat> {
        let meta = self.resolve(at, follow)?.existing()?;
        let node = self.node_of(&meta);
        Ok(self.stat_of(node, &meta))
    }

    fn set_times(&mut self, node: Node, times: (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        self.check_writable()?;
        let times = timestamps(times, now);
        match self.handle(node)? {
            Handle::Directory { dir, .. } => self.change_times(dir, ".", &times),
            Handle::File { file, .. } => {
                self.add_work(SYSCALL_WORK);
                rustix::fs::futimens(file, &times)?;
                Ok(())
            }
        }
    }

    fn set_times_at(
        &mut self,
        at: PathAt<'_>,
        follow: bool,
        times: (Option<u64>, Option<u64>),
        now: u64,
    ) -> Result<()> {
        let found = self.resolve(at, follow)?;
        found.existing()?;
        self.check_writable()?;
        self.change_times(&found.dir, found.name.as_deref().unwrap_or("."), &timestamps(times, now))
    }

    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], interrupt: &Interrupt) -> Result<usize> {
        self.add_work(SYSCALL_WORK);
        let (file, _) = self.file(node)?;
        let mut count = 0;
        for piece in interrupt.pieces(to.len()) {
            let end = piece?.end;
            while count < end {
                let to = to.get_mut(count..end).unwrap_or_default();
                match file.read_at(to, offset.saturating_add(count as u64)) {
                    Ok(0) => return Ok(count),
                    Ok(more) => count += more,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(count)
    }

    fn write_work(&mut self, node: Node, end: u64) -> Result<u64> {
        let size = self.size_to_write(node)?;
        self.nodes.check_growth(size, end)?;
        Ok(0)
    }

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], _: u64, interrupt: &Interrupt) -> Result<()> {
        let size = self.size_to_write(node)?;
        let end = offset.checked_add(bytes.len() as u64).ok_or(Errno::FBig)?;
        self.nodes.check_growth(size, end)?;
        self.add_work(SYSCALL_WORK);
        let (file, _) = self.file(node)?;
        let mut at = offset;
        let written = interrupt.chunks(bytes).try_for_each(|piece| -> Result<()> {
            let piece = piece?;
            file.write_all_at(piece, at)?;
            at += piece.len() as u64;
            Ok(())
        });
        // A failed write may have written a part.
        let end = if written.is_ok() { end } else { file.metadata()?.len().min(end) };
        self.nodes.count_resized(node, size, end.max(size));
        written?;
        Ok(())
    }

    fn set_size(&mut self, node: Node, end: u64, _: u64, _: &Interrupt) -> Result<()> {
        let size = self.size_to_write(node)?;
        self.nodes.check_growth(size, end)?;
        self.add_work(SYSCALL_WORK);
        self.file(node)?.0.set_len(end)?;
        self.nodes.count_resized(node, size, end);
        Ok(())
    }

    fn sync(&mut self, node: Node) -> Result<()> {
        self.add_work(SYNC_WORK);
        match self.handle(node)? {
            Handle::File { file, .. } => file.sync_all()?,
            // The handle itself may be open for lookups only (`O_PATH`), which `fsync` refuses.
            Handle::Directory { dir, .. } => dir.open(".")?.sync_all()?,
        }
        Ok(())
    }

    fn load_entries(&mut self, directory: Node, cookie: u64, room: usize) -> Result<()> {
        self.load_from(directory, cookie, room)
    }

    fn next_entry(&self, directory: Node, cookie: u64) -> Result<Option<Dirent<'_>>> {
        let Handle::Directory { parent, listing, .. } = self.handle(directory)? else {
            return Err(Errno::NotDir.into());
        };
        Ok(listing.as_ref().and_then(|listing| listing.next_entry(directory, *parent, cookie)))
    }

    fn make_directory(&mut self, at: PathAt<'_>, _: u64) -> Result<()> {
        let (dir, name, _) = self.resolve(at, false)?.vacant()?;
        self.check_new_name()?;
        self.add_work(CREATE_WORK);
        dir.create_dir(&name)?;
        self.count_created(&dir, &name);
        Ok(())
    }

    fn remove_directory(&mut self, at: PathAt<'_>, _: u64) -> Result<()> {
        let found = self.resolve(at, false)?;
        let meta = found.meta.ok_or(Errno::NoEnt)?;
        if !meta.is_dir() {
            return Err(Errno::NotDir.into());
        }
        let is_root = (meta.dev(), meta.ino()) == self.root.id;
        let name = found.name.ok_or(if is_root { Errno::Busy } else { Errno::Inval })?;
        self.check_writable()?;
        self.add_work(SYSCALL_WORK);
        found.dir.remove_dir(name)?;
        self.count_removed(&meta);
        Ok(())
    }

    fn unlink(&mut self, at: PathAt<'_>, _: u64) -> Result<()> {
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
        self.add_work(SYSCALL_WORK);
        found.dir.remove_file(name)?;
        self.count_removed(&meta);
        Ok(())
    }

    fn link(&mut self, from: PathAt<'_>, to: PathAt<'_>, _: u64) -> Result<()> {
        let source = self.resolve(from, false)?;
        let meta = source.existing()?;
        let name = source.name.filter(|_| !meta.is_dir()).ok_or(Errno::Perm)?;
        let (dir, new_name, slash) = self.resolve(to, false)?.vacant()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.check_new_name()?;
        // A hard link to a symbolic link is another name of the link itself.
        self.check_movable(&source.dir, &name, &meta)?;
        source.dir.hard_link(&name, &dir, &new_name)?;
        self.count_created(&dir, &new_name);
        Ok(())
    }

    fn symlink(&mut self, target: &str, at: PathAt<'_>, _: u64) -> Result<()> {
        if target.is_empty() {
            return Err(Errno::NoEnt.into());
        }
        // Other processes on the host may follow it, and it must not lead them out of the directory either.
        if target.starts_with('/') || target.split('/').any(|name| name == "..") {
            return Err(Errno::NotCapable.into());
        }
        if target.len() > MAX_PATH_BYTES {
            return Err(Errno::NameTooLong.into());
        }
        let (dir, name, slash) = self.resolve(at, false)?.vacant()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.check_new_name()?;
        self.add_work(CREATE_WORK);
        dir.symlink_contents(target, &name)?;
        self.count_created(&dir, &name);
        Ok(())
    }

    fn read_link(&mut self, at: PathAt<'_>) -> Result<String> {
        let found = self.resolve(at, false)?;
        match (kind_of(&found.existing()?), &found.name) {
            (Kind::Link, Some(name)) => {
                let target = self.link_target(&found.dir, name)?;
                // An absolute target would reveal paths of the host.
                if target.starts_with('/') { Err(Errno::NotCapable.into()) } else { Ok(target) }
            }
            _ => Err(Errno::Inval.into()),
        }
    }

    fn rename(&mut self, from: PathAt<'_>, to: PathAt<'_>, _: u64) -> Result<()> {
        let source = self.resolve(from, false)?;
        let meta = source.existing()?;
        let target = self.resolve(to, false)?;
        let (Some(name), Some(new_name)) = (&source.name, &target.name) else { return Err(Errno::Busy.into()) };
        if target.slash && !meta.is_dir() {
            return Err(if target.meta.is_some() { Errno::NotDir } else { Errno::NoEnt }.into());
        }
        self.check_writable()?;
        self.check_movable(&source.dir, name, &meta)?;
        self.add_work(2 * SYSCALL_WORK);
        source.dir.rename(name, &target.dir, new_name)?;
        let id = |meta: &Metadata| (meta.dev(), meta.ino());
        if let Some(over) = target.meta.as_ref().filter(|over| id(over) != id(&meta)) {
            self.count_removed(over);
        }
        let (node, above) = (self.node_of(&meta), target.dir.dir_metadata()?);
        let above = self.node_of(&above);
        if let Some(OpenNode { handle: Handle::Directory { parent, .. }, .. }) = self.open_nodes.get_mut(&node) {
            *parent = above;
        }
        Ok(())
    }

    fn take_work(&mut self) -> u64 {
        core::mem::take(self.work.get_mut())
    }

    /// Returns no changes: they are already on the host, and are not reported.
    fn changes(&mut self, _: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, StopReason> {
        Ok(Changes::new())
    }
}
