//! Names of a directory, as they were when its listing began.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use super::{CALL, Handle, Held, Mount, kind_of};
use crate::wasi::{
    dir,
    errno::{Errno, Result},
    volume::{Entry, Kind, Node},
};

/// The most that all listings of a mount may take, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// What a name takes beside its own bytes.
const NAME_BYTES: usize = 128;

/// Cookies of `.` and `..`; a name has its place behind them, in the order of bytes.
const DOT: u64 = 1;
const DOT_DOT: u64 = 2;

#[derive(Default)]
pub(super) struct Listing {
    names: Vec<Listed>,
    bytes: usize,
}

struct Listed {
    name: Box<str>,
    /// What has the name, where that was asked for and there is something.
    seen: Option<(Node, Kind)>,
}

/// The place of the first name behind a cookie.
fn place(cookie: u64) -> usize {
    usize::try_from(cookie.saturating_sub(DOT_DOT)).unwrap_or(usize::MAX)
}

impl Listing {
    pub(super) fn entry(&self, directory: Node, parent: Node, cookie: u64) -> Option<Entry<'_>> {
        let kind = Kind::Directory;
        if cookie < DOT {
            return Some(Entry { cookie: DOT, node: directory, kind, name: "." });
        }
        if cookie < DOT_DOT {
            return Some(Entry { cookie: DOT_DOT, node: parent, kind, name: ".." });
        }
        let from = place(cookie);
        let behind = self.names.get(from..).unwrap_or_default();
        let (index, listed) = behind.iter().enumerate().find(|(_, listed)| listed.seen.is_some())?;
        let (node, kind) = listed.seen?;
        Some(Entry { cookie: DOT_DOT + 1 + (from + index) as u64, node, kind, name: &listed.name })
    }
}

impl Mount {
    /// Reads the names if this begins a listing, and looks at those that are asked for.
    pub(super) fn list_from(&mut self, directory: Node, cookie: u64, room: usize) -> Result<()> {
        let open = Arc::clone(self.directory(directory)?);
        // The old one is gone before there is a new one.
        let old = self.listing(directory).and_then(Option::take).filter(|_| cookie != 0);
        let mut listing = match old {
            Some(listing) => listing,
            None => self.names_of(&open)?,
        };
        let mut filled = 0;
        for listed in listing.names.iter_mut().skip(place(cookie)) {
            listed.seen = None;
            if filled >= room {
                break;
            }
            self.spend(CALL);
            // What is gone is left out.
            let Ok(meta) = open.symlink_metadata(&*listed.name) else { continue };
            filled += dir::HEAD + listed.name.len();
            listed.seen = Some((self.number(&meta), kind_of(&meta)));
        }
        if let Some(place) = self.listing(directory) {
            *place = Some(listing);
        }
        Ok(())
    }

    fn listing(&mut self, directory: Node) -> Option<&mut Option<Listing>> {
        match self.held.get_mut(&directory) {
            Some(Held { handle: Handle::Directory { listing, .. }, .. }) => Some(listing),
            _ => None,
        }
    }

    /// All names that are text, sorted by their bytes.
    fn names_of(&self, dir: &cap_std::fs::Dir) -> Result<Listing> {
        let listings = self.held.values().filter_map(|held| match &held.handle {
            Handle::Directory { listing, .. } => listing.as_ref(),
            Handle::File { .. } => None,
        });
        let mut room = MAX_BYTES.saturating_sub(listings.map(|listing| listing.bytes).sum());
        let mut listing = Listing::default();
        self.spend(CALL);
        for entry in dir.entries()? {
            let name = entry?.file_name();
            self.spend(1);
            let bytes = NAME_BYTES + name.len();
            room = room.checked_sub(bytes).ok_or(Errno::NoMem)?;
            if let Ok(name) = name.into_string() {
                listing.bytes += bytes;
                listing.names.push(Listed { name: name.into(), seen: None });
            }
        }
        listing.names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }
}
