//! File system in memory.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc};

use super::{
    errno::{Errno, Result},
    volume::{Dirent, Kind, Node, OpenFlags, PathAt, ROOT, Stat, Times, Volume},
};
use crate::{
    config::Limits,
    data::files::{Changes, FileBytes},
    error::StopReason,
    sync::watch::Interrupt,
};

mod changes;
mod data;
mod names;
mod resolve;

use self::{data::Data, resolve::Resolved};

/// Tree of files: inodes by number. Numbers are assigned in order and never reused.
pub(crate) struct Tree {
    nodes: BTreeMap<Node, Inode>,
    next: Node,
    /// Total bytes of files and of link targets, and its limit.
    bytes: u64,
    max_bytes: u64,
    /// Number of names in all directories, with the root, and its limit.
    names: u64,
    max_names: u64,
    /// Names looked up since the work was last taken.
    work: u64,
}

/// File, directory or symbolic link.
struct Inode {
    content: Content,
    /// Number of names, including `.` and the `..` of subdirectories for a directory.
    links: u64,
    /// Number of open descriptors.
    references: u64,
    times: Times,
}

enum Content {
    File(Data),
    Directory(Directory),
    Link(Box<str>),
}

/// Names of a directory, by name and in listing order.
struct Directory {
    parent: Node,
    /// Length of its path from the root, in bytes.
    path_bytes: usize,
    entries: BTreeMap<Arc<str>, Entry>,
    order: BTreeMap<u64, Arc<str>>,
    next_cookie: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    node: Node,
    cookie: u64,
}

/// Cookies of `.` and `..`.
const DOT: u64 = 1;
const DOT_DOT: u64 = 2;

impl Directory {
    fn new(parent: Node, path_bytes: usize) -> Self {
        let (entries, order) = (BTreeMap::new(), BTreeMap::new());
        Directory { parent, path_bytes, entries, order, next_cookie: DOT_DOT + 1 }
    }
}

impl Content {
    fn kind(&self) -> Kind {
        match self {
            Content::File(_) => Kind::File,
            Content::Directory(_) => Kind::Directory,
            Content::Link(_) => Kind::Link,
        }
    }

    fn size(&self) -> u64 {
        match self {
            Content::File(data) => data.bytes().len() as u64,
            Content::Directory(_) => 0,
            Content::Link(target) => target.len() as u64,
        }
    }
}

impl Tree {
    /// Creates the files of a configuration, in the order of their paths. The configuration limits them.
    pub(crate) fn new(files: &BTreeMap<String, FileBytes>, limits: &Limits, now: u64) -> Self {
        let mut tree = Tree {
            nodes: BTreeMap::new(),
            next: ROOT,
            bytes: 0,
            max_bytes: limits.file_bytes,
            names: 1,
            max_names: limits.files,
            work: 0,
        };
        tree.insert(Content::Directory(Directory::new(ROOT, 0)), now);
        if let Ok(root) = tree.inode_mut(ROOT) {
            // The root cannot be removed.
            root.links = 2;
        }
        for (path, bytes) in files {
            // The configuration has been checked, so this does not fail.
            let _ = tree.add_initial(path, bytes, now);
        }
        tree.work = 0;
        tree
    }

    /// Creates a file or directory of the configuration, with the directories above it.
    fn add_initial(&mut self, path: &str, bytes: &FileBytes, now: u64) -> Result<()> {
        let relative = path.trim_start_matches('/');
        if relative.is_empty() {
            return Ok(());
        }
        let is_directory = relative.ends_with('/');
        let mut directory = ROOT;
        let mut names = relative.trim_end_matches('/').split('/').peekable();
        while let Some(name) = names.next() {
            let is_file = names.peek().is_none() && !is_directory;
            let existing = self.directory(directory)?.entries.get(name).map(|entry| entry.node);
            directory = match existing {
                Some(node) => node,
                None if is_file => self.create(directory, name, Content::File(Data::Shared(bytes.clone())), now)?,
                None => self.create_directory(directory, name, now)?,
            };
        }
        Ok(())
    }

    fn inode(&self, node: Node) -> Result<&Inode> {
        self.nodes.get(&node).ok_or_else(|| Errno::BadF.into())
    }

    fn inode_mut(&mut self, node: Node) -> Result<&mut Inode> {
        self.nodes.get_mut(&node).ok_or_else(|| Errno::BadF.into())
    }

    fn directory(&self, node: Node) -> Result<&Directory> {
        match &self.inode(node)?.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDir.into()),
        }
    }

    fn directory_mut(&mut self, node: Node) -> Result<&mut Directory> {
        match &mut self.inode_mut(node)?.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDir.into()),
        }
    }

    fn is_directory(&self, node: Node) -> bool {
        self.directory(node).is_ok()
    }

    fn data(&self, node: Node) -> Result<&Data> {
        match &self.inode(node)?.content {
            Content::File(data) => Ok(data),
            Content::Directory(_) => Err(Errno::IsDir.into()),
            Content::Link(_) => Err(Errno::Inval.into()),
        }
    }

    /// Checks that the total of bytes may grow by `more`.
    fn check_bytes(&self, more: u64) -> Result<()> {
        let fits = self.bytes.checked_add(more).is_some_and(|bytes| bytes <= self.max_bytes);
        if fits { Ok(()) } else { Err(Errno::NoSpc.into()) }
    }

    /// Inserts an inode without a name, and returns its number.
    fn insert(&mut self, content: Content, now: u64) -> Node {
        let node = self.next;
        self.next += 1;
        self.bytes += content.size();
        let times = Times { accessed: now, modified: now, changed: now };
        self.nodes.insert(node, Inode { content, links: 0, references: 0, times });
        node
    }

    /// Removes an inode that has neither a name nor an open descriptor.
    fn reclaim(&mut self, node: Node) {
        if self.nodes.get(&node).is_some_and(|inode| inode.links == 0 && inode.references == 0)
            && let Some(inode) = self.nodes.remove(&node)
        {
            self.bytes -= inode.content.size();
        }
    }

    /// Modifies the bytes of a file, and updates the total. `body` receives the room left for growth.
    fn modify<R>(&mut self, node: Node, now: u64, body: impl FnOnce(&mut Data, u64) -> Result<R>) -> Result<R> {
        let room = self.max_bytes.saturating_sub(self.bytes);
        let inode = self.inode_mut(node)?;
        let Content::File(data) = &mut inode.content else { return Err(Errno::IsDir.into()) };
        let before = data.bytes().len() as u64;
        let result = body(data, room);
        let after = data.bytes().len() as u64;
        (inode.times.modified, inode.times.changed) = (now, now);
        self.bytes = self.bytes - before + after;
        result
    }

    fn stat_of(&self, node: Node) -> Result<Stat> {
        let inode = self.inode(node)?;
        let (kind, size) = (inode.content.kind(), inode.content.size());
        Ok(Stat { node, kind, links: inode.links, size, times: inode.times })
    }

    fn update_times(&mut self, node: Node, (accessed, modified): (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        let times = &mut self.inode_mut(node)?.times;
        times.accessed = accessed.unwrap_or(times.accessed);
        times.modified = modified.unwrap_or(times.modified);
        times.changed = now;
        Ok(())
    }

    /// Returns the node at a path.
    fn find(&mut self, at: PathAt<'_>, follow: bool) -> Result<Node> {
        let found = self.resolve(at, follow)?;
        let node = found.node.ok_or(Errno::NoEnt)?;
        if found.slash && !self.is_directory(node) { Err(Errno::NotDir.into()) } else { Ok(node) }
    }
}

impl Volume for Tree {
    fn open(&mut self, at: PathAt<'_>, flags: OpenFlags, now: u64) -> Result<(Node, Kind)> {
        if flags.create && flags.directory {
            return Err(Errno::Inval.into());
        }
        // With `exclusive`, a link at the end of the path is not followed.
        let Resolved { directory, name, node, slash } = self.resolve(at, flags.follow && !flags.exclusive)?;
        let node = match (node, name) {
            (Some(_), _) if flags.create && flags.exclusive => return Err(Errno::Exist.into()),
            (Some(node), _) => node,
            (None, Some(name)) if flags.create => {
                if slash {
                    return Err(Errno::IsDir.into());
                }
                self.create(directory, &name, Content::File(Data::default()), now)?
            }
            (None, _) => return Err(Errno::NoEnt.into()),
        };
        let kind = self.inode(node)?.content.kind();
        match kind {
            Kind::Directory if flags.write || flags.truncate || flags.create => return Err(Errno::IsDir.into()),
            Kind::Directory => {}
            _ if flags.directory || slash => return Err(Errno::NotDir.into()),
            Kind::Link => return Err(Errno::Loop.into()),
            _ if flags.truncate => self.set_size(node, 0, now, &Interrupt::default())?,
            _ => {}
        }
        self.retain(node);
        Ok((node, kind))
    }

    fn retain(&mut self, node: Node) {
        if let Ok(inode) = self.inode_mut(node) {
            inode.references += 1;
        }
    }

    fn release(&mut self, node: Node) -> Result<()> {
        if let Ok(inode) = self.inode_mut(node) {
            inode.references = inode.references.saturating_sub(1);
        }
        self.reclaim(node);
        Ok(())
    }

    fn stat(&mut self, node: Node) -> Result<Stat> {
        self.stat_of(node)
    }

    fn stat_at(&mut self, at: PathAt<'_>, follow: bool) -> Result<Stat> {
        let node = self.find(at, follow)?;
        self.stat_of(node)
    }

    fn set_times(&mut self, node: Node, times: (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        self.update_times(node, times, now)
    }

    fn set_times_at(
        &mut self,
        at: PathAt<'_>,
        follow: bool,
        times: (Option<u64>, Option<u64>),
        now: u64,
    ) -> Result<()> {
        let node = self.find(at, follow)?;
        self.update_times(node, times, now)
    }

    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], interrupt: &Interrupt) -> Result<usize> {
        let bytes = self.data(node)?.bytes();
        let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let count = from.len().min(to.len());
        for piece in interrupt.pieces(count) {
            let piece = piece?;
            if let (Some(to), Some(from)) = (to.get_mut(piece.clone()), from.get(piece)) {
                to.copy_from_slice(from);
            }
        }
        Ok(count)
    }

    fn write_work(&mut self, node: Node, end: u64) -> Result<u64> {
        let data = self.data(node)?;
        let more = end.saturating_sub(data.bytes().len() as u64);
        self.check_bytes(more)?;
        Ok(data.write_work(end))
    }

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], now: u64, interrupt: &Interrupt) -> Result<()> {
        self.modify(node, now, |data, room| data.write(offset, bytes, room, interrupt))
    }

    fn set_size(&mut self, node: Node, size: u64, now: u64, interrupt: &Interrupt) -> Result<()> {
        self.modify(node, now, |data, room| data.resize(size, room, interrupt))
    }

    fn next_entry(&self, directory: Node, cookie: u64) -> Result<Option<Dirent<'_>>> {
        let list = self.directory(directory)?;
        let kind = Kind::Directory;
        if cookie < DOT {
            return Ok(Some(Dirent { cookie: DOT, node: directory, kind, name: "." }));
        }
        if cookie < DOT_DOT {
            return Ok(Some(Dirent { cookie: DOT_DOT, node: list.parent, kind, name: ".." }));
        }
        let next = cookie.checked_add(1).and_then(|from| list.order.range(from..).next());
        let Some((cookie, name)) = next else { return Ok(None) };
        let Some(entry) = list.entries.get(name) else { return Ok(None) };
        let kind = self.inode(entry.node)?.content.kind();
        Ok(Some(Dirent { cookie: *cookie, node: entry.node, kind, name }))
    }

    fn make_directory(&mut self, at: PathAt<'_>, now: u64) -> Result<()> {
        let found = self.resolve(at, false)?;
        let (directory, name) = found.vacant()?;
        self.create_directory(directory, &name, now).map(drop)
    }

    fn remove_directory(&mut self, at: PathAt<'_>, now: u64) -> Result<()> {
        let Resolved { directory, name, node, .. } = self.resolve(at, false)?;
        let node = node.ok_or(Errno::NoEnt)?;
        let list = self.directory(node)?;
        let name = name.ok_or(if node == ROOT { Errno::Busy } else { Errno::Inval })?;
        if !list.entries.is_empty() {
            return Err(Errno::NotEmpty.into());
        }
        self.remove_name(directory, &name, now)
    }

    fn unlink(&mut self, at: PathAt<'_>, now: u64) -> Result<()> {
        let found = self.resolve(at, false)?;
        let node = found.node.ok_or(Errno::NoEnt)?;
        if self.is_directory(node) {
            return Err(Errno::IsDir.into());
        }
        let name = found.name.ok_or(Errno::IsDir)?;
        if found.slash { Err(Errno::NotDir.into()) } else { self.remove_name(found.directory, &name, now) }
    }

    fn link(&mut self, from: PathAt<'_>, to: PathAt<'_>, now: u64) -> Result<()> {
        let node = self.find(from, false)?;
        if self.is_directory(node) {
            return Err(Errno::Perm.into());
        }
        let found = self.resolve(to, false)?;
        let slash = found.slash;
        let (directory, name) = found.vacant()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.check_name(directory, &name)?;
        self.add_name(directory, &name, node, now)?;
        self.inode_mut(node)?.times.changed = now;
        Ok(())
    }

    fn symlink(&mut self, target: &str, at: PathAt<'_>, now: u64) -> Result<()> {
        if target.is_empty() {
            return Err(Errno::NoEnt.into());
        }
        if target.starts_with('/') {
            return Err(Errno::NotCapable.into());
        }
        if target.len() > crate::data::files::MAX_PATH_BYTES {
            return Err(Errno::NameTooLong.into());
        }
        let found = self.resolve(at, false)?;
        let slash = found.slash;
        let (directory, name) = found.vacant()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.create(directory, &name, Content::Link(target.into()), now).map(drop)
    }

    fn read_link(&mut self, at: PathAt<'_>) -> Result<String> {
        let node = self.find(at, false)?;
        match &self.inode(node)?.content {
            Content::Link(target) => Ok(target.clone().into()),
            _ => Err(Errno::Inval.into()),
        }
    }

    fn rename(&mut self, from: PathAt<'_>, to: PathAt<'_>, now: u64) -> Result<()> {
        self.rename_to(from, to, now)
    }

    fn take_work(&mut self) -> u64 {
        core::mem::take(&mut self.work)
    }

    fn changes(&mut self, given: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, StopReason> {
        self.all_changes(given)
    }
}
