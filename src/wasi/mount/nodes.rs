//! Node numbers of the host files that a run has seen, and its use of the quotas.

use alloc::collections::BTreeMap;

use crate::{
    config::dirs::HostDir,
    wasi::{
        errno::{Errno, Result},
        volume::{Node, ROOT},
    },
};

/// Identity of a file on the host: device and inode number.
pub(super) type FileId = (u64, u64);

/// Maximum number of nodes at a time, beside those that are open. A file whose node was dropped gets a new number
/// when it is seen again.
const MAX_NODES: usize = 1 << 16;

/// Node numbers, assigned in the order in which files are first seen, and the use of the quotas.
pub(super) struct NodeTable {
    by_id: BTreeMap<FileId, Node>,
    by_node: BTreeMap<Node, NodeInfo>,
    next: Node,
    /// Lowest node that may still be dropped. Those below it were open when their turn came, and are kept.
    oldest: Node,
    /// Bytes and names added by the run, and their quotas.
    bytes: u64,
    names: u64,
    quotas: HostDir,
}

/// Use of the quotas by one file.
struct NodeInfo {
    id: FileId,
    /// Bytes that the run added to the file.
    bytes: u64,
    /// Names of the file that the run added.
    names: u64,
}

impl NodeTable {
    pub(super) fn new(quotas: &HostDir) -> Self {
        let (by_id, by_node) = (BTreeMap::new(), BTreeMap::new());
        NodeTable { by_id, by_node, next: ROOT, oldest: ROOT, bytes: 0, names: 0, quotas: quotas.clone() }
    }

    /// Returns the node of a file; assigns a number if it has none.
    pub(super) fn node_of(&mut self, id: FileId, is_open: impl Fn(Node) -> bool) -> Node {
        if let Some(node) = self.by_id.get(&id) {
            return *node;
        }
        if self.by_id.len() >= MAX_NODES
            && let Some(oldest) = self.by_node.range(self.oldest..).map(|(node, _)| *node).find(|node| !is_open(*node))
            && let Some(info) = self.by_node.remove(&oldest)
        {
            // Its use of the quotas stays counted.
            self.by_id.remove(&info.id);
            self.oldest = oldest;
        }
        let node = self.next;
        self.next += 1;
        self.by_id.insert(id, node);
        self.by_node.insert(node, NodeInfo { id, bytes: 0, names: 0 });
        node
    }

    /// Drops the node of a deleted file, and returns the bytes added to it to the quota.
    pub(super) fn forget(&mut self, node: Node) {
        if let Some(info) = self.by_node.remove(&node) {
            self.by_id.remove(&info.id);
            self.bytes = self.bytes.saturating_sub(info.bytes);
        }
    }

    /// Checks that the quotas let a file of `size` grow to `end`.
    pub(super) fn check_growth(&self, size: u64, end: u64) -> Result<()> {
        let more = end.saturating_sub(size);
        if more > 0 && end > self.quotas.file_bytes {
            return Err(Errno::FBig.into());
        }
        if more > self.quotas.total_bytes.saturating_sub(self.bytes) { Err(Errno::DQuot.into()) } else { Ok(()) }
    }

    /// Counts a change of a file's size against the quota.
    pub(super) fn count_resized(&mut self, node: Node, from: u64, to: u64) {
        let (more, less) = (to.saturating_sub(from), from.saturating_sub(to));
        self.bytes = self.bytes.saturating_add(more);
        if let Some(info) = self.by_node.get_mut(&node) {
            let back = info.bytes.min(less);
            info.bytes = info.bytes - back + more;
            self.bytes = self.bytes.saturating_sub(back);
        }
    }

    /// Checks that the quota leaves room for a name.
    pub(super) fn check_name(&self) -> Result<()> {
        if self.names >= self.quotas.files { Err(Errno::DQuot.into()) } else { Ok(()) }
    }

    /// Counts a created name against the quota.
    pub(super) fn count_created(&mut self, node: Option<Node>) {
        self.names += 1;
        if let Some(info) = node.and_then(|node| self.by_node.get_mut(&node)) {
            info.names += 1;
        }
    }

    /// Counts a removed name; one that the run added is returned to the quota.
    pub(super) fn count_removed(&mut self, node: Node) {
        if let Some(info) = self.by_node.get_mut(&node)
            && info.names > 0
        {
            info.names -= 1;
            self.names = self.names.saturating_sub(1);
        }
    }
}
