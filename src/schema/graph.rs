//! What a schema refers to, so that the work of checking a value can be told before it is done.
//!
//! A node is a part of the schema that is a schema itself. From it, edges go to schemas that the same value
//! is checked against (`allOf`, `$ref`, …), and to those that a value within it is (`properties`, `items`, …).

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec,
    vec::Vec,
};

use serde_json::{Map, Value};

use crate::schema::error::{SchemaError, SchemaProblem};

/// The most schemas in a schema, in references from one to another, and patterns.
const MAX_NODES: usize = 4_000;
const MAX_PATTERNS: u64 = 100;

/// What a schema refers to.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// In an order in which `same` leads to later ones only.
    pub nodes: Vec<Node>,
    /// The schema as a whole.
    pub top: usize,
    /// How many schemas one may lead to in a row, for the same value.
    pub chain: usize,
    /// Whether the validator gathers all that is wrong with a value before it tells of any.
    pub gathers: bool,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    /// Schemas for the same value, and whether they are tried one by one.
    pub same: Vec<(usize, bool)>,
    /// Schemas for a value within, under a name or under any.
    pub within: Vec<(Option<String>, usize)>,
    /// How large it is: its own keywords and the values that they have.
    pub size: u64,
    /// Patterns that it has, for texts or for names.
    pub patterns: u64,
}

/// Keywords with a schema for the same value.
const SAME: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords with schemas for the same value, in an array or by name.
const SAME_LIST: [(&str, bool); 3] = [("allOf", false), ("anyOf", true), ("oneOf", true)];
const SAME_NAMED: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Keywords with a schema, or an array of them, for values within.
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
/// Keywords with schemas by name, and keywords with data.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
const DATA: [&str; 4] = ["enum", "const", "default", "examples"];
/// Keywords of which an error holds the errors of other schemas, or all items that are wrong.
const GATHERING: [&str; 4] = ["anyOf", "oneOf", "unevaluatedItems", "unevaluatedProperties"];
/// Keywords that refer in ways that cannot be followed here.
const REFUSED: [&str; 5] = ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$recursiveAnchor"];

impl Graph {
    /// That of a schema.
    pub(super) fn of(schema: &Value) -> Result<Graph, SchemaError> {
        let mut building = Building::new(schema);
        building.survey(schema, &mut String::new(), false)?;
        building.node(String::new(), schema)?;
        // What is found is looked at in turn: references may lead in circles.
        let mut next = 0;
        while let Some((at, value)) = building.found.get(next).cloned() {
            building.look(next, &at, value)?;
            next += 1;
        }
        building.graph.sort()
    }

    /// Puts each node behind those that lead to it for the same value.
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
        Ok(Graph { nodes: order.iter().map(moved).collect(), top: place[0], chain, gathers: self.gathers })
    }
}

struct Building<'a> {
    schema: &'a Value,
    graph: Graph,
    /// The nodes by their JSON Pointers.
    known: BTreeMap<String, usize>,
    /// The same in their order.
    found: Vec<(String, &'a Value)>,
    /// What is no data: places that can be referred to.
    places: BTreeSet<String>,
    patterns: u64,
}

impl<'a> Building<'a> {
    fn new(schema: &'a Value) -> Self {
        let (known, found, places) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Building { schema, graph: Graph::default(), known, found, places, patterns: 0 }
    }

    /// The node at a place.
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

    /// Notes what a node refers to.
    fn look(&mut self, node: usize, at: &str, value: &'a Value) -> Result<(), SchemaError> {
        let Value::Object(keywords) = value else { return Ok(()) };
        self.graph.gathers |= GATHERING.iter().any(|keyword| keywords.contains_key(*keyword));
        let of_names = members(keywords, "patternProperties").count() as u64;
        let patterns = of_names + u64::from(keywords.contains_key("pattern"));
        self.graph.nodes[node].patterns = patterns;
        self.patterns += patterns;
        if self.patterns > MAX_PATTERNS {
            let problem = SchemaProblem::Size { what: "patterns", found: self.patterns, limit: MAX_PATTERNS };
            return Err(SchemaError { path: at.into(), problem });
        }
        // What nobody has looked at is found by looking at the others again.
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
                    // Each is for one item, as each property is for one name.
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

    /// Notes what can be referred to, and refuses what changes the meaning of references; `named`: the keys of
    /// this are names, and no keywords.
    fn survey(&mut self, value: &Value, at: &mut String, named: bool) -> Result<(), SchemaError> {
        self.places.insert(at.clone());
        let length = at.len();
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let is = |keywords: &[&str]| !named && keywords.contains(&name.as_str());
                    if let Some(keyword) = REFUSED.into_iter().find(|keyword| is(&[*keyword])) {
                        return Err(SchemaError { path: at.clone(), problem: SchemaProblem::Keyword { keyword } });
                    }
                    // At the top it is only a name.
                    if let Some(keyword) = ["$id", "id"].into_iter().find(|keyword| is(&[*keyword]) && length > 0) {
                        return Err(SchemaError { path: at.clone(), problem: SchemaProblem::Keyword { keyword } });
                    }
                    if is(&DATA) {
                        continue;
                    }
                    at.push('/');
                    at.push_str(&escaped(name));
                    self.survey(value, at, is(&NAMED))?;
                    at.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    at.push_str(&format!("/{index}"));
                    self.survey(value, at, false)?;
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

/// A name as it stands in a JSON Pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A fragment of a URI without its percent signs (RFC 3986, section 2.1).
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

/// How much there is to look at in a schema: one for it, and for values that it has to be compared with.
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
