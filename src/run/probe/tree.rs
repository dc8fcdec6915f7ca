//! The tree of calls: a node for each function and each way of calls to it.
//!
//! A function that is called while it is being called already has no second node: its calls belong to the first. So the
//! depth of the tree is bounded by the number of functions. A node has a slot for each place of a call in its function;
//! a slot holds its own address as long as nothing was called there. When there is no room for more nodes, a function
//! has one more node for all other ways to it.

use alloc::{collections::BTreeMap, sync::Arc};

use crate::data::inspect::PAGE;
use crate::load::instrument::{CALLS, FUEL, Instrument, OCCUPIED, SLOTS, node_bytes};

/// The tree of the calls of one run.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    instrument: Arc<Instrument>,
    /// The nodes, by their addresses in the added memory.
    nodes: BTreeMap<u32, Node>,
    /// The nodes of the functions called from a slot.
    children: BTreeMap<(u32, u32), u32>,
    /// Calls and fuel of host functions, by node and import.
    pub(crate) host: BTreeMap<(u32, u32), (u64, u64)>,
    /// The node, the import and the fuel at the start of an operator whose fuel only the host knows.
    running: Option<(u32, u32, u64)>,
    /// The end of the last node.
    end: u64,
    /// The bytes that the nodes of all functions take without a way to them.
    reserved: u64,
}

/// A node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) function: u32,
    /// The node of the caller; 0 if the host has called the function.
    pub(crate) parent: u32,
    /// The slot of the call in the caller; 0 if the host has called the function.
    slot: u32,
    /// The number of its callers.
    depth: u32,
    /// Whether it stands for all ways that have no node of their own.
    pub(crate) is_rest: bool,
}

/// The most callers of a node. Each new way of calls is compared with as many.
const MAX_DEPTH: u32 = 256;

/// The slot of functions without a way to them.
const REST: u32 = 1;

/// The address of the first node.
const FIRST: u64 = 8;

impl Tree {
    pub(crate) fn new(instrument: Arc<Instrument>) -> Tree {
        let reserved = instrument.tables.slots.iter().map(|slots| node_bytes(slots.len())).sum();
        Tree {
            instrument,
            nodes: BTreeMap::new(),
            children: BTreeMap::new(),
            host: BTreeMap::new(),
            running: None,
            end: FIRST,
            reserved,
        }
    }

    /// Returns by how many bytes the added memory has to grow before a node of a function can be added to it, if it has
    /// to.
    pub(crate) fn lacks(&self, bytes: u64, function: u32) -> Option<u64> {
        let needed = self.end + node_bytes(self.slots(function).len());
        let most = self.instrument.most_bytes;
        // Twice as much, so that it is seldom grown.
        let wanted = needed.max(2 * bytes).next_multiple_of(PAGE).min(most);
        (needed > bytes).then_some(wanted.saturating_sub(bytes)).filter(|lack| *lack > 0)
    }

    /// Returns the node of a function that begins. `address` is that of a slot from which nothing has been called, of
    /// another function's node in the slot, or 0 if the host has called the function.
    pub(crate) fn enter(&mut self, memory: &mut [u8], function: u32, address: u32) -> u32 {
        let slot = match address {
            0 => 0,
            address if read(memory, address) == u64::from(address) => address,
            node => self.nodes.get(&node).map_or(0, |node| node.slot),
        };
        if let Some(child) = self.children.get(&(slot, function)).copied() {
            self.fill(memory, slot, child);
            return child;
        }
        let parent = self.owner(slot);
        let child = self.ancestor(parent, function).unwrap_or_else(|| self.add(memory, function, parent, slot));
        self.children.insert((slot, function), child);
        self.fill(memory, slot, child);
        child
    }

    /// Returns the node that has a slot.
    fn owner(&self, slot: u32) -> u32 {
        let before = self.nodes.range(..=slot).next_back();
        before.filter(|_| slot > REST).map_or(0, |(address, _)| *address)
    }

    /// Returns the node of a function among a node and its callers.
    fn ancestor(&self, mut node: u32, function: u32) -> Option<u32> {
        while let Some(found) = self.nodes.get(&node) {
            if found.function == function {
                return Some(node);
            }
            node = found.parent;
        }
        None
    }

    /// Adds a node.
    fn add(&mut self, memory: &mut [u8], function: u32, parent: u32, slot: u32) -> u32 {
        let slots = self.slots(function).len();
        let size = node_bytes(slots);
        let caller = self.nodes.get(&parent);
        let depth = caller.map_or(0, |node| node.depth + 1);
        let under_rest = caller.is_some_and(|node| node.is_rest);
        let is_rest = under_rest || depth > MAX_DEPTH || self.end + size + self.reserved > self.instrument.most_bytes;
        let (parent, slot, depth) = if is_rest { (0, REST, 0) } else { (parent, slot, depth) };
        if is_rest && let Some(node) = self.children.get(&(REST, function)) {
            return *node;
        }
        let address = self.end as u32;
        self.end += size;
        write(memory, address, u64::from(function | OCCUPIED), 4);
        for number in 0..slots as u32 {
            let slot = address + SLOTS + 4 * number;
            write(memory, slot, slot.into(), 4);
        }
        self.nodes.insert(address, Node { function, parent, slot, depth, is_rest });
        if is_rest {
            self.children.insert((REST, function), address);
        }
        address
    }

    /// Sets what a slot holds, so that the next call from there finds the node itself.
    fn fill(&self, memory: &mut [u8], slot: u32, child: u32) {
        let owner = self.owner(slot);
        let Some(node) = self.nodes.get(&owner) else { return };
        // From the node in the slot of an indirect call the slot must be found again.
        let number = (slot - owner).saturating_sub(SLOTS) / 4;
        let is_indirect = self.slots(node.function).get(number as usize).copied().unwrap_or(true);
        let is_child = self.nodes.get(&child).is_some_and(|child| child.slot == slot);
        if is_child || !is_indirect {
            write(memory, slot, child.into(), 4);
        }
    }

    /// Returns whether each call of a function is indirect.
    fn slots(&self, function: u32) -> &[bool] {
        let defined = function.checked_sub(self.instrument.imported);
        let slots = defined.and_then(|number| self.instrument.tables.slots.get(number as usize));
        slots.map_or(&[], |slots| slots)
    }

    /// Begins an operator of a node: the call of an import, or -1.
    pub(crate) fn before(&mut self, node: u32, import: u32, used: u64) {
        self.running = Some((node, import, used));
    }

    /// Ends that operator.
    pub(crate) fn after(&mut self, memory: &mut [u8], used: u64) {
        let Some((node, import, before)) = self.running.take() else { return };
        // Where the host repays what the engine has charged, less may have been used.
        let fuel = used.wrapping_sub(before);
        if import == u32::MAX {
            let sum = read(memory, node + FUEL) as u32 as u64 | read(memory, node + FUEL + 4) << 32;
            write(memory, node + FUEL, sum.wrapping_add(fuel), 8);
            return;
        }
        let (calls, sum) = self.host.entry((node, import)).or_default();
        *calls += 1;
        *sum = sum.wrapping_add(fuel);
    }

    /// Returns the nodes with their addresses, calls and fuel; callers come before the functions that they call.
    pub(crate) fn nodes<'a>(&'a self, memory: &'a [u8]) -> impl Iterator<Item = (u32, Node, u64, u64)> + 'a {
        let long = |at: u32| read(memory, at) | read(memory, at + 4) << 32;
        self.nodes.iter().map(move |(at, node)| (*at, *node, long(at + CALLS), long(at + FUEL)))
    }
}

/// Returns the four bytes at an address; 0 behind the end.
fn read(memory: &[u8], address: u32) -> u64 {
    let bytes = memory.get(address as usize..).and_then(|bytes| bytes.first_chunk::<4>());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes).into())
}

/// Writes the first bytes of a number.
fn write(memory: &mut [u8], address: u32, value: u64, bytes: usize) {
    if let Some(to) = memory.get_mut(address as usize..).and_then(|to| to.get_mut(..bytes)) {
        to.copy_from_slice(value.to_le_bytes().get(..bytes).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::load::instrument::{Kind, Tables};

    /// A tree of functions with this number of calls each, which has room for this number of nodes besides one for each
    /// function.
    fn tree(functions: usize, calls: usize, nodes: u64) -> (Tree, Vec<u8>) {
        let tables = Tables { slots: vec![vec![false; calls]; functions], ..Tables::default() };
        let most_bytes = FIRST + (nodes + functions as u64) * node_bytes(calls);
        let instrument =
            Instrument { kind: Kind::Tree, bytes: most_bytes, most_bytes, tables, ..Instrument::default() };
        (Tree::new(Arc::new(instrument)), vec![0; most_bytes as usize])
    }

    #[test]
    fn what_has_no_room_has_a_node_without_a_way_to_it() {
        let (mut tree, mut memory) = tree(4, 2, 2);
        let root = tree.enter(&mut memory, 0, 0);
        let slot = |node: u32, number: u32| node + SLOTS + 4 * number;
        let one = tree.enter(&mut memory, 1, slot(root, 0));
        let rest = tree.enter(&mut memory, 2, slot(one, 0));
        assert_eq!(tree.nodes[&one], Node { function: 1, parent: root, slot: slot(root, 0), depth: 1, is_rest: false });
        assert!(tree.nodes[&rest].is_rest && tree.nodes[&rest].parent == 0);
        // Another way to the function, and calls from it, have no other nodes.
        assert_eq!(tree.enter(&mut memory, 2, slot(root, 1)), rest);
        let below = tree.enter(&mut memory, 1, slot(rest, 0));
        assert!(tree.nodes[&below].is_rest);
        assert_eq!(tree.enter(&mut memory, 1, slot(rest, 1)), below);
        // Each slot holds the node, so that the next call finds it without the host.
        assert_eq!(read(&memory, slot(rest, 1)), u64::from(below));
        // There is room for one of each function.
        for function in 0..4 {
            let node = tree.enter(&mut memory, function, slot(below, 1));
            assert!((node + node_bytes(2) as u32) as usize <= memory.len());
        }
    }

    #[test]
    fn the_memory_grows_with_the_nodes() {
        let (mut tree, mut memory) = tree(3, 1_000, 100);
        assert_eq!(tree.lacks(memory.len() as u64, 0), None);
        assert_eq!(tree.lacks(4_000, 0), Some(PAGE - 4_000));
        tree.enter(&mut memory, 0, 0);
        assert_eq!(tree.lacks(PAGE, 0), None);
        tree.end = PAGE;
        assert_eq!(tree.lacks(PAGE, 0), Some(PAGE));
        tree.end = 3 * PAGE;
        assert_eq!(tree.lacks(PAGE, 0), Some(3 * PAGE));
    }
}
