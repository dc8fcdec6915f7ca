//! Interface of a file system, in memory or on the host.

use alloc::{collections::BTreeMap, string::String};
use core::any::Any;

use serde::{Deserialize, Serialize};

use super::errno::Result;
use crate::{
    data::files::{Changes, FileBytes},
    sync::watch::Interrupt,
};

/// Number of a file, directory or link in a volume.
pub(crate) type Node = u64;

/// Node of the root directory.
pub(crate) const ROOT: Node = 1;

/// Type of a node, with its number in the specification (`filetype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Stream, whose type is not revealed.
    Unknown = 0,
    Directory = 3,
    File = 4,
    Link = 7,
}

/// Timestamps in ns since 1970.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Times {
    pub(crate) accessed: u64,
    pub(crate) modified: u64,
    pub(crate) changed: u64,
}

/// Attributes of a node.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stat {
    pub(crate) node: Node,
    pub(crate) kind: Kind,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) times: Times,
}

/// Flags for opening a path.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct OpenFlags {
    pub(crate) follow: bool,
    pub(crate) create: bool,
    pub(crate) directory: bool,
    pub(crate) exclusive: bool,
    pub(crate) truncate: bool,
    /// Open for writing.
    pub(crate) write: bool,
}

/// Size of a `dirent`, which precedes the name, in bytes.
pub(crate) const DIRENT_BYTES: usize = 24;

/// Entry of a directory.
pub(crate) struct Dirent<'a> {
    /// Cookie to continue the listing after this entry.
    pub(crate) cookie: u64,
    pub(crate) node: Node,
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
}

/// Path, with its base directory.
pub(crate) type PathAt<'a> = (Node, &'a str);

/// File system. Paths never leave their base directory.
pub(crate) trait Volume: Any + Send + Sync {
    /// Opens a path, and returns its node, which stays open until it is released.
    fn open(&mut self, at: PathAt<'_>, flags: OpenFlags, now: u64) -> Result<(Node, Kind)>;

    /// Adds a reference to an open node.
    fn retain(&mut self, node: Node);

    /// Drops a reference to an open node.
    fn release(&mut self, node: Node) -> Result<()>;

    fn stat(&mut self, node: Node) -> Result<Stat>;

    fn stat_at(&mut self, at: PathAt<'_>, follow: bool) -> Result<Stat>;

    /// Sets the access and the modification time, where present.
    fn set_times(&mut self, node: Node, times: (Option<u64>, Option<u64>), now: u64) -> Result<()>;

    fn set_times_at(&mut self, at: PathAt<'_>, follow: bool, times: (Option<u64>, Option<u64>), now: u64)
    -> Result<()>;

    /// Reads from a file into `to`, and returns the number of bytes read.
    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], interrupt: &Interrupt) -> Result<usize>;

    /// Returns the bytes moved, beside those written, by a write up to `end`; fails if the file cannot grow that far.
    fn write_work(&mut self, node: Node, end: u64) -> Result<u64>;

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], now: u64, interrupt: &Interrupt) -> Result<()>;

    fn set_size(&mut self, node: Node, size: u64, now: u64, interrupt: &Interrupt) -> Result<()>;

    /// Flushes a file or directory to storage.
    fn sync(&mut self, _: Node) -> Result<()> {
        Ok(())
    }

    /// Prepares the entries of a directory after a cookie, for a buffer of `room` bytes. The cookie 0 starts a new
    /// listing.
    fn load_entries(&mut self, _directory: Node, _cookie: u64, _room: usize) -> Result<()> {
        Ok(())
    }

    /// Returns the first entry of a directory after a cookie; the cookie 0 precedes all.
    fn next_entry(&self, directory: Node, cookie: u64) -> Result<Option<Dirent<'_>>>;

    fn make_directory(&mut self, at: PathAt<'_>, now: u64) -> Result<()>;

    fn remove_directory(&mut self, at: PathAt<'_>, now: u64) -> Result<()>;

    fn unlink(&mut self, at: PathAt<'_>, now: u64) -> Result<()>;

    fn link(&mut self, from: PathAt<'_>, to: PathAt<'_>, now: u64) -> Result<()>;

    fn symlink(&mut self, target: &str, at: PathAt<'_>, now: u64) -> Result<()>;

    /// Returns the target of a link.
    fn read_link(&mut self, at: PathAt<'_>) -> Result<String>;

    fn rename(&mut self, from: PathAt<'_>, to: PathAt<'_>, now: u64) -> Result<()>;

    /// Returns the work done since the last call, in names looked up.
    fn take_work(&mut self) -> u64;

    /// Returns the changes since the start of the run, when the files were `given`.
    fn changes(&mut self, given: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, crate::StopReason>;
}
