//! Iteration over the names of a path, with the links it leads through.

#![expect(clippy::string_slice, reason = "offsets are those of names in the path, which slashes divide")]

use alloc::{borrow::ToOwned, format, string::String};

use super::errno::{Errno, Result};
use crate::data::files::MAX_NAME_BYTES;

/// Maximum number of links that one path may lead through.
const MAX_LINKS: u32 = 32;

/// Maximum length of a path after substitution of links, in bytes.
const MAX_BYTES: usize = 8192;

/// Path, and the current name in it.
pub(crate) struct Walk {
    path: String,
    /// Offsets of the current and of the next name.
    name: usize,
    next: usize,
    links: u32,
}

impl Walk {
    pub(crate) fn new(path: &str) -> Result<Walk> {
        if path.is_empty() {
            return Err(Errno::NoEnt.into());
        }
        if path.starts_with('/') {
            return Err(Errno::NotCapable.into());
        }
        Ok(Walk::at(path.to_owned(), 0, 0))
    }

    fn at(path: String, name: usize, links: u32) -> Walk {
        let text = &path[name..];
        let rest = text.find('/').map_or("", |end| text[end..].trim_start_matches('/'));
        let next = path.len() - rest.len();
        Walk { path, name, next, links }
    }

    /// Returns the current name.
    pub(crate) fn name(&self) -> Result<&str> {
        let name = self.path[self.name..self.next].trim_end_matches('/');
        if name.len() > MAX_NAME_BYTES { Err(Errno::NameTooLong.into()) } else { Ok(name) }
    }

    /// Returns whether the current name is the last.
    pub(crate) fn is_last(&self) -> bool {
        self.next == self.path.len()
    }

    /// Returns whether a slash follows the current name, which requires a directory.
    pub(crate) fn has_slash(&self) -> bool {
        self.path[self.name..self.next].ends_with('/')
    }

    /// Moves to the next name.
    pub(crate) fn advance(self) -> Walk {
        Walk::at(self.path, self.next, self.links)
    }

    /// Replaces the current name, a link, by its target.
    pub(crate) fn follow(self, target: &str) -> Result<Walk> {
        let links = self.links + 1;
        if links > MAX_LINKS {
            return Err(Errno::Loop.into());
        }
        if target.starts_with('/') {
            return Err(Errno::NotCapable.into());
        }
        let path = match self.has_slash() {
            true => format!("{target}/{}", &self.path[self.next..]),
            false => target.to_owned(),
        };
        if path.len() > MAX_BYTES { Err(Errno::NameTooLong.into()) } else { Ok(Walk::at(path, 0, links)) }
    }
}
