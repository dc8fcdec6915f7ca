//! From a path to what it names, never above the directory that it starts from.

use alloc::{borrow::ToOwned, string::String};

use super::{Content, Tree};
use crate::wasi::{
    errno::{Errno, Result},
    volume::{Node, Place},
    walk::Walk,
};

/// Where a path leads.
pub(super) struct Found {
    /// The directory that has the name, or would have it.
    pub(super) directory: Node,
    /// The name; none if the path ends in `.` or `..`, so that it names the directory itself.
    pub(super) name: Option<String>,
    /// What is there.
    pub(super) node: Option<Node>,
    /// Whether the path says that it is a directory.
    pub(super) slash: bool,
}

impl Found {
    /// The directory and the name, if nothing is there yet.
    pub(super) fn free(self) -> Result<(Node, String)> {
        match (self.node, self.name) {
            (None, Some(name)) => Ok((self.directory, name)),
            _ => Err(Errno::Exist.into()),
        }
    }
}

impl Tree {
    /// Goes along a path; `follow` says whether also through a link at its end.
    pub(super) fn resolve(&mut self, (base, path): Place<'_>, follow: bool) -> Result<Found> {
        let mut walk = Walk::new(path)?;
        let mut directory = base;
        loop {
            self.work += 1;
            let (name, last, slash) = (walk.name()?, walk.is_last(), walk.has_slash());
            if self.item(directory)?.links == 0 {
                // It was removed while it was open.
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
                    return Ok(Found { directory, name: None, node: Some(directory), slash: true });
                }
                walk = walk.pass();
                continue;
            }
            let node = list.entries.get(name).map(|slot| slot.node);
            if let Some(node) = node
                && (!last || slash || follow)
                && let Content::Link(target) = &self.item(node)?.content
            {
                walk = walk.follow(target)?;
                continue;
            }
            if last {
                return Ok(Found { directory, name: Some(name.to_owned()), node, slash });
            }
            directory = node.ok_or(Errno::NoEnt)?;
            if !self.is_directory(directory) {
                return Err(Errno::NotDir.into());
            }
            walk = walk.pass();
        }
    }
}
