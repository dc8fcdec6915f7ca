//! Path resolution, which never leaves the base directory.

use alloc::{borrow::ToOwned, string::String};

use super::{Content, Tree};
use crate::wasi::{
    errno::{Errno, Result},
    volume::{Node, PathAt},
    walk::Walk,
};

/// Result of resolving a path.
pub(super) struct Resolved {
    /// Parent directory of the name.
    pub(super) directory: Node,
    /// Last name; `None` if the path ends in `.` or `..` and so names the directory itself.
    pub(super) name: Option<String>,
    /// Node with that name, if it exists.
    pub(super) node: Option<Node>,
    /// Whether the path ends in `/`, `.` or `..`, which requires a directory.
    pub(super) slash: bool,
}

impl Resolved {
    /// Returns the directory and the name; fails if the name exists.
    pub(super) fn vacant(self) -> Result<(Node, String)> {
        match (self.node, self.name) {
            (None, Some(name)) => Ok((self.directory, name)),
            _ => Err(Errno::Exist.into()),
        }
    }
}

impl Tree {
    /// Resolves a path. `follow` follows a link at its end too.
    pub(super) fn resolve(&mut self, (base, path): PathAt<'_>, follow: bool) -> Result<Resolved> {
        let mut walk = Walk::new(path)?;
        let mut directory = base;
        loop {
            self.work += 1;
            let (name, last, slash) = (walk.name()?, walk.is_last(), walk.has_slash());
            if self.inode(directory)?.links == 0 {
                // The directory was removed while it was open.
                return Err(Errno::NoEnt.into());
            }
            let list = self.directory(directory)?;
            if matches!(name, "." | "..") {
                if name == ".." {
                    if directory == base {
                        return Err(Errno::NotCapable.into());
                    }
                    directory = list.parent;
                }
                if last {
                    return Ok(Resolved { directory, name: None, node: Some(directory), slash: true });
                }
                walk = walk.advance();
                continue;
            }
            let node = list.entries.get(name).map(|entry| entry.node);
            if let Some(node) = node
                && (!last || slash || follow)
                && let Content::Link(target) = &self.inode(node)?.content
            {
                walk = walk.follow(target)?;
                continue;
            }
            if last {
                return Ok(Resolved { directory, name: Some(name.to_owned()), node, slash });
            }
            directory = node.ok_or(Errno::NoEnt)?;
            if !self.is_directory(directory) {
                return Err(Errno::NotDir.into());
            }
            walk = walk.advance();
        }
    }
}
