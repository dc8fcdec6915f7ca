//! The members of a JSON object as texts: a tree of what is in them is made by whoever needs it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object that are kept at most.
pub const MAX_MEMBERS: usize = 64;

/// The longest scalar that is kept of an object of any size, in bytes.
const MAX_SCALAR_BYTES: usize = 1 << 10;

/// The members of an object; of those with one name the last. An object with more of them than [`MAX_MEMBERS`] is an
/// error.
#[derive(Debug, Default)]
pub struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The members of an object of any size that are short scalars, and no more of them than [`MAX_MEMBERS`].
#[derive(Debug, Default)]
pub struct Scalars<'a>(pub Members<'a>);

impl<'a> Members<'a> {
    /// Returns the text of a member.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }

    /// Returns the text of a member, and removes it.
    pub fn take(&mut self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(found).1.get())
    }

    /// Returns the text of the object, with one member more if there is one.
    pub fn text(&self, more: Option<(&str, &str)>) -> String {
        let own = self.0.iter().map(|(name, value)| (&**name, value.get()));
        // A name is written as every string is.
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

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
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
        deserializer.deserialize_map(All)
    }
}

impl<'de> Deserialize<'de> for Scalars<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Some;
        impl<'de> Visitor<'de> for Some {
            type Value = Scalars<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalars<'de>, A::Error> {
                let mut scalars = Scalars::default();
                while let Option::Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if value.get().len() <= MAX_SCALAR_BYTES && !value.get().starts_with(['[', '{']) {
                        scalars.0.put(name, value);
                    }
                }
                Ok(scalars)
            }
        }
        deserializer.deserialize_map(Some)
    }
}

/// Returns whether a text is JSON of any kind.
pub fn is_json(text: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<IgnoredAny>(text).map(drop)
}
