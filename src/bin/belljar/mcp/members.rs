//! Members of a JSON object as unparsed text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The largest number of members of an object.
pub const MAX_MEMBERS: usize = 64;

/// The most that [`Scalars`] keeps, in bytes: of all members, of a name and of a value.
pub const SCALARS_BYTES: usize = 16 << 10;
const MAX_NAME_BYTES: usize = 256;
const MAX_SCALAR_BYTES: usize = 1 << 10;

/// The members of an object; of duplicates the last. An object with more than [`MAX_MEMBERS`] members is an error.
#[derive(Debug, Default)]
pub struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The short scalars among the members of an object of any size: at most [`MAX_MEMBERS`] and [`SCALARS_BYTES`].
#[derive(Debug, Default)]
pub struct Scalars<'a> {
    /// The members.
    pub members: Members<'a>,
    bytes: usize,
}

impl<'a> Members<'a> {
    /// Returns the text of a member.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }

    /// Removes a member, and returns its text.
    pub fn take(&mut self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(found).1.get())
    }

    /// Returns the text of the object, with an additional member if there is one.
    pub fn text(&self, more: Option<(&str, &str)>) -> String {
        let own = self.0.iter().map(|(name, value)| (&**name, value.get()));
        let member = |(name, value): (&str, &str)| format!("{}:{value}", serde_json::Value::from(name));
        let members: Vec<_> = own.chain(more).map(member).collect();
        format!("{{{}}}", members.join(","))
    }

    fn put(&mut self, name: String, value: &'a RawValue) -> bool {
        self.0.retain(|(known, _)| *known != name);
        let has_room = self.0.len() < MAX_MEMBERS;
        if has_room {
            self.0.push((name, value));
        }
        has_room
    }
}

impl<'a> Scalars<'a> {
    /// Adds a member if it is a short scalar and there is room for it.
    fn put(&mut self, name: String, value: &'a RawValue) {
        // Of duplicates the last counts, whether it is kept or not.
        self.members.take(&name);
        // A control character of a name takes six bytes.
        let bytes = 6 * name.len() + value.get().len();
        let is_short = name.len() <= MAX_NAME_BYTES && value.get().len() <= MAX_SCALAR_BYTES;
        if is_short && self.bytes + bytes <= SCALARS_BYTES && !value.get().starts_with(['[', '{']) {
            self.bytes += bytes;
            self.members.put(name, value);
        }
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MemberVisitor;
        impl<'de> Visitor<'de> for MemberVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {MAX_MEMBERS} members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Members::default();
                while let Some((name, value)) = map.next_entry()? {
                    if !members.put(name, value) {
                        return Err(A::Error::custom(format_args!("more than {MAX_MEMBERS} members")));
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MemberVisitor)
    }
}

impl<'de> Deserialize<'de> for Scalars<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalars<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalars<'de>, A::Error> {
                let mut scalars = Scalars::default();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    scalars.put(name, value);
                }
                Ok(scalars)
            }
        }
        deserializer.deserialize_map(ScalarVisitor)
    }
}

/// Checks that a text is JSON.
pub fn check_json(text: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<IgnoredAny>(text).map(drop)
}
