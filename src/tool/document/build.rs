//! Building of documents from serde deserializers.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Document, entry::Entry, extent::Extent};

/// Builds the document of a text, and checks that nothing follows.
pub(super) fn build<'de, R: serde_json::de::Read<'de>>(
    text: &mut serde_json::Deserializer<R>,
    extent: &Extent,
) -> Result<Document, serde_json::Error> {
    let document = within(&mut *text, extent)?;
    text.end()?;
    Ok(document)
}

/// Builds the document of a value, with the expected capacity.
pub(super) fn within<'de, D: Deserializer<'de>>(from: D, extent: &Extent) -> Result<Document, D::Error> {
    let mut document = Document::default();
    document.entries.reserve_exact(extent.values);
    document.orders.reserve_exact(extent.objects + extent.members);
    document.numbers.reserve_exact(extent.floats);
    document.text.reserve_exact(extent.text_bytes);
    Next(&mut document).deserialize(from)?;
    Ok(document)
}

/// Deserializer seed that appends the next value to a document.
struct Next<'a>(&'a mut Document);

impl Next<'_> {
    fn push<E: Error>(self, entry: Option<Entry>) -> Result<(), E> {
        self.0.entries.push(entry.ok_or_else(too_large)?);
        Ok(())
    }

    fn push_bits<E: Error>(self, bits: u64, entry: fn(usize) -> Option<Entry>) -> Result<(), E> {
        let place = self.0.numbers.len();
        self.0.numbers.push(bits);
        self.push(entry(place))
    }
}

fn too_large<E: Error>() -> E {
    E::custom("the document is too large")
}

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Next<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(Some(Entry::NULL))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(Some(Entry::bool(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i32::try_from(value) {
            Ok(value) => self.push(Some(Entry::int(value))),
            Err(_) => self.push_bits(value, Entry::unsigned),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        match i32::try_from(value) {
            Ok(value) => self.push(Some(Entry::int(value))),
            Err(_) => self.push_bits(value.cast_unsigned(), Entry::signed),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let short = value as f32;
        match f64::from(short).to_bits() == value.to_bits() {
            true => self.push(Some(Entry::float(short))),
            false => self.push_bits(value.to_bits(), Entry::double),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let start = self.0.text.len();
        self.0.text.push_str(value);
        self.push(Entry::text(start, value.len()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Next(document) = self;
        let at = document.entries.len();
        document.entries.push(Entry::NULL);
        let mut count = 0;
        while items.next_element_seed(Next(document))?.is_some() {
            count += 1;
        }
        document.close(at, Entry::array(count, document.entries.len()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Next(document) = self;
        let at = document.entries.len();
        document.entries.push(Entry::NULL);
        while members.next_key_seed(Next(document))?.is_some() {
            members.next_value_seed(Next(document))?;
        }
        let order = document.orders.len();
        let count = document.sort(at + 1);
        document.close(at, Entry::object(count, order))
    }
}

impl Document {
    /// Sets the entry of an array or object once its values are complete.
    fn close<E: Error>(&mut self, at: usize, entry: Option<Entry>) -> Result<(), E> {
        let place = self.entries.get_mut(at).ok_or_else(too_large)?;
        *place = entry.ok_or_else(too_large)?;
        Ok(())
    }

    /// Records the sorted members of an object that starts at an entry. Returns their number.
    #[expect(clippy::indexing_slicing, reason = "`kept` is at most `index`")]
    fn sort(&mut self, from: usize) -> usize {
        let end = self.entries.len();
        let order = self.orders.len();
        self.orders.push(end as u32);
        let mut name = from;
        while name < end {
            self.orders.push(name as u32);
            name = self.after(name + 1);
        }
        let mut orders = core::mem::take(&mut self.orders);
        let names = orders.get_mut(order + 1..).unwrap_or_default();
        let text = |at: &u32| self.text(*at as usize);
        // The last member of a name sorts first, and is kept.
        names.sort_unstable_by(|left, right| text(left).cmp(text(right)).then(right.cmp(left)));
        let mut kept = 0;
        for index in 0..names.len() {
            if kept == 0 || text(&names[kept - 1]) != text(&names[index]) {
                names[kept] = names[index];
                kept += 1;
            }
        }
        orders.truncate(order + 1 + kept);
        self.orders = orders;
        kept
    }
}
