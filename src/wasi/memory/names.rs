//! Names in directories: adding, removing and renaming.

use alloc::{sync::Arc, vec, vec::Vec};

use super::{Content, Directory, Entry, ROOT, Tree};
use crate::{
    data::files::MAX_PATH_BYTES,
    wasi::{
        errno::{Errno, Result},
        volume::{Node, PathAt},
    },
};

impl Tree {
    /// Checks that a directory can get a name: against the limit of names, and the length of the path.
    pub(super) fn check_name(&self, directory: Node, name: &str) -> Result<()> {
        if self.names >= self.max_names {
            return Err(Errno::NoSpc.into());
        }
        self.path_bytes(directory, name).map(drop)
    }

    /// Returns the length of the path of a name in a directory; fails if it is too long.
    fn path_bytes(&self, directory: Node, name: &str) -> Result<usize> {
        let bytes = self.directory(directory)?.path_bytes + 1 + name.len();
        if bytes > MAX_PATH_BYTES { Err(Errno::NameTooLong.into()) } else { Ok(bytes) }
    }

    /// Creates a file, directory or link, and returns its node.
    pub(super) fn create(&mut self, directory: Node, name: &str, content: Content, now: u64) -> Result<Node> {
        self.check_name(directory, name)?;
        self.check_bytes(content.size())?;
        let node = self.insert(content, now);
        self.add_name(directory, name, node, now)?;
        Ok(node)
    }

    /// Creates a directory, and returns its node.
    pub(super) fn create_directory(&mut self, directory: Node, name: &str, now: u64) -> Result<Node> {
        let path_bytes = self.path_bytes(directory, name)?;
        let node = self.create(directory, name, Content::Directory(Directory::new(directory, path_bytes)), now)?;
        Ok(node)
    }

    /// Adds a name to a node. The name is vacant and has been checked.
    pub(super) fn add_name(&mut self, directory: Node, name: &str, node: Node, now: u64) -> Result<()> {
        let name: Arc<str> = name.into();
        let list = self.directory_mut(directory)?;
        let cookie = list.next_cookie;
        list.next_cookie += 1;
        list.entries.insert(Arc::clone(&name), Entry { node, cookie });
        list.order.insert(cookie, name);
        self.names += 1;
        let above = self.inode_mut(directory)?;
        (above.times.modified, above.times.changed) = (now, now);
        if self.is_directory(node) {
            // A directory also counts its `.`, and its `..` counts for its parent.
            self.inode_mut(node)?.links += 2;
            self.inode_mut(directory)?.links += 1;
        } else {
            self.inode_mut(node)?.links += 1;
        }
        Ok(())
    }

    /// Removes a name, and the inode if nothing else refers to it.
    pub(super) fn remove_name(&mut self, directory: Node, name: &str, now: u64) -> Result<()> {
        let node = self.take_name(directory, name, now)?;
        self.reclaim(node);
        Ok(())
    }

    /// Removes a name, and returns its node.
    fn take_name(&mut self, directory: Node, name: &str, now: u64) -> Result<Node> {
        let list = self.directory_mut(directory)?;
        let entry = list.entries.remove(name).ok_or(Errno::NoEnt)?;
        list.order.remove(&entry.cookie);
        self.names -= 1;
        let is_directory = self.is_directory(entry.node);
        let above = self.inode_mut(directory)?;
        (above.times.modified, above.times.changed) = (now, now);
        above.links -= u64::from(is_directory);
        let inode = self.inode_mut(entry.node)?;
        inode.links -= if is_directory { 2 } else { 1 };
        inode.times.changed = now;
        Ok(entry.node)
    }

    /// Renames a file or directory, replacing one with the new name if both are directories or neither is.
    pub(super) fn rename_to(&mut self, from: PathAt<'_>, to: PathAt<'_>, now: u64) -> Result<()> {
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
            // Both are names of one node: POSIX keeps both.
            return Ok(());
        }
        if is_directory {
            self.check_not_inside(node, target.directory)?;
        }
        if let Some(existing) = target.node {
            self.check_replaceable(is_directory, existing)?;
        }
        let path_bytes = self.path_bytes(target.directory, &new_name)?;
        if is_directory {
            self.update_path_bytes(node, path_bytes)?;
        }
        if target.node.is_some() {
            self.remove_name(target.directory, &new_name, now)?;
        }
        self.take_name(source.directory, &name, now)?;
        if let Ok(list) = self.directory_mut(node) {
            list.parent = target.directory;
        }
        self.add_name(target.directory, &new_name, node, now)
    }

    /// Checks that a directory is not moved into itself.
    fn check_not_inside(&mut self, node: Node, mut directory: Node) -> Result<()> {
        while directory != ROOT {
            if directory == node {
                return Err(Errno::Inval.into());
            }
            self.work += 1;
            directory = self.directory(directory)?.parent;
        }
        Ok(())
    }

    /// Checks that a rename may replace a node.
    fn check_replaceable(&self, is_directory: bool, existing: Node) -> Result<()> {
        match (is_directory, self.directory(existing)) {
            (true, Ok(list)) if !list.entries.is_empty() => Err(Errno::NotEmpty.into()),
            (true, Ok(_)) | (false, Err(_)) => Ok(()),
            (true, Err(_)) => Err(Errno::NotDir.into()),
            (false, Ok(_)) => Err(Errno::IsDir.into()),
        }
    }

    /// Updates the path lengths of a directory and of all below it; fails first if a path becomes too long.
    fn update_path_bytes(&mut self, node: Node, path_bytes: usize) -> Result<()> {
        let mut moved: Vec<(Node, usize)> = vec![(node, path_bytes)];
        let mut next = 0;
        while let Some((node, bytes)) = moved.get(next).copied() {
            let mut work = 1;
            let mut below = Vec::new();
            for (name, entry) in &self.directory(node)?.entries {
                work += 1;
                let bytes = bytes + 1 + name.len();
                if bytes > MAX_PATH_BYTES {
                    return Err(Errno::NameTooLong.into());
                }
                if self.is_directory(entry.node) {
                    below.push((entry.node, bytes));
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
