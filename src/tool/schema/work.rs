//! Upper bound of the work of a validation.

#![expect(clippy::indexing_slicing, reason = "a node is named by its index")]

use alloc::{collections::BTreeMap, vec::Vec};

use super::graph::Graph;
use crate::tool::document::{Kind, Node};

/// Most work for one value: the sizes of all schemas applied, and bytes of text.
const MAX_WORK: u64 = 10_000_000;

/// Bytes of text that cost as much as one keyword, and the cost of a pattern for each of them: more than that of the
/// largest pattern accepted.
const BYTES: u64 = 64;
const PATTERN: u64 = 16;

/// Deepest recursion of the validator: chains of schemas for the same value, at each depth of the value.
const MAX_DEPTH: usize = 1_000;

/// Number of values at each depth of a document.
#[derive(Debug, Default)]
pub(super) struct ValueCounts {
    levels: Vec<Level>,
    most_members: u64,
    longest_name: usize,
}

/// Values at one depth.
#[derive(Debug, Default)]
struct Level {
    values: u64,
    /// Bytes of strings and names.
    bytes: u64,
}

impl ValueCounts {
    /// Counts the values of a document.
    pub(super) fn of(value: Node<'_>) -> ValueCounts {
        let mut counts = ValueCounts::default();
        counts.add(value, 0);
        counts
    }

    /// Returns the number of values.
    pub(super) fn values(&self) -> u64 {
        self.levels.iter().map(|level| level.values).sum()
    }

    /// Returns the number of members of the object that has most of them.
    pub(super) fn most_members(&self) -> u64 {
        self.most_members
    }

    /// Returns the length of the longest name, in bytes.
    pub(super) fn longest_name(&self) -> usize {
        self.longest_name
    }

    fn add(&mut self, value: Node<'_>, depth: usize) {
        self.level(depth).values += 1;
        match value.kind() {
            Kind::Array(items) => items.for_each(|item| self.add(item, depth + 1)),
            Kind::Object(members) => {
                self.most_members = self.most_members.max(members.len() as u64);
                for (name, member) in members {
                    self.longest_name = self.longest_name.max(name.len());
                    // A name is matched by patterns of its object, and is a value for `propertyNames`.
                    self.level(depth).bytes += name.len() as u64;
                    self.level(depth + 1).bytes += name.len() as u64;
                    self.add(member, depth + 1);
                }
            }
            Kind::Text(text) => self.level(depth).bytes += text.len() as u64,
            _ => {}
        }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many levels by then")]
    fn level(&mut self, depth: usize) -> &mut Level {
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Level::default);
        }
        &mut self.levels[depth]
    }
}

/// Most steps of the computation itself.
const MAX_STEPS: u64 = 5_000_000;

/// Number of applications of each schema to one value, by node.
type Times = BTreeMap<usize, u64>;

impl Graph {
    /// Returns whether validation of a document stays within the limits. With `explain`, the reasons of a mismatch are
    /// included, for which alternatives are applied a second time.
    pub(super) fn admits(&self, counts: &ValueCounts, explain: bool) -> bool {
        counts.levels.len().saturating_mul(self.chain + 1) <= MAX_DEPTH
            && self.work(counts, explain).is_some_and(|work| work <= MAX_WORK)
    }

    /// Computes the work, depth by depth, each value at the cost of the worst value of its depth. Returns `None` if the
    /// computation takes too long.
    fn work(&self, counts: &ValueCounts, explain: bool) -> Option<u64> {
        let mut steps = MAX_STEPS;
        let mut times = self.all(Times::from([(self.top, 1)]), explain, &mut steps)?;
        let mut work = 0u64;
        for Level { values, bytes } in &counts.levels {
            for (node, times) in &times {
                let node = &self.nodes[*node];
                let text = bytes / BYTES + bytes.saturating_mul(node.patterns.saturating_mul(PATTERN));
                let each = node.size.saturating_mul(*values).saturating_add(text);
                work = work.saturating_add(times.saturating_mul(each));
            }
            times = self.below(&times, explain, &mut steps)?;
        }
        Some(work)
    }

    /// Adds the schemas that are applied to the same value because of others.
    fn all(&self, mut open: Times, explain: bool, steps: &mut u64) -> Option<Times> {
        let mut all = Times::new();
        // Nodes are sorted: all that lead to a node come before it.
        while let Some((node, own)) = open.pop_first() {
            for (target, tried) in &self.nodes[node].same {
                *steps = steps.checked_sub(1)?;
                let factor = if explain && *tried { 2 } else { 1 };
                let sum = open.entry(*target).or_default();
                *sum = sum.saturating_add(own.saturating_mul(factor));
            }
            *steps = steps.checked_sub(1)?;
            all.insert(node, own);
        }
        Some(all)
    }

    /// Computes the applications to a value within. It has one name; the worst name counts.
    fn below(&self, times: &Times, explain: bool, steps: &mut u64) -> Option<Times> {
        let mut any = Times::new();
        let mut named: BTreeMap<&str, Times> = BTreeMap::new();
        for (node, own) in times {
            for (name, target) in &self.nodes[*node].within {
                *steps = steps.checked_sub(1)?;
                let times = name.as_ref().map_or(&mut any, |name| named.entry(name).or_default());
                let sum = times.entry(*target).or_default();
                *sum = sum.saturating_add(*own);
            }
        }
        // For a name that no schema mentions, and for each that one does.
        let mut worst = self.all(any.clone(), explain, steps)?;
        for mut times in named.into_values() {
            for (node, own) in &any {
                *steps = steps.checked_sub(1)?;
                let sum = times.entry(*node).or_default();
                *sum = sum.saturating_add(*own);
            }
            for (node, own) in self.all(times, explain, steps)? {
                let most = worst.entry(node).or_default();
                *most = own.max(*most);
            }
        }
        Some(worst)
    }
}
