//! Graph of subschemas and references, from which the work of a validation is computed in advance.
//!
//! A node is a subschema. Its edges lead to subschemas that are applied to the same value (`allOf`, `$ref`, …), and to
//! those that are applied to a value within it (`properties`, `items`, …).

#![expect(clippy::indexing_slicing, reason = "a node is named by its index")]

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec,
    vec::Vec,
};

use serde_json::{Map, Value};

use crate::tool::schema::error::{SchemaError, SchemaProblem};

/// Most subschemas, edges and patterns of a schema.
const MAX_NODES: usize = 4_000;
const MAX_PATTERNS: u64 = 100;

/// Graph of a schema.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Sorted so that `same` leads only to later nodes.
    pub nodes: Vec<Node>,
    /// Node of the whole schema.
    pub top: usize,
    /// Longest chain of schemas for the same value.
    pub chain: usize,
    /// Whether the validator collects all errors of a value before it reports one.
    pub collects_errors: bool,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    /// Schemas for the same value, and whether they are alternatives.
    pub same: Vec<(usize, bool)>,
    /// Schemas for a value within, under one name or under any.
    pub within: Vec<(Option<String>, usize)>,
    /// Size: its keywords and their values.
    pub size: u64,
    /// Number of patterns, for strings or for names.
    pub patterns: u64,
}

/// Keywords with a subschema for the same value.
const SAME: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords with subschemas for the same value, in an array or by name.
const SAME_LIST: [(&str, bool); 3] = [("allOf", false), ("anyOf", true), ("oneOf", true)];
const SAME_NAMED: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Keywords with a subschema, or an array of them, for values within.
const WITHIN: [&str; 8] = [
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
];
/// Keywords with subschemas by name, and keywords with data.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
const DATA: [&str; 4] = ["enum", "const", "default", "examples"];
/// Keywords whose errors contain the errors of other schemas, or all wrong items.
const GATHERING: [&str; 4] = ["anyOf", "oneOf", "unevaluatedItems", "unevaluatedProperties"];
/// Keywords that make references this graph does not resolve.
const REFUSED: [&str; 5] = ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$recursiveAnchor"];

impl Graph {
    /// Builds the graph of a schema.
    pub(super) fn of(schema: &Value) -> Result<Graph, SchemaError> {
        let mut building = Building::new(schema);
        building.collect_targets(schema, &mut String::new(), false)?;
        building.node(String::new(), schema)?;
        // A work list, since references may be cyclic.
        let mut next = 0;
        while let Some((at, value)) = building.found.get(next).cloned() {
            building.add_edges(next, &at, value)?;
            next += 1;
        }
        building.graph.sort()
    }

    /// Sorts each node behind those that lead to it for the same value.
    fn sort(self) -> Result<Graph, SchemaError> {
        let mut waiting = vec![0usize; self.nodes.len()];
        for (target, _) in self.nodes.iter().flat_map(|node| &node.same) {
            waiting[*target] += 1;
        }
        let mut ready: Vec<usize> = (0..self.nodes.len()).filter(|node| waiting[*node] == 0).collect();
        let (mut place, mut length) = (vec![usize::MAX; self.nodes.len()], vec![1usize; self.nodes.len()]);
        let mut order = Vec::new();
        while let Some(node) = ready.pop() {
            place[node] = order.len();
            order.push(node);
            for (target, _) in &self.nodes[node].same {
                length[*target] = length[*target].max(length[node] + 1);
                waiting[*target] -= 1;
                if waiting[*target] == 0 {
                    ready.push(*target);
                }
            }
        }
        if order.len() < self.nodes.len() {
            return Err(SchemaError { path: String::new(), problem: SchemaProblem::Endless });
        }
        let moved = |node: &usize| Node {
            same: self.nodes[*node].same.iter().map(|(target, tried)| (place[*target], *tried)).collect(),
            within: self.nodes[*node].within.iter().map(|(name, target)| (name.clone(), place[*target])).collect(),
            size: self.nodes[*node].size,
            patterns: self.nodes[*node].patterns,
        };
        let chain = length.into_iter().max().unwrap_or(1);
        Ok(Graph {
            nodes: order.iter().map(moved).collect(),
            top: place[0],
            chain,
            collects_errors: self.collects_errors,
        })
    }
}

struct Building<'a> {
    schema: &'a Value,
    graph: Graph,
    /// Nodes by JSON Pointer.
    known: BTreeMap<String, usize>,
    /// JSON Pointers and schemas in order of the nodes.
    found: Vec<(String, &'a Value)>,
    /// JSON Pointers that references can target: all that is not data.
    places: BTreeSet<String>,
    patterns: u64,
}

impl<'a> Building<'a> {
    fn new(schema: &'a Value) -> Self {
        let (known, found, places) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Building { schema, graph: Graph::default(), known, found, places, patterns: 0 }
    }

    /// Returns the node at a JSON Pointer, which is added if missing.
    fn node(&mut self, at: String, value: &'a Value) -> Result<usize, SchemaError> {
        if let Some(node) = self.known.get(&at) {
            return Ok(*node);
        }
        let node = self.graph.nodes.len();
        if node >= MAX_NODES {
            let problem =
                SchemaProblem::Size { what: "schemas within it", found: node as u64 + 1, limit: MAX_NODES as u64 };
            return Err(SchemaError { path: at, problem });
        }
        self.graph.nodes.push(Node { size: size(value), ..Node::default() });
        self.known.insert(at.clone(), node);
        self.found.push((at, value));
        Ok(node)
    }

    /// Adds the edges of a node.
    fn add_edges(&mut self, node: usize, at: &str, value: &'a Value) -> Result<(), SchemaError> {
        let Value::Object(keywords) = value else { return Ok(()) };
        self.graph.collects_errors |= GATHERING.iter().any(|keyword| keywords.contains_key(*keyword));
        let of_names = members(keywords, "patternProperties").count() as u64;
        let patterns = of_names + u64::from(keywords.contains_key("pattern"));
        self.graph.nodes[node].patterns = patterns;
        self.patterns += patterns;
        if self.patterns > MAX_PATTERNS {
            let problem = SchemaProblem::Size { what: "patterns", found: self.patterns, limit: MAX_PATTERNS };
            return Err(SchemaError { path: at.into(), problem });
        }
        // `unevaluated…` applies to what the other subschemas leave: the validator visits these again.
        let again = keywords.contains_key("unevaluatedProperties") || keywords.contains_key("unevaluatedItems");
        let mut same = Vec::new();
        for keyword in SAME {
            same.extend(keywords.get(keyword).map(|value| (format!("{at}/{keyword}"), value, again)));
        }
        for (keyword, tried) in SAME_LIST {
            same.extend(
                items(keywords, keyword).map(|(i, value)| (format!("{at}/{keyword}/{i}"), value, tried || again)),
            );
        }
        for keyword in SAME_NAMED {
            let named = members(keywords, keyword).filter(|(_, value)| !value.is_array());
            same.extend(named.map(|(name, value)| (format!("{at}/{keyword}/{}", escaped(name)), value, again)));
        }
        if let Some(Value::String(reference)) = keywords.get("$ref") {
            let (place, value) = self.target(reference, at)?;
            same.push((place, value, again));
        }
        for (place, value, tried) in same {
            let target = self.node(place, value)?;
            self.graph.nodes[node].same.push((target, tried));
        }
        let mut within = Vec::new();
        for (name, value) in members(keywords, "properties") {
            within.push((Some(name.clone()), format!("{at}/properties/{}", escaped(name)), value));
        }
        for (name, value) in members(keywords, "patternProperties") {
            within.push((None, format!("{at}/patternProperties/{}", escaped(name)), value));
        }
        for keyword in WITHIN {
            match keywords.get(keyword) {
                Some(Value::Array(_)) => within.extend(
                    // Each applies to one item, as each property applies to one name.
                    items(keywords, keyword)
                        .map(|(i, value)| (Some(format!("{i}")), format!("{at}/{keyword}/{i}"), value)),
                ),
                Some(value) => within.push((None, format!("{at}/{keyword}"), value)),
                None => {}
            }
        }
        for (name, place, value) in within {
            let target = self.node(place, value)?;
            self.graph.nodes[node].within.push((name, target));
        }
        Ok(())
    }

    fn target(&self, reference: &str, at: &str) -> Result<(String, &'a Value), SchemaError> {
        let error = |problem| SchemaError { path: format!("{at}/$ref"), problem };
        let pointer = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(place) = pointer.and_then(decoded) else {
            return Err(error(SchemaProblem::Reference { found: reference.into() }));
        };
        let value = self.schema.pointer(&place).filter(|_| self.places.contains(&place));
        value.map(|value| (place, value)).ok_or_else(|| error(SchemaProblem::Missing { found: reference.into() }))
    }

    /// Collects the targets of references, and rejects keywords that change the meaning of references. With `named`,
    /// the keys of the value are names instead of keywords.
    fn collect_targets(&mut self, value: &Value, at: &mut String, named: bool) -> Result<(), SchemaError> {
        self.places.insert(at.clone());
        let length = at.len();
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let is = |keywords: &[&str]| !named && keywords.contains(&name.as_str());
                    if let Some(keyword) = REFUSED.into_iter().find(|keyword| is(&[*keyword])) {
                        return Err(SchemaError { path: at.clone(), problem: SchemaProblem::Keyword { keyword } });
                    }
                    // At the top level it only names the schema.
                    if let Some(keyword) = ["$id", "id"].into_iter().find(|keyword| is(&[*keyword]) && length > 0) {
                        return Err(SchemaError { path: at.clone(), problem: SchemaProblem::Keyword { keyword } });
                    }
                    if is(&DATA) {
                        continue;
                    }
                    at.push('/');
                    at.push_str(&escaped(name));
                    self.collect_targets(value, at, is(&NAMED))?;
                    at.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    at.push_str(&format!("/{index}"));
                    self.collect_targets(value, at, false)?;
                    at.truncate(length);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn items<'a>(keywords: &'a Map<String, Value>, keyword: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    keywords.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn members<'a>(keywords: &'a Map<String, Value>, keyword: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    keywords.get(keyword).and_then(Value::as_object).into_iter().flatten()
}

/// Escapes a name for a JSON Pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Decodes the percent signs of a fragment of a URI (RFC 3986, section 2.1).
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
        rest = tail;
    }
    core::str::from_utf8(&bytes).ok().map(ToOwned::to_owned)
}

/// Returns the size of a schema: one, and one for each value to compare with.
fn size(value: &Value) -> u64 {
    let Value::Object(keywords) = value else { return 1 };
    let listed = ["enum", "const", "required"].into_iter().filter_map(|keyword| keywords.get(keyword)).map(count);
    1 + keywords.len() as u64 + listed.sum::<u64>()
}

fn count(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<u64>(),
        Value::Object(members) => 1 + members.values().map(count).sum::<u64>(),
        _ => 1,
    }
}
