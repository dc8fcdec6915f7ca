//! Compact JSON documents: a few bytes for each value, so that a large text does not become a large tree.

use alloc::{string::String, vec::Vec};
use core::cmp::Ordering;

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Number, Value};

use self::{entry::Entry, extent::Extent};

mod build;
mod entry;
mod extent;
#[cfg(all(test, feature = "json"))]
mod tests;

/// Longest text of a document, in bytes: the largest offset of an [`Entry`].
pub(crate) const MAX_TEXT_BYTES: usize = entry::MAX_SIZE;

/// Most values that [`Node::to_value`] converts.
const SMALL_VALUES: usize = 256;
const SMALL_BYTES: usize = 8 << 10;

/// JSON document: all values in the order of the text, 8 bytes each, 8 more for a number that needs them, and 4 for an
/// object and each of its members.
///
/// It has the semantics of [`Value`]: of members with the same name the last one counts, and members are sorted by
/// name. The tree of a [`Value`] takes up to 90 bytes for each byte of text, a document at most 6.
#[derive(Debug, Default)]
pub(crate) struct Document {
    entries: Vec<Entry>,
    /// Bits of the numbers that do not fit an entry, which has their index.
    numbers: Vec<u64>,
    /// For each object the index of the entry after it, and those of its member names, sorted.
    orders: Vec<u32>,
    /// All strings, concatenated.
    text: String,
}

/// Value of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    document: &'a Document,
    at: usize,
}

/// Value of a document, by type.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'a str),
    Array(Items<'a>),
    Object(Members<'a>),
}

impl Document {
    /// Parses a text. Its values are counted before memory is allocated.
    ///
    /// # Errors
    ///
    /// The error of serde_json for a text that is not JSON, is nested deeper than 127, or has more than
    /// [`MAX_TEXT_BYTES`].
    pub(crate) fn parse(text: &[u8]) -> Result<Document, serde_json::Error> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(serde::de::Error::custom(format_args!("the text has more than {MAX_TEXT_BYTES} bytes")));
        }
        build::build(&mut serde_json::Deserializer::from_slice(text), &Extent::of(text))
    }

    /// Converts a [`Value`] to a document.
    pub(crate) fn of(value: &Value) -> Document {
        // Whatever a tree holds is JSON.
        build::within(value, &Extent::default()).unwrap_or_default()
    }

    /// Replaces the document by one string.
    pub(crate) fn set_text(&mut self, text: &str) {
        self.text.clear();
        self.text.push_str(text);
        self.entries.clear();
        self.entries.push(Entry::text(0, text.len()).unwrap_or(Entry::NULL));
    }

    /// Returns the root value.
    pub(crate) fn root(&self) -> Node<'_> {
        Node { document: self, at: 0 }
    }

    fn entry(&self, at: usize) -> Entry {
        self.entries.get(at).copied().unwrap_or(Entry::NULL)
    }

    /// Returns the index of the entry after a value.
    fn after(&self, at: usize) -> usize {
        match self.entry(at).kind() {
            entry::Kind::Array { end, .. } => end,
            entry::Kind::Object { order, .. } => self.orders.get(order).map_or(at + 1, |end| *end as usize),
            _ => at + 1,
        }
    }

    fn number(&self, place: usize) -> u64 {
        self.numbers.get(place).copied().unwrap_or_default()
    }

    fn text(&self, at: usize) -> &str {
        match self.entry(at).kind() {
            entry::Kind::Text { start, size } => self.text.get(start..start + size).unwrap_or_default(),
            _ => "",
        }
    }
}

impl<'a> Node<'a> {
    /// Returns the value by its type.
    pub(crate) fn kind(self) -> Kind<'a> {
        let Node { document, at } = self;
        match document.entry(at).kind() {
            entry::Kind::Null => Kind::Null,
            entry::Kind::Bool(value) => Kind::Bool(value),
            entry::Kind::Int(value) => Kind::Number(value.into()),
            entry::Kind::Float(value) => Kind::of_float(value.into()),
            entry::Kind::Unsigned(place) => Kind::Number(document.number(place).into()),
            entry::Kind::Signed(place) => Kind::Number(document.number(place).cast_signed().into()),
            entry::Kind::Double(place) => Kind::of_float(f64::from_bits(document.number(place))),
            entry::Kind::Text { .. } => Kind::Text(document.text(at)),
            entry::Kind::Array { count, .. } => Kind::Array(Items { document, at: at + 1, left: count }),
            entry::Kind::Object { count, order } => {
                let names = document.orders.get(order + 1..order + 1 + count).unwrap_or_default();
                Kind::Object(Members { document, names })
            }
        }
    }

    /// Returns its index in the document.
    pub(crate) fn place(self) -> u32 {
        // A document has no more entries.
        self.at as u32
    }

    /// Returns the members of an object.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        if let Kind::Object(members) = self.kind() { Some(members) } else { None }
    }

    /// Returns the value at a JSON Pointer (RFC 6901).
    pub(crate) fn pointer(self, path: &str) -> Option<Node<'a>> {
        path.split('/').skip(1).try_fold(self, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match node.kind() {
                Kind::Array(mut items) => items.nth(step.parse().ok()?),
                Kind::Object(members) => members.get(&step),
                _ => None,
            }
        })
    }

    /// Returns whether the tree of a value is small.
    pub(crate) fn is_small(self) -> bool {
        let Node { document, at } = self;
        let Some(entries) = document.entries.get(at..document.after(at)) else { return false };
        let bytes = |entry: &Entry| if let entry::Kind::Text { size, .. } = entry.kind() { size } else { 0 };
        entries.len() <= SMALL_VALUES && entries.iter().map(bytes).sum::<usize>() <= SMALL_BYTES
    }

    /// Converts a small value to a [`Value`], and a larger one to null.
    pub(crate) fn to_value(self) -> Value {
        if self.is_small() { serde_json::to_value(self).unwrap_or_default() } else { Value::Null }
    }

    /// Compares values so that those equal in JSON Schema are equal: 1 equals 1.0, and the order of members is ignored.
    pub(crate) fn compare(self, other: Node<'_>) -> Ordering {
        match (self.kind(), other.kind()) {
            (Kind::Bool(left), Kind::Bool(right)) => left.cmp(&right),
            (Kind::Number(left), Kind::Number(right)) => compare_numbers(&left, &right),
            (Kind::Text(left), Kind::Text(right)) => left.cmp(right),
            (Kind::Array(left), Kind::Array(right)) => {
                let longer = left.len().cmp(&right.len());
                longer.then_with(|| first_unequal(left.zip(right).map(|(left, right)| left.compare(right))))
            }
            (Kind::Object(left), Kind::Object(right)) => {
                let longer = left.len().cmp(&right.len());
                let each = |((name, left), (other, right)): ((&str, Node<'_>), (&str, Node<'_>))| {
                    name.cmp(other).then_with(|| left.compare(right))
                };
                longer.then_with(|| first_unequal(left.zip(right).map(each)))
            }
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }

    /// Returns the document as text, as [`Value`] would be written.
    pub(crate) fn to_json(self) -> Vec<u8> {
        // Its size is counted first: to grow the text would take twice its size.
        let mut size = Size(0);
        // Nothing in a document fails to be written.
        let _ = serde_json::to_writer(&mut size, &self);
        let mut text = Vec::with_capacity(size.0);
        let _ = serde_json::to_writer(&mut text, &self);
        text
    }
}

fn first_unequal(mut each: impl Iterator<Item = Ordering>) -> Ordering {
    each.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Compares numbers by their value; an integer with a fraction as precisely as a fraction can be.
fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    if let (Some(left), Some(right)) = (left.as_u64(), right.as_u64()) {
        return left.cmp(&right);
    }
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return left.cmp(&right);
    }
    let wide = |number: &Number| number.as_u64().map(i128::from).or(number.as_i64().map(i128::from));
    match (wide(left), wide(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => compare_with_float(left, right.as_f64().unwrap_or_default()),
        (None, Some(right)) => compare_with_float(right, left.as_f64().unwrap_or_default()).reverse(),
        (None, None) => {
            let [left, right] = [left, right].map(|number| number.as_f64().unwrap_or_default());
            left.partial_cmp(&right).unwrap_or(Ordering::Equal)
        }
    }
}

/// Compares an integer of 65 bits with a finite float, exactly.
fn compare_with_float(integer: i128, float: f64) -> Ordering {
    // No integer of 65 bits is beyond it, and a whole float below it fits 128 bits.
    const EDGE: f64 = (1u128 << 100) as f64;
    if float.abs() >= EDGE {
        return if float > 0.0 { Ordering::Less } else { Ordering::Greater };
    }
    let whole = float as i128;
    let rest = float - whole as f64;
    integer.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&rest).unwrap_or(Ordering::Equal))
}

impl Kind<'_> {
    fn of_float(value: f64) -> Self {
        // JSON has no number that is not finite.
        Number::from_f64(value).map_or(Kind::Null, Kind::Number)
    }

    fn rank(&self) -> u8 {
        match self {
            Kind::Null => 0,
            Kind::Bool(_) => 1,
            Kind::Number(_) => 2,
            Kind::Text(_) => 3,
            Kind::Array(_) => 4,
            Kind::Object(_) => 5,
        }
    }
}

/// The items of an array.
#[derive(Debug, Clone)]
pub(crate) struct Items<'a> {
    document: &'a Document,
    at: usize,
    left: usize,
}

impl Items<'_> {
    /// Returns the number left.
    pub(crate) fn len(&self) -> usize {
        self.left
    }
}

impl<'a> Items<'a> {
    /// Returns the value with this index in the same document.
    pub(crate) fn node(&self, place: u32) -> Node<'a> {
        Node { document: self.document, at: place as usize }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        self.left = self.left.checked_sub(1)?;
        let node = Node { document: self.document, at: self.at };
        self.at = self.document.after(self.at);
        Some(node)
    }
}

/// The members of an object, sorted by name.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a> {
    document: &'a Document,
    names: &'a [u32],
}

impl<'a> Members<'a> {
    /// Returns the number left.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the value of a member.
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        let document = self.document;
        let found = self.names.binary_search_by(|at| document.text(*at as usize).cmp(name)).ok()?;
        Some(Node { document, at: *self.names.get(found)? as usize + 1 })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Node<'a>);

    fn next(&mut self) -> Option<(&'a str, Node<'a>)> {
        let (first, rest) = self.names.split_first()?;
        self.names = rest;
        let (document, at) = (self.document, *first as usize);
        Some((document.text(at), Node { document, at: at + 1 }))
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.kind() {
            Kind::Null => serializer.serialize_unit(),
            Kind::Bool(value) => serializer.serialize_bool(value),
            Kind::Number(number) => number.serialize(serializer),
            Kind::Text(text) => serializer.serialize_str(text),
            Kind::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.into_iter().try_for_each(|item| sequence.serialize_element(&item))?;
                sequence.end()
            }
            Kind::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.into_iter().try_for_each(|(name, value)| map.serialize_entry(name, &value))?;
                map.end()
            }
        }
    }
}

/// Counts the bytes that are written.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
