//! The files that a run has seen, by numbers of its own, and what it has made of them.

use alloc::collections::BTreeMap;

use crate::{
    config::dirs::HostDir,
    wasi::{
        errno::{Errno, Result},
        volume::{Node, ROOT},
    },
};

/// What tells files of a host apart: device and number.
pub(super) type Id = (u64, u64);

/// How many files are known at a time, beside those that are open. One that was forgotten is seen for
/// the first time once more.
const MAX_KNOWN: usize = 1 << 16;

/// Numbers in the order in which files are first seen, and the quotas.
pub(super) struct Known {
    nodes: BTreeMap<Id, Node>,
    seen: BTreeMap<Node, Seen>,
    next: Node,
    /// Up to here, what is left was open when it could have been forgotten. It is not looked at again.
    oldest: Node,
    /// Bytes that were added, names that were added, and what these may be.
    bytes: u64,
    names: u64,
    quotas: HostDir,
}

struct Seen {
    id: Id,
    /// Of the bytes that were added, those that are in it.
    bytes: u64,
    /// Of the names that were added, those that it has.
    names: u64,
}

impl Known {
    pub(super) fn new(quotas: &HostDir) -> Self {
        let (nodes, seen) = (BTreeMap::new(), BTreeMap::new());
        Known { nodes, seen, next: ROOT, oldest: ROOT, bytes: 0, names: 0, quotas: quotas.clone() }
    }

    pub(super) fn number(&mut self, id: Id, is_held: impl Fn(Node) -> bool) -> Node {
        if let Some(node) = self.nodes.get(&id) {
            return *node;
        }
        if self.nodes.len() >= MAX_KNOWN
            && let Some(oldest) = self.seen.range(self.oldest..).map(|(node, _)| *node).find(|node| !is_held(*node))
            && let Some(seen) = self.seen.remove(&oldest)
        {
            // What it counts is not given back.
            self.nodes.remove(&seen.id);
            self.oldest = oldest;
        }
        let node = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        self.seen.insert(node, Seen { id, bytes: 0, names: 0 });
        node
    }

    /// Forgets a file that is gone; the bytes that were added to it are free.
    pub(super) fn forget(&mut self, node: Node) {
        if let Some(seen) = self.seen.remove(&node) {
            self.nodes.remove(&seen.id);
            self.bytes = self.bytes.saturating_sub(seen.bytes);
        }
    }

    /// Checks that a file of this size may reach this end.
    pub(super) fn check_growth(&self, size: u64, end: u64) -> Result<()> {
        let more = end.saturating_sub(size);
        if more > 0 && end > self.quotas.file_bytes {
            return Err(Errno::FBig.into());
        }
        if more > self.quotas.total_bytes.saturating_sub(self.bytes) { Err(Errno::DQuot.into()) } else { Ok(()) }
    }

    /// Counts that a file has another size.
    pub(super) fn resized(&mut self, node: Node, from: u64, to: u64) {
        let (more, less) = (to.saturating_sub(from), from.saturating_sub(to));
        self.bytes = self.bytes.saturating_add(more);
        if let Some(seen) = self.seen.get_mut(&node) {
            let back = seen.bytes.min(less);
            seen.bytes = seen.bytes - back + more;
            self.bytes = self.bytes.saturating_sub(back);
        }
    }

    /// Checks that a name may be made.
    pub(super) fn check_name(&self) -> Result<()> {
        if self.names >= self.quotas.files { Err(Errno::DQuot.into()) } else { Ok(()) }
    }

    /// Counts a name that was made.
    pub(super) fn made(&mut self, node: Option<Node>) {
        self.names += 1;
        if let Some(seen) = node.and_then(|node| self.seen.get_mut(&node)) {
            seen.names += 1;
        }
    }

    /// Counts a name that was taken away.
    pub(super) fn removed(&mut self, node: Node) {
        if let Some(seen) = self.seen.get_mut(&node)
            && seen.names > 0
        {
            seen.names -= 1;
            self.names = self.names.saturating_sub(1);
        }
    }
}
