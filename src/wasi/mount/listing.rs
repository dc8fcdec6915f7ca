//! Directory listings: the names as they were when the listing began.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use super::{Handle, Mount, OpenNode, SYSCALL_WORK, kind_of};
use crate::wasi::{
    errno::{Errno, Result},
    volume::{DIRENT_BYTES, Dirent, Kind, Node},
};

/// Maximum memory for all listings of a mount, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// Memory for a name beside its own bytes.
const NAME_BYTES: usize = 128;

/// Cookies of `.` and `..`. The cookies of names follow, in byte order of the names.
const DOT: u64 = 1;
const DOT_DOT: u64 = 2;

/// Listing of one directory.
#[derive(Default)]
pub(super) struct Listing {
    names: Vec<Listed>,
    bytes: usize,
}

/// Name in a listing.
struct Listed {
    name: Box<str>,
    /// Node and kind of the file, if they were requested and the file exists.
    file: Option<(Node, Kind)>,
}

/// Returns the index of the first name after a cookie.
fn index_after(cookie: u64) -> usize {
    usize::try_from(cookie.saturating_sub(DOT_DOT)).unwrap_or(usize::MAX)
}

impl Listing {
    pub(super) fn next_entry(&self, directory: Node, parent: Node, cookie: u64) -> Option<Dirent<'_>> {
        let kind = Kind::Directory;
        if cookie < DOT {
            return Some(Dirent { cookie: DOT, node: directory, kind, name: "." });
        }
        if cookie < DOT_DOT {
            return Some(Dirent { cookie: DOT_DOT, node: parent, kind, name: ".." });
        }
        let from = index_after(cookie);
        let rest = self.names.get(from..).unwrap_or_default();
        let (index, listed) = rest.iter().enumerate().find(|(_, listed)| listed.file.is_some())?;
        let (node, kind) = listed.file?;
        Some(Dirent { cookie: DOT_DOT + 1 + (from + index) as u64, node, kind, name: &listed.name })
    }
}

impl Mount {
    /// Reads the names if `cookie` is 0, and the attributes of those that fill `room` bytes after the cookie.
    pub(super) fn load_from(&mut self, directory: Node, cookie: u64, room: usize) -> Result<()> {
        let open = Arc::clone(self.directory(directory)?);
        // The old listing is dropped first, so that only one counts against the limit.
        let old = self.listing(directory).and_then(Option::take).filter(|_| cookie != 0);
        let mut listing = match old {
            Some(listing) => listing,
            None => self.read_names(&open)?,
        };
        let mut filled = 0;
        for listed in listing.names.iter_mut().skip(index_after(cookie)) {
            listed.file = None;
            if filled >= room {
                break;
            }
            self.add_work(SYSCALL_WORK);
            // Names removed since are left out.
            let Ok(meta) = open.symlink_metadata(&*listed.name) else { continue };
            filled += DIRENT_BYTES + listed.name.len();
            listed.file = Some((self.node_of(&meta), kind_of(&meta)));
        }
        if let Some(slot) = self.listing(directory) {
            *slot = Some(listing);
        }
        Ok(())
    }

    fn listing(&mut self, directory: Node) -> Option<&mut Option<Listing>> {
        match self.open_nodes.get_mut(&directory) {
            Some(OpenNode { handle: Handle::Directory { listing, .. }, .. }) => Some(listing),
            _ => None,
        }
    }

    /// Reads the names that are UTF-8, sorted by their bytes.
    fn read_names(&self, dir: &cap_std::fs::Dir) -> Result<Listing> {
        let listings = self.open_nodes.values().filter_map(|open_node| match &open_node.handle {
            Handle::Directory { listing, .. } => listing.as_ref(),
            Handle::File { .. } => None,
        });
        let mut room = MAX_BYTES.saturating_sub(listings.map(|listing| listing.bytes).sum());
        let mut listing = Listing::default();
        self.add_work(SYSCALL_WORK);
        for entry in dir.entries()? {
            let name = entry?.file_name();
            self.add_work(1);
            let bytes = NAME_BYTES + name.len();
            room = room.checked_sub(bytes).ok_or(Errno::NoMem)?;
            if let Ok(name) = name.into_string() {
                listing.bytes += bytes;
                listing.names.push(Listed { name: name.into(), file: None });
            }
        }
        listing.names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }
}
