//! Names: given, taken away, moved.

use alloc::{sync::Arc, vec, vec::Vec};

use super::{Content, Directory, ROOT, Slot, Tree};
use crate::{
    files::MAX_PATH_BYTES,
    wasi::{
        errno::{Errno, Result},
        volume::{Node, Place},
    },
};

impl Tree {
    /// Checks that a directory can have one more name, which is this.
    pub(super) fn check_name(&self, directory: Node, name: &str) -> Result<()> {
        if self.names >= self.max_names {
            return Err(Errno::NoSpc.into());
        }
        self.path_bytes(directory, name).map(drop)
    }

    /// Bytes of the path that a name in a directory has, if it is not too long.
    fn path_bytes(&self, directory: Node, name: &str) -> Result<usize> {
        let bytes = self.directory(directory)?.path_bytes + 1 + name.len();
        if bytes > MAX_PATH_BYTES { Err(Errno::NameTooLong.into()) } else { Ok(bytes) }
    }

    /// Makes a file or a link.
    pub(super) fn add(&mut self, directory: Node, name: &str, content: Content, now: u64) -> Result<Node> {
        self.check_name(directory, name)?;
        self.check_bytes(content.size())?;
        let node = self.make(content, now);
        self.put(directory, name, node, now)?;
        Ok(node)
    }

    /// Makes a directory.
    pub(super) fn add_directory(&mut self, directory: Node, name: &str, now: u64) -> Result<Node> {
        let path_bytes = self.path_bytes(directory, name)?;
        let node = self.add(directory, name, Content::Directory(Directory::new(directory, path_bytes)), now)?;
        Ok(node)
    }

    /// Gives a node a name that is free and has been checked.
    pub(super) fn put(&mut self, directory: Node, name: &str, node: Node, now: u64) -> Result<()> {
        let name: Arc<str> = name.into();
        let list = self.directory_mut(directory)?;
        let cookie = list.next_cookie;
        list.next_cookie += 1;
        list.entries.insert(Arc::clone(&name), Slot { node, cookie });
        list.order.insert(cookie, name);
        self.names += 1;
        let above = self.item_mut(directory)?;
        (above.times.modified, above.times.changed) = (now, now);
        if self.is_directory(node) {
            // Its own `.`, and the `..` that it has for the directory above.
            self.item_mut(node)?.links += 2;
            self.item_mut(directory)?.links += 1;
        } else {
            self.item_mut(node)?.links += 1;
        }
        Ok(())
    }

    /// Takes a name away, and forgets what has no other.
    pub(super) fn remove(&mut self, directory: Node, name: &str, now: u64) -> Result<()> {
        let node = self.take(directory, name, now)?;
        self.forget(node);
        Ok(())
    }

    /// Takes a name away.
    fn take(&mut self, directory: Node, name: &str, now: u64) -> Result<Node> {
        let list = self.directory_mut(directory)?;
        let slot = list.entries.remove(name).ok_or(Errno::NoEnt)?;
        list.order.remove(&slot.cookie);
        self.names -= 1;
        let is_directory = self.is_directory(slot.node);
        let above = self.item_mut(directory)?;
        (above.times.modified, above.times.changed) = (now, now);
        above.links -= u64::from(is_directory);
        let item = self.item_mut(slot.node)?;
        item.links -= if is_directory { 2 } else { 1 };
        item.times.changed = now;
        Ok(slot.node)
    }

    /// Moves a name, over what has the new one if that is of the same kind.
    pub(super) fn rename_to(&mut self, from: Place<'_>, to: Place<'_>, now: u64) -> Result<()> {
        let source = self.resolve(from, false)?;
        let node = source.node.ok_or(Errno::NoEnt)?;
        let is_directory = self.is_directory(node);
        if source.slash && !is_directory {
            return Err(Errno::NotDir.into());
        }
        let target = self.resolve(to, false)?;
        let (Some(name), Some(new_name)) = (source.name, target.name) else { return Err(Errno::Busy.into()) };
        if target.slash && !is_directory {
            return Err(if target.node.is_some() { Errno::NotDir } else { Errno::NoEnt }.into());
        }
        if target.node == Some(node) {
            // Two names of the same: neither is taken away.
            return Ok(());
        }
        if is_directory {
            self.check_outside(node, target.directory)?;
        }
        if let Some(there) = target.node {
            self.check_over(is_directory, there)?;
        }
        let path_bytes = self.path_bytes(target.directory, &new_name)?;
        if is_directory {
            self.move_below(node, path_bytes)?;
        }
        if target.node.is_some() {
            self.remove(target.directory, &new_name, now)?;
        }
        self.take(source.directory, &name, now)?;
        if let Ok(list) = self.directory_mut(node) {
            list.parent = target.directory;
        }
        self.put(target.directory, &new_name, node, now)
    }

    /// A directory cannot move into itself.
    fn check_outside(&mut self, node: Node, mut directory: Node) -> Result<()> {
        while directory != ROOT {
            if directory == node {
                return Err(Errno::Inval.into());
            }
            self.work += 1;
            directory = self.directory(directory)?.parent;
        }
        Ok(())
    }

    fn check_over(&self, is_directory: bool, there: Node) -> Result<()> {
        match (is_directory, self.directory(there)) {
            (true, Ok(list)) if !list.entries.is_empty() => Err(Errno::NotEmpty.into()),
            (true, Ok(_)) | (false, Err(_)) => Ok(()),
            (true, Err(_)) => Err(Errno::NotDir.into()),
            (false, Ok(_)) => Err(Errno::IsDir.into()),
        }
    }

    /// Tells all directories from this one down how long their paths become, unless one is too long.
    fn move_below(&mut self, node: Node, path_bytes: usize) -> Result<()> {
        let mut moved: Vec<(Node, usize)> = vec![(node, path_bytes)];
        let mut next = 0;
        while let Some((node, bytes)) = moved.get(next).copied() {
            let mut work = 1;
            let mut below = Vec::new();
            for (name, slot) in &self.directory(node)?.entries {
                work += 1;
                let bytes = bytes + 1 + name.len();
                if bytes > MAX_PATH_BYTES {
                    return Err(Errno::NameTooLong.into());
                }
                if self.is_directory(slot.node) {
                    below.push((slot.node, bytes));
                }
            }
            self.work += work;
            moved.append(&mut below);
            next += 1;
        }
        for (node, bytes) in moved {
            self.directory_mut(node)?.path_bytes = bytes;
        }
        Ok(())
    }
}
