//! What checking a value against a schema can cost at most.

use alloc::{collections::BTreeMap, vec::Vec};

use super::graph::Graph;
use crate::document::{Kind, Node};

/// The most work for one value: schemas that are looked at, each as large as it is, and bytes of text.
const MAX_WORK: u64 = 10_000_000;

/// Bytes of text that are looked at as fast as one keyword, and what a pattern costs for each: more than that of
/// the largest which is accepted.
const BYTES: u64 = 64;
const PATTERN: u64 = 16;

/// How deep the validator may go: by schemas for the same value, at each depth of it.
const MAX_DEPTH: usize = 1_000;

/// How many values there are at each depth.
#[derive(Debug, Default)]
pub(super) struct Shape {
    levels: Vec<Level>,
    most_members: u64,
}

/// The values of one depth.
#[derive(Debug, Default)]
struct Level {
    values: u64,
    /// Those of texts and names.
    bytes: u64,
}

impl Shape {
    /// Returns that of a value.
    pub(super) fn of(value: Node<'_>) -> Shape {
        let mut shape = Shape::default();
        shape.add(value, 0);
        shape
    }

    /// Returns the number of values.
    pub(super) fn values(&self) -> u64 {
        self.levels.iter().map(|level| level.values).sum()
    }

    /// Returns the number of members of the object that has most of them.
    pub(super) fn most_members(&self) -> u64 {
        self.most_members
    }

    fn add(&mut self, value: Node<'_>, depth: usize) {
        self.level(depth).values += 1;
        match value.kind() {
            Kind::Array(items) => items.for_each(|item| self.add(item, depth + 1)),
            Kind::Object(members) => {
                self.most_members = self.most_members.max(members.len() as u64);
                for (name, member) in members {
                    // Patterns look at it from above, schemas for names as at a value.
                    self.level(depth).bytes += name.len() as u64;
                    self.level(depth + 1).bytes += name.len() as u64;
                    self.add(member, depth + 1);
                }
            }
            Kind::Text(text) => self.level(depth).bytes += text.len() as u64,
            _ => {}
        }
    }

    fn level(&mut self, depth: usize) -> &mut Level {
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Level::default);
        }
        &mut self.levels[depth]
    }
}

/// The most steps that telling the work may take itself.
const MAX_STEPS: u64 = 5_000_000;

/// How often schemas are looked at for one value, by their numbers.
type Times = BTreeMap<usize, u64>;

impl Graph {
    /// Whether a value of this shape can be checked; `telling`: and be told why it does not fit, for which
    /// what is tried one by one is gone through again.
    pub(super) fn admits(&self, shape: &Shape, telling: bool) -> bool {
        shape.levels.len().saturating_mul(self.chain + 1) <= MAX_DEPTH
            && self.work(shape, telling).is_some_and(|work| work <= MAX_WORK)
    }

    /// How often schemas are looked at, each as large as it is, for a value at one depth after the other: at
    /// most as often as for the worst of them. Nothing if that cannot be told.
    fn work(&self, shape: &Shape, telling: bool) -> Option<u64> {
        let mut steps = MAX_STEPS;
        let mut times = self.all(Times::from([(self.top, 1)]), telling, &mut steps)?;
        let mut work = 0u64;
        for Level { values, bytes } in &shape.levels {
            for (node, times) in &times {
                let node = &self.nodes[*node];
                let text = bytes / BYTES + bytes.saturating_mul(node.patterns.saturating_mul(PATTERN));
                let each = node.size.saturating_mul(*values).saturating_add(text);
                work = work.saturating_add(times.saturating_mul(each));
            }
            times = self.below(&times, telling, &mut steps)?;
        }
        Some(work)
    }

    /// With those that the same value is checked against because of them.
    fn all(&self, mut open: Times, telling: bool, steps: &mut u64) -> Option<Times> {
        let mut all = Times::new();
        // A node is behind all that lead to it.
        while let Some((node, own)) = open.pop_first() {
            for (target, tried) in &self.nodes[node].same {
                *steps = steps.checked_sub(1)?;
                let factor = if telling && *tried { 2 } else { 1 };
                let sum = open.entry(*target).or_default();
                *sum = sum.saturating_add(own.saturating_mul(factor));
            }
            *steps = steps.checked_sub(1)?;
            all.insert(node, own);
        }
        Some(all)
    }

    /// The same for a value within: it has one name, and the worst name counts.
    fn below(&self, times: &Times, telling: bool, steps: &mut u64) -> Option<Times> {
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
        // That of a name which no schema knows, and of each that one does.
        let mut worst = self.all(any.clone(), telling, steps)?;
        for mut times in named.into_values() {
            for (node, own) in &any {
                *steps = steps.checked_sub(1)?;
                let sum = times.entry(*node).or_default();
                *sum = sum.saturating_add(*own);
            }
            for (node, own) in self.all(times, telling, steps)? {
                let most = worst.entry(node).or_default();
                *most = own.max(*most);
            }
        }
        Some(worst)
    }
}
