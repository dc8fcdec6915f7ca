//! What checking a value against a schema can cost at most.

use alloc::{collections::BTreeMap, vec, vec::Vec};

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

impl Graph {
    /// Whether a value of this shape can be checked; `telling`: and be told why it does not fit, for which
    /// what is tried one by one is gone through again.
    pub(super) fn admits(&self, shape: &Shape, telling: bool) -> bool {
        shape.0.len().saturating_mul(self.chain + 1) <= MAX_DEPTH && self.work(shape, telling) <= MAX_WORK
    }

    /// How often each schema is looked at, for a value at one depth after the other: at most as often as it is
    /// for the worst of them.
    fn work(&self, shape: &Shape, telling: bool) -> u64 {
        let mut times = vec![0u64; self.nodes.len()];
        times[0] = 1;
        let mut work = 0u64;
        for values in &shape.0 {
            for node in &self.order {
                let own = times[*node];
                for (target, tried) in self.nodes[*node].same.iter().filter(|_| own > 0) {
                    let factor = if telling && *tried { 2 } else { 1 };
                    times[*target] = times[*target].saturating_add(own.saturating_mul(factor));
                }
            }
            let each = times.iter().zip(&self.nodes).map(|(times, node)| times.saturating_mul(node.size));
            work = work.saturating_add(each.fold(0, u64::saturating_add).saturating_mul(*values));
            times = self.below(&times);
        }
        work
    }

    /// The same for a value within: what is for any is added up, of what is for names the worst name counts.
    fn below(&self, times: &[u64]) -> Vec<u64> {
        let mut any = vec![0u64; times.len()];
        let mut named: BTreeMap<(&str, usize), u64> = BTreeMap::new();
        for (own, node) in times.iter().zip(&self.nodes).filter(|(own, _)| **own > 0) {
            for (name, target) in &node.within {
                let sum = match name {
                    None => &mut any[*target],
                    Some(name) => named.entry((name, *target)).or_default(),
                };
                *sum = sum.saturating_add(*own);
            }
        }
        let mut worst = vec![0u64; times.len()];
        for ((_, target), sum) in named {
            worst[target] = worst[target].max(sum);
        }
        any.iter().zip(worst).map(|(any, worst)| any.saturating_add(worst)).collect()
    }
}
