//! A tree of files, wherever it is: what descriptors and paths ask of it.

use alloc::{collections::BTreeMap, string::String};
use core::any::Any;

use serde::{Deserialize, Serialize};

use super::errno::Result;
use crate::{
    files::{Changes, FileBytes},
    watch::Alarm,
};

/// A file, directory or link of a volume.
pub(super) type Node = u64;

/// The directory above all.
pub(super) const ROOT: Node = 1;

/// What a node is, by its number in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A stream, which is nothing that a program need know.
    Unknown = 0,
    Directory = 3,
    File = 4,
    Link = 7,
}

/// Times in ns since 1970.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    pub(super) accessed: u64,
    pub(super) modified: u64,
    pub(super) changed: u64,
}

/// What is known of a node.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stat {
    pub(super) node: Node,
    pub(super) kind: Kind,
    pub(super) links: u64,
    pub(super) size: u64,
    pub(super) times: Times,
}

/// How a path is opened.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct How {
    pub(super) follow: bool,
    pub(super) create: bool,
    pub(super) directory: bool,
    pub(super) exclusive: bool,
    pub(super) truncate: bool,
    /// Whether it is to be written to.
    pub(super) write: bool,
}

/// A name in a directory.
pub(super) struct Entry<'a> {
    /// What lists on behind it.
    pub(super) cookie: u64,
    pub(super) node: Node,
    pub(super) kind: Kind,
    pub(super) name: &'a str,
}

/// A place to which a path leads: the directory it starts from, and its text.
pub(super) type Place<'a> = (Node, &'a str);

/// A tree of files. Paths stay below the directory they start from.
pub(super) trait Volume: Any + Send + Sync {
    /// Opens a path; the node is held until it is released.
    fn open(&mut self, at: Place<'_>, how: How, now: u64) -> Result<(Node, Kind)>;

    /// Holds a node once more.
    fn hold(&mut self, node: Node);

    /// Lets go of a node.
    fn release(&mut self, node: Node) -> Result<()>;

    fn stat(&mut self, node: Node) -> Result<Stat>;

    fn stat_at(&mut self, at: Place<'_>, follow: bool) -> Result<Stat>;

    /// Sets the times that are given: of access, and of modification.
    fn set_times(&mut self, node: Node, times: (Option<u64>, Option<u64>), now: u64) -> Result<()>;

    fn set_times_at(&mut self, at: Place<'_>, follow: bool, times: (Option<u64>, Option<u64>), now: u64) -> Result<()>;

    /// Copies what is at a place in a file; tells how much that was.
    fn read(&mut self, node: Node, offset: u64, to: &mut [u8], alarm: &Alarm) -> Result<usize>;

    /// How many bytes are moved, beside those that are written, when a file is written to up to `end`;
    /// an error if it cannot become so large.
    fn work_of(&mut self, node: Node, end: u64) -> Result<u64>;

    fn write(&mut self, node: Node, offset: u64, bytes: &[u8], now: u64, alarm: &Alarm) -> Result<()>;

    fn set_size(&mut self, node: Node, size: u64, now: u64, alarm: &Alarm) -> Result<()>;

    /// Writes a file or directory through to where it is kept.
    fn sync(&mut self, _: Node) -> Result<()> {
        Ok(())
    }

    /// Comes before names of a directory are listed from a cookie on, into so many bytes; 0 begins anew.
    fn list(&mut self, _: Node, _: u64, _: usize) -> Result<()> {
        Ok(())
    }

    /// The first name of a directory behind a cookie; 0 is before them all.
    fn entry(&self, directory: Node, cookie: u64) -> Result<Option<Entry<'_>>>;

    fn make_directory(&mut self, at: Place<'_>, now: u64) -> Result<()>;

    fn remove_directory(&mut self, at: Place<'_>, now: u64) -> Result<()>;

    fn unlink(&mut self, at: Place<'_>, now: u64) -> Result<()>;

    fn link(&mut self, from: Place<'_>, to: Place<'_>, now: u64) -> Result<()>;

    fn symlink(&mut self, target: &str, at: Place<'_>, now: u64) -> Result<()>;

    fn target(&mut self, at: Place<'_>) -> Result<String>;

    fn rename(&mut self, from: Place<'_>, to: Place<'_>, now: u64) -> Result<()>;

    /// How much was done since this was last asked: names looked up, and what costs as much.
    fn take_work(&mut self) -> u64;

    /// What is other than it was given.
    fn changes(&mut self, given: &BTreeMap<String, FileBytes>) -> core::result::Result<Changes, crate::StopReason>;
}
