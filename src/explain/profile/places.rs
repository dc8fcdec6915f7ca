//! Places of functions in the source.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use wasmparser::{Parser, Payload};

use super::{Callee, Node};
use crate::explain::symbols::{Symbols, location::Location};

/// Returns where functions of a profile begin in the source, by their indices. Without debugging information there are
/// none.
pub(super) fn places(wasm: &[u8], symbols: &Symbols, nodes: &[Node]) -> BTreeMap<u32, Location> {
    let called = nodes.iter().filter_map(|node| match node.callee {
        Callee::Guest { function, .. } => Some(function),
        _ => None,
    });
    let called: BTreeSet<u32> = called.collect();
    let bodies = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload {
        Ok(Payload::CodeSectionEntry(body)) => Some(body),
        _ => None,
    });
    let bodies: Vec<_> = bodies.collect();
    // The functions of the bodies are the last ones.
    let defined = bodies.len().try_into().unwrap_or(u32::MAX);
    let bodies = (symbols.functions().saturating_sub(defined)..).zip(bodies);
    let places = bodies.filter(|(function, _)| called.contains(function)).filter_map(|(function, body)| {
        let first = body.get_operators_reader().ok()?.original_position();
        Some((function, symbols.locate(first.try_into().ok()?).pop()?))
    });
    places.collect()
}
