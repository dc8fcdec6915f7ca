//! A path on its way, name by name: what all volumes ask of its text, and of links that it leads through.

use alloc::{borrow::ToOwned, format, string::String};

use super::errno::{Errno, Result};
use crate::files::MAX_NAME_BYTES;

/// Links that one path may lead through.
const MAX_LINKS: u32 = 32;

/// The longest that a path may become by the links it leads through, in bytes.
const MAX_BYTES: usize = 8192;

/// A path, and the name in it that is next.
pub(super) struct Walk {
    path: String,
    /// Where the name begins, and where the one behind it does.
    name: usize,
    next: usize,
    links: u32,
}

impl Walk {
    pub(super) fn new(path: &str) -> Result<Walk> {
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
        let behind = text.find('/').map_or("", |end| text[end..].trim_start_matches('/'));
        let next = path.len() - behind.len();
        Walk { path, name, next, links }
    }

    /// The name.
    pub(super) fn name(&self) -> Result<&str> {
        let name = self.path[self.name..self.next].trim_end_matches('/');
        if name.len() > MAX_NAME_BYTES { Err(Errno::NameTooLong.into()) } else { Ok(name) }
    }

    /// Whether it is the last.
    pub(super) fn is_last(&self) -> bool {
        self.next == self.path.len()
    }

    /// Whether a slash is behind it, by which the path says that it is a directory.
    pub(super) fn has_slash(&self) -> bool {
        self.path[self.name..self.next].ends_with('/')
    }

    /// Goes on to what is behind it.
    pub(super) fn pass(self) -> Walk {
        Walk::at(self.path, self.next, self.links)
    }

    /// Goes on to where it leads, as a link to this text.
    pub(super) fn follow(self, target: &str) -> Result<Walk> {
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
