//! Profiles in the formats of other programs.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::json;

use super::Profile;

impl Profile {
    /// Returns the tree of calls as folded stacks, which programs that draw flame graphs read: a line for each node with
    /// fuel, with the names from the outermost function to its own, `a;b;c 100`.
    pub fn folded(&self) -> String {
        let names = self.names();
        let mut text = String::new();
        for (stack, fuel) in self.stacks() {
            for (depth, node) in stack.iter().enumerate() {
                text.push_str(if depth == 0 { "" } else { ";" });
                let name = names.get(*node).map_or("", String::as_str);
                // These separate names and lines.
                text.extend(name.chars().map(|c| if c == ';' || c.is_control() { ':' } else { c }));
            }
            text.push_str(&alloc::format!(" {fuel}\n"));
        }
        text
    }

    /// Returns the tree of calls as a document of [speedscope](https://www.speedscope.app/file-format-schema.json),
    /// which other viewers import: fuel is the weight.
    pub fn speedscope(&self, title: &str) -> String {
        let mut frames = Vec::new();
        let mut numbers = BTreeMap::new();
        let of_node: Vec<usize> = self
            .names()
            .into_iter()
            .map(|name| {
                *numbers.entry(name).or_insert_with_key(|name| {
                    frames.push(json!({ "name": name }));
                    frames.len() - 1
                })
            })
            .collect();
        let frame = |node: &usize| of_node.get(*node).copied().unwrap_or_default();
        let (samples, weights): (Vec<Vec<usize>>, Vec<u64>) =
            self.stacks().map(|(stack, fuel)| (stack.iter().map(frame).collect(), fuel)).unzip();
        json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "exporter": concat!("belljar ", env!("CARGO_PKG_VERSION")),
            "name": title,
            "shared": { "frames": frames },
            "profiles": [{
                "type": "sampled",
                "name": title,
                "unit": "none",
                "startValue": 0,
                "endValue": self.fuel(),
                "samples": samples,
                "weights": weights,
            }],
        })
        .to_string()
    }

    fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.callee.to_string()).collect()
    }

    /// Returns each node with fuel: the nodes from the outermost function to it, and its fuel.
    fn stacks(&self) -> impl Iterator<Item = (Vec<usize>, u64)> {
        let with_fuel = self.nodes.iter().enumerate().filter(|(_, node)| node.fuel > 0);
        with_fuel.map(|(number, node)| {
            let caller = |number: &usize| self.nodes.get(*number).and_then(|node| node.caller);
            let mut stack: Vec<_> = core::iter::successors(Some(number), caller).collect();
            stack.reverse();
            (stack, node.fuel)
        })
    }
}
