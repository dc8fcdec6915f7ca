//! Profiles of fuel.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use core::fmt;

use serde::Serialize;

use super::symbols::{Symbols, location::Location};
use crate::{
    data::{
        inspect::{ExternType, Import},
        outcome::Outcome,
    },
    error::Stopped,
    run::{machine::Machine, probe::tree::Tree},
};

mod export;
mod flame_graph;
mod frames;
mod places;
mod pprof;

/// What the fuel of a run was spent on: a tree of calls.
///
/// A function has one [`Node`] for each way of calls to it. Calls of a function that is being called already belong to
/// the node that it has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FuelProfile {
    /// Nodes; callers come before what they call.
    pub nodes: Vec<Node>,
    /// What the run produced, as without a profile.
    #[serde(skip)]
    pub result: Result<Outcome, Box<Stopped>>,
    /// Where functions of the guest begin in the source, by their indices.
    #[serde(skip)]
    places: BTreeMap<u32, Location>,
}

/// Node of a [`FuelProfile`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// What was called.
    pub callee: Callee,
    /// Index of the node of the caller; `None` if belljar made the call.
    pub caller: Option<usize>,
    /// Number of calls.
    pub calls: u64,
    /// Fuel without that of the functions that it called.
    pub fuel: u64,
}

/// What was called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Callee {
    /// A function that the module defines.
    Guest {
        /// Its index.
        function: u32,
        /// Its name, if the module has one.
        name: Option<String>,
    },
    /// A function of the host.
    Host {
        /// Its module.
        module: String,
        /// Its name.
        name: String,
    },
    /// The work of belljar: the instantiation, the copy of the input, and functions of the host that the guest calls
    /// through a table.
    Belljar,
}

impl fmt::Display for Callee {
    /// Formats the name: that of a function without one is its index.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Callee::Guest { name: Some(name), .. } => f.write_str(name),
            Callee::Guest { function, .. } => write!(f, "function {function}"),
            Callee::Host { module, name } => write!(f, "{module}::{name}"),
            Callee::Belljar => f.write_str("(belljar)"),
        }
    }
}

/// Fuel of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FunctionFuel {
    /// The function.
    pub callee: Callee,
    /// Number of calls.
    pub calls: u64,
    /// Fuel without that of the functions that it called.
    pub own: u64,
    /// Fuel with that of the functions that it called.
    pub total: u64,
}

impl FuelProfile {
    /// Returns the profile of a run that used this fuel, from what its instrument has recorded.
    pub(super) fn new(wasm: &[u8], machine: &mut Machine, result: Result<Outcome, Box<Stopped>>) -> FuelProfile {
        let fuel = result.as_ref().map_or_else(|stopped| stopped.usage.fuel, |outcome| outcome.usage.fuel);
        let imports = machine.module().inspect().imports.clone();
        let mut nodes = machine.tree().map_or_else(Vec::new, |(tree, memory)| nodes(&tree, memory, &imports));
        let symbols = Symbols::read(wasm);
        for node in &mut nodes {
            if let Callee::Guest { function, name } = &mut node.callee {
                *name = symbols.function(*function).map(String::from);
            }
        }
        let known = nodes.iter().map(|node| node.fuel).fold(0, u64::wrapping_add);
        nodes.push(Node { callee: Callee::Belljar, caller: None, calls: 1, fuel: fuel.wrapping_sub(known) });
        let places = places::places(wasm, &symbols, &nodes);
        FuelProfile { nodes, result, places }
    }

    /// Returns the fuel of the run: the sum over all nodes.
    pub fn fuel(&self) -> u64 {
        self.nodes.iter().map(|node| node.fuel).sum()
    }

    /// Returns the fuel of each function, most first.
    pub fn functions(&self) -> Vec<FunctionFuel> {
        let mut totals: Vec<u64> = self.nodes.iter().map(|node| node.fuel).collect();
        for (number, node) in self.nodes.iter().enumerate().rev() {
            if let Some(caller) = node.caller {
                let fuel = totals.get(number).copied().unwrap_or_default();
                if let Some(total) = totals.get_mut(caller) {
                    *total += fuel;
                }
            }
        }
        let mut functions = BTreeMap::<&Callee, FunctionFuel>::new();
        for (node, total) in self.nodes.iter().zip(totals) {
            let function = functions.entry(&node.callee).or_insert_with(|| FunctionFuel {
                callee: node.callee.clone(),
                calls: 0,
                own: 0,
                total: 0,
            });
            function.calls += node.calls;
            function.own += node.fuel;
            function.total += total;
        }
        let mut functions: Vec<_> = functions.into_values().collect();
        functions.sort_by(|a, b| b.own.cmp(&a.own).then_with(|| a.callee.cmp(&b.callee)));
        functions
    }
}

/// Returns the nodes of a tree.
fn nodes(tree: &Tree, memory: &[u8], imports: &[Import]) -> Vec<Node> {
    let (mut nodes, mut numbers) = (Vec::new(), BTreeMap::new());
    for (address, node, calls, fuel) in tree.nodes(memory) {
        numbers.insert(address, nodes.len());
        let callee = Callee::Guest { function: node.function, name: None };
        nodes.push(Node { callee, caller: numbers.get(&node.parent).copied(), calls, fuel });
    }
    let functions: Vec<_> = imports.iter().filter(|import| matches!(import.ty, ExternType::Function(_))).collect();
    for ((address, import), (calls, fuel)) in &tree.host {
        let import = functions.get(*import as usize);
        let (module, name) = import.map(|i| (i.module.clone(), i.name.clone())).unwrap_or_default();
        let callee = Callee::Host { module, name };
        nodes.push(Node { callee, caller: numbers.get(address).copied(), calls: *calls, fuel: *fuel });
    }
    nodes
}
