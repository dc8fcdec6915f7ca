//! Access of the validator to documents.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;

use jsonschema::{
    JsonType,
    json::{Array, Json, Node as ValidatorNode, NodeIdentity, Object, cmp},
};
use serde_json::{Number, Value};

use crate::tool::document::{Document, Items, Kind, Members, Node};

/// Items of an array that are compared first: most duplicates are found among them.
const FIRST: usize = 1_024;

impl Json for Document {
    type Node<'a> = Node<'a>;
    type PreparedKey = String;
    type StringBuffer = Document;

    // A lookup is a binary search.
    const KEYS_PER_LOOKUP: usize = 2;

    fn prepare_key(key: &str) -> String {
        key.into()
    }

    fn with_string_node<T>(buffer: &mut Document, string: &str, f: impl FnOnce(Node<'_>) -> T) -> T {
        buffer.set_text(string);
        f(buffer.root())
    }
}

impl<'a> ValidatorNode<'a, Document> for Node<'a> {
    type Object = Members<'a>;
    type Array = Items<'a>;
    type Number = Number;

    fn as_object(&self) -> Option<Members<'a>> {
        self.members()
    }

    fn as_array(&self) -> Option<Items<'a>> {
        if let Kind::Array(items) = self.kind() { Some(items) } else { None }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        if let Kind::Text(text) = self.kind() { Some(text.into()) } else { None }
    }

    fn as_number(&self) -> Option<Number> {
        if let Kind::Number(number) = self.kind() { Some(number) } else { None }
    }

    fn as_boolean(&self) -> Option<bool> {
        if let Kind::Bool(value) = self.kind() { Some(value) } else { None }
    }

    fn is_null(&self) -> bool {
        matches!(self.kind(), Kind::Null)
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::Bool(_) => JsonType::Boolean,
            Kind::Number(_) => JsonType::Number,
            Kind::Text(_) => JsonType::String,
            Kind::Array(_) => JsonType::Array,
            Kind::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self.kind(), expected) {
            (Kind::Null, Value::Null) => true,
            (Kind::Bool(value), Value::Bool(expected)) => value == *expected,
            (Kind::Number(number), Value::Number(expected)) => cmp::equal_numbers(&number, expected),
            (Kind::Text(text), Value::String(expected)) => text == expected,
            (Kind::Array(items), Value::Array(expected)) => {
                items.len() == expected.len() && items.zip(expected).all(|(item, expected)| item.equals_value(expected))
            }
            (Kind::Object(members), Value::Object(expected)) => {
                let equal = |(name, value): (&str, Node<'_>)| {
                    expected.get(name).is_some_and(|expected| value.equals_value(expected))
                };
                members.len() == expected.len() && members.into_iter().all(equal)
            }
            _ => false,
        }
    }

    /// Returns null for a large value: error messages check [`Node::is_small`] first.
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(Node::to_value(*self))
    }

    /// Returns `None`: a record of visited values would take more memory than the values, and schemas that refer to
    /// themselves for the same value are rejected in advance.
    fn identity(&self) -> Option<NodeIdentity> {
        None
    }
}

impl<'a> Object<'a, Document> for Members<'a> {
    type Node = Node<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        Members::len(self)
    }

    fn get(&self, key: &String) -> Option<Node<'a>> {
        Members::get(self, key)
    }

    fn members(&self) -> Members<'a> {
        self.clone()
    }
}

impl<'a> Array<'a, Document> for Items<'a> {
    type Node = Node<'a>;
    type ElementsIter = Items<'a>;

    fn len(&self) -> usize {
        Items::len(self)
    }

    fn elements(&self) -> Items<'a> {
        self.clone()
    }

    fn is_unique(&self) -> bool {
        let are_unique = |items: Items<'a>, count: usize| {
            let mut hashes = Vec::with_capacity(count);
            hashes.extend(items.take(count).map(|item| (hash(item), item.place())));
            hashes.sort_unstable();
            // Few items share a hash, unless they are equal.
            hashes.chunk_by(|(left, _), (right, _)| left == right).all(|same| {
                let node = |place: &(u32, u32)| self.node(place.1);
                let mut nodes: Vec<_> = same.iter().map(node).collect();
                nodes.sort_unstable_by(|left, right| left.compare(*right));
                nodes.is_sorted_by(|left, right| left.compare(*right).is_ne())
            })
        };
        let all = self.len();
        (all <= FIRST || are_unique(self.clone(), FIRST)) && are_unique(self.clone(), all)
    }
}

/// Returns a hash that is the same for equal values.
fn hash(node: Node<'_>) -> u32 {
    let mut hasher = DefaultHasher::new();
    add(node, &mut hasher);
    hasher.finish() as u32
}

fn add(node: Node<'_>, hasher: &mut DefaultHasher) {
    match node.kind() {
        Kind::Null => 0u8.hash(hasher),
        Kind::Bool(value) => value.hash(hasher),
        // 0 and -0 are equal.
        Kind::Number(number) => (number.as_f64().unwrap_or_default() + 0.0).to_bits().hash(hasher),
        Kind::Text(text) => text.hash(hasher),
        Kind::Array(items) => items.for_each(|item| add(item, hasher)),
        Kind::Object(members) => members.for_each(|(name, value)| {
            name.hash(hasher);
            add(value, hasher);
        }),
    }
}
