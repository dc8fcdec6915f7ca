//! Files in memory.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc};

use super::{
    errno::{Errno, Result},
    volume::{Entry, How, Kind, Node, Place, ROOT, Stat, Times, Volume},
};
use crate::{
    config::Limits,
    error::StopReason,
    files::{Changes, FileBytes},
    watch::Alarm,
};

mod changes;
mod data;
mod names;
mod resolve;

use self::{data::Data, resolve::Found};

/// A tree of files: nodes by their numbers, which are given in order and never again.
pub(super) struct Tree {
    nodes: BTreeMap<Node, Item>,
    next: Node,
    /// Bytes of all files and of the targets of links, and what they may be.
    bytes: u64,
    max_bytes: u64,
    /// Names in all directories and the root, and what they may be.
    names: u64,
    max_names: u64,
    /// Names looked up.
    work: u64,
}

/// A file, directory or link.
struct Item {
    content: Content,
    /// Names that it has, and for a directory `.` and the `..` in others.
    links: u64,
    /// Descriptors that hold it.
    held: u64,
    times: Times,
}

enum Content {
    File(Data),
    Directory(Directory),
    Link(Box<str>),
}

/// Names by which they are found, and in the order in which they are listed.
struct Directory {
    parent: Node,
    /// Bytes of its path from the root.
    path_bytes: usize,
    entries: BTreeMap<Arc<str>, Slot>,
    order: BTreeMap<u64, Arc<str>>,
    next_cookie: u64,
}

#[derive(Clone, Copy)]
struct Slot {
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
    /// The files that a run is given, in the order of their paths. The configuration bounds them.
    pub(super) fn new(files: &BTreeMap<String, FileBytes>, limits: &Limits, now: u64) -> Self {
        let mut tree = Tree {
            nodes: BTreeMap::new(),
            next: ROOT,
            bytes: 0,
            max_bytes: limits.file_bytes,
            names: 1,
            max_names: limits.files,
            work: 0,
        };
        tree.make(Content::Directory(Directory::new(ROOT, 0)), now);
        if let Ok(root) = tree.item_mut(ROOT) {
            // Nobody takes its name away.
            root.links = 2;
        }
        for (path, bytes) in files {
            // What was checked before does not fail here.
            let _ = tree.give(path, bytes, now);
        }
        tree.work = 0;
        tree
    }

    fn give(&mut self, path: &str, bytes: &FileBytes, now: u64) -> Result<()> {
        let relative = path.trim_start_matches('/');
        if relative.is_empty() {
            return Ok(());
        }
        let is_directory = relative.ends_with('/');
        let mut directory = ROOT;
        let mut names = relative.trim_end_matches('/').split('/').peekable();
        while let Some(name) = names.next() {
            let is_file = names.peek().is_none() && !is_directory;
            let there = self.directory(directory)?.entries.get(name).map(|slot| slot.node);
            directory = match there {
                Some(node) => node,
                None if is_file => self.add(directory, name, Content::File(Data::Given(bytes.clone())), now)?,
                None => self.add_directory(directory, name, now)?,
            };
        }
        Ok(())
    }

    fn item(&self, node: Node) -> Result<&Item> {
        self.nodes.get(&node).ok_or_else(|| Errno::BadF.into())
    }

    fn item_mut(&mut self, node: Node) -> Result<&mut Item> {
        self.nodes.get_mut(&node).ok_or_else(|| Errno::BadF.into())
    }

    fn directory(&self, node: Node) -> Result<&Directory> {
        match &self.item(node)?.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDir.into()),
        }
    }

    fn directory_mut(&mut self, node: Node) -> Result<&mut Directory> {
        match &mut self.item_mut(node)?.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDir.into()),
        }
    }

    fn is_directory(&self, node: Node) -> bool {
        self.directory(node).is_ok()
    }

    fn data(&self, node: Node) -> Result<&Data> {
        match &self.item(node)?.content {
            Content::File(data) => Ok(data),
            Content::Directory(_) => Err(Errno::IsDir.into()),
            Content::Link(_) => Err(Errno::Inval.into()),
        }
    }

    /// Checks that all files may become larger by so much.
    fn check_bytes(&self, more: u64) -> Result<()> {
        let fits = self.bytes.checked_add(more).is_some_and(|bytes| bytes <= self.max_bytes);
        if fits { Ok(()) } else { Err(Errno::NoSpc.into()) }
    }

    /// A node without a name.
    fn make(&mut self, content: Content, now: u64) -> Node {
        let node = self.next;
        self.next += 1;
        self.bytes += content.size();
        let times = Times { accessed: now, modified: now, changed: now };
        self.nodes.insert(node, Item { content, links: 0, held: 0, times });
        node
    }

    /// Forgets a node that has no name and that nobody holds.
    fn forget(&mut self, node: Node) {
        if self.nodes.get(&node).is_some_and(|item| item.links == 0 && item.held == 0)
            && let Some(item) = self.nodes.remove(&node)
        {
            self.bytes -= item.content.size();
        }
    }

    /// Changes the bytes of a file, and the sum of all with it.
    fn change<R>(&mut self, node: Node, now: u64, body: impl FnOnce(&mut Data, u64) -> Result<R>) -> Result<R> {
        let room = self.max_bytes.saturating_sub(self.bytes);
        let item = self.item_mut(node)?;
        let Content::File(data) = &mut item.content else { return Err(Errno::IsDir.into()) };
        let before = data.bytes().len() as u64;
        let result = body(data, room);
        let after = data.bytes().len() as u64;
        (item.times.modified, item.times.changed) = (now, now);
        self.bytes = self.bytes - before + after;
        result
    }

    fn stat_of(&self, node: Node) -> Result<Stat> {
        let item = self.item(node)?;
        let (kind, size) = (item.content.kind(), item.content.size());
        Ok(Stat { node, kind, links: item.links, size, times: item.times })
    }

    fn touch(&mut self, node: Node, (accessed, modified): (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        let times = &mut self.item_mut(node)?.times;
        times.accessed = accessed.unwrap_or(times.accessed);
        times.modified = modified.unwrap_or(times.modified);
        times.changed = now;
        Ok(())
    }

    /// The node that a path leads to.
    fn find(&mut self, at: Place<'_>, follow: bool) -> Result<Node> {
        let found = self.resolve(at, follow)?;
        let node = found.node.ok_or(Errno::NoEnt)?;
        if found.slash && !self.is_directory(node) { Err(Errno::NotDir.into()) } else { Ok(node) }
    }
}

impl Volume for Tree {
    fn open(&mut self, at: Place<'_>, how: How, now: u64) -> Result<(Node, Kind)> {
        if how.create && how.directory {
            return Err(Errno::Inval.into());
        }
        // What is to be made cannot be made through a link.
        let Found { directory, name, node, slash } = self.resolve(at, how.follow && !how.exclusive)?;
        let node = match (node, name) {
            (Some(_), _) if how.create && how.exclusive => return Err(Errno::Exist.into()),
            (Some(node), _) => node,
            (None, Some(name)) if how.create => {
                if slash {
                    return Err(Errno::IsDir.into());
                }
                self.add(directory, &name, Content::File(Data::default()), now)?
            }
            (None, _) => return Err(Errno::NoEnt.into()),
        };
        let kind = self.item(node)?.content.kind();
        match kind {
            Kind::Directory if how.write || how.truncate || how.create => return Err(Errno::IsDir.into()),
            Kind::Directory => {}
            _ if how.directory || slash => return Err(Errno::NotDir.into()),
            Kind::Link => return Err(Errno::Loop.into()),
            _ if how.truncate => self.set_size(node, 0, now, &Alarm::default())?,
            _ => {}
        }
        self.hold(node);
        Ok((node, kind))
    }

    fn hold(&mut self, node: Node) {
        if let Ok(item) = self.item_mut(node) {
            item.held += 1;
        }
    }

    fn release(&mut self, node: Node) -> Result<()> {
        if let Ok(item) = self.item_mut(node) {
            item.held = item.held.saturating_sub(1);
        }
        self.forget(node);
        Ok(())
    }

    fn stat(&mut self, node: Node) -> Result<Stat> {
        self.stat_of(node)
    }

    fn stat_at(&mut self, at: Place<'_>, follow: bool) -> Result<Stat> {
        let node = self.find(at, follow)?;
        self.stat_of(node)
    }

    fn set_times(&mut self, node: Node, times: (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        self.touch(node, times, now)
    }

    fn set_times_at(&mut self, at: Place<'_>, follow: bool, times: (Option<u64>, Option<u64>), now: u64) -> Result<()> {
        let node = self.find(at, follow)?;
        self.touch(node, times, now)
    }

    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], alarm: &Alarm) -> Result<usize> {
        let bytes = self.data(node)?.bytes();
        let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let count = from.len().min(to.len());
        for piece in alarm.pieces(count) {
            let piece = piece?;
            to[piece.clone()].copy_from_slice(&from[piece]);
        }
        Ok(count)
    }

    fn work_of(&mut self, node: Node, end: u64) -> Result<u64> {
        let data = self.data(node)?;
        let more = end.saturating_sub(data.bytes().len() as u64);
        self.check_bytes(more)?;
        Ok(data.work_of(end))
    }

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], now: u64, alarm: &Alarm) -> Result<()> {
        self.change(node, now, |data, room| data.write(offset, bytes, room, alarm))
    }

    fn set_size(&mut self, node: Node, size: u64, now: u64, alarm: &Alarm) -> Result<()> {
        self.change(node, now, |data, room| data.resize(size, room, alarm))
    }

    fn entry(&self, directory: Node, cookie: u64) -> Result<Option<Entry<'_>>> {
        let list = self.directory(directory)?;
        let kind = Kind::Directory;
        if cookie < DOT {
            return Ok(Some(Entry { cookie: DOT, node: directory, kind, name: "." }));
        }
        if cookie < DOT_DOT {
            return Ok(Some(Entry { cookie: DOT_DOT, node: list.parent, kind, name: ".." }));
        }
        let behind = cookie.checked_add(1).and_then(|from| list.order.range(from..).next());
        let Some((cookie, name)) = behind else { return Ok(None) };
        let Some(slot) = list.entries.get(name) else { return Ok(None) };
        let kind = self.item(slot.node)?.content.kind();
        Ok(Some(Entry { cookie: *cookie, node: slot.node, kind, name }))
    }

    fn make_directory(&mut self, at: Place<'_>, now: u64) -> Result<()> {
        let found = self.resolve(at, false)?;
        let (directory, name) = found.free()?;
        self.add_directory(directory, &name, now).map(drop)
    }

    fn remove_directory(&mut self, at: Place<'_>, now: u64) -> Result<()> {
        let Found { directory, name, node, .. } = self.resolve(at, false)?;
        let node = node.ok_or(Errno::NoEnt)?;
        let list = self.directory(node)?;
        let name = name.ok_or(if node == ROOT { Errno::Busy } else { Errno::Inval })?;
        if !list.entries.is_empty() {
            return Err(Errno::NotEmpty.into());
        }
        self.remove(directory, &name, now)
    }

    fn unlink(&mut self, at: Place<'_>, now: u64) -> Result<()> {
        let found = self.resolve(at, false)?;
        let node = found.node.ok_or(Errno::NoEnt)?;
        if self.is_directory(node) {
            return Err(Errno::IsDir.into());
        }
        let name = found.name.ok_or(Errno::IsDir)?;
        if found.slash { Err(Errno::NotDir.into()) } else { self.remove(found.directory, &name, now) }
    }

    fn link(&mut self, from: Place<'_>, to: Place<'_>, now: u64) -> Result<()> {
        let node = self.find(from, false)?;
        if self.is_directory(node) {
            return Err(Errno::Perm.into());
        }
        let found = self.resolve(to, false)?;
        let slash = found.slash;
        let (directory, name) = found.free()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.check_name(directory, &name)?;
        self.put(directory, &name, node, now)?;
        self.item_mut(node)?.times.changed = now;
        Ok(())
    }

    fn symlink(&mut self, target: &str, at: Place<'_>, now: u64) -> Result<()> {
        if target.is_empty() {
            return Err(Errno::NoEnt.into());
        }
        if target.starts_with('/') {
            return Err(Errno::NotCapable.into());
        }
        if target.len() > crate::files::MAX_PATH_BYTES {
            return Err(Errno::NameTooLong.into());
        }
        let found = self.resolve(at, false)?;
        let slash = found.slash;
        let (directory, name) = found.free()?;
        if slash {
            return Err(Errno::NoEnt.into());
        }
        self.add(directory, &name, Content::Link(target.into()), now).map(drop)
    }

    fn target(&mut self, at: Place<'_>) -> Result<String> {
        let node = self.find(at, false)?;
        match &self.item(node)?.content {
            Content::Link(target) => Ok(target.clone().into()),
            _ => Err(Errno::Inval.into()),
        }
    }

    fn rename(&mut self, from: Place<'_>, to: Place<'_>, now: u64) -> Result<()> {
        self.rename_to(from, to, now)
    }

    fn take_work(&mut self) -> u64 {
        core::mem::take(&mut self.work)
    }

    fn changes(&mut self, given: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, StopReason> {
        self.all_changes(given)
    }
}
