//! What checking a value against a schema can cost at most.

use alloc::{collections::BTreeMap, vec::Vec};

use serde_json::Value;

use super::graph::Graph;

/// The most schemas that may be looked at for one value, each as large as it is.
const MAX_WORK: u64 = 50_000_000;

/// How deep the validator may go: by schemas for the same value, at each depth of it.
const MAX_DEPTH: usize = 1_000;

/// How many values there are at each depth.
#[derive(Debug, Default)]
pub(super) struct Shape(Vec<u64>);

impl Shape {
    pub(super) fn of(value: &Value) -> Shape {
        let mut shape = Shape::default();
        shape.add(value, 0);
        shape
    }

    fn add(&mut self, value: &Value, depth: usize) {
        if self.0.len() <= depth {
            self.0.push(0);
        }
        self.0[depth] += 1;
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item, depth + 1)),
            Value::Object(members) => members.values().for_each(|member| self.add(member, depth + 1)),
            _ => {}
        }
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
        shape.0.len().saturating_mul(self.chain + 1) <= MAX_DEPTH
            && self.work(shape, telling).is_some_and(|work| work <= MAX_WORK)
    }

    /// How often schemas are looked at, each as large as it is, for a value at one depth after the other: at
    /// most as often as for the worst of them. Nothing if that cannot be told.
    fn work(&self, shape: &Shape, telling: bool) -> Option<u64> {
        let mut steps = MAX_STEPS;
        let mut times = self.all(Times::from([(self.top, 1)]), telling, &mut steps)?;
        let mut work = 0u64;
        for values in &shape.0 {
            let each = times.iter().map(|(node, times)| times.saturating_mul(self.nodes[*node].size));
            work = work.saturating_add(each.fold(0, u64::saturating_add).saturating_mul(*values));
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
