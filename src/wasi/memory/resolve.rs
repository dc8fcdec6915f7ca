//! From a path to what it names, never above the directory that it starts from.

use alloc::{borrow::ToOwned, format, string::String};

use super::{Content, Tree};
use crate::{
    files::MAX_NAME_BYTES,
    wasi::{
        errno::{Errno, Result},
        volume::{Node, Place},
    },
};

/// Links that one path may lead through.
const MAX_LINKS: u32 = 32;

/// The longest that a path may become by the links it leads through, in bytes.
const MAX_BYTES: usize = 8192;

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
        if path.is_empty() {
            return Err(Errno::NoEnt.into());
        }
        if path.starts_with('/') {
            return Err(Errno::NotCapable.into());
        }
        let mut path = path.to_owned();
        let mut rest = 0;
        let mut directory = base;
        let mut links = 0;
        loop {
            self.work += 1;
            let text = &path[rest..];
            let name = text.split('/').next().unwrap_or_default();
            let behind = text[name.len()..].trim_start_matches('/');
            let (last, slash) = (behind.is_empty(), name.len() < text.len());
            if name.len() > MAX_NAME_BYTES {
                return Err(Errno::NameTooLong.into());
            }
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
                rest = path.len() - behind.len();
                continue;
            }
            let node = list.entries.get(name).map(|slot| slot.node);
            if let Some(node) = node
                && (!last || slash || follow)
                && let Content::Link(target) = &self.item(node)?.content
            {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::Loop.into());
                }
                if target.starts_with('/') {
                    return Err(Errno::NotCapable.into());
                }
                path = if slash { format!("{target}/{behind}") } else { String::from(&**target) };
                if path.len() > MAX_BYTES {
                    return Err(Errno::NameTooLong.into());
                }
                rest = 0;
                continue;
            }
            if last {
                return Ok(Found { directory, name: Some(name.to_owned()), node, slash });
            }
            directory = node.ok_or(Errno::NoEnt)?;
            if !self.is_directory(directory) {
                return Err(Errno::NotDir.into());
            }
            rest = path.len() - behind.len();
        }
    }
}
