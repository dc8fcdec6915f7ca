//! Reading of keys by the table, from TOML and from any other format that serde reads.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};

use super::{
    Config, Profile,
    grammar::{ScalarKind, below},
    key::ScalarKey,
    keys,
    preset::Preset,
};
use crate::{data::notation::NumberSeed, error::ConfigError};

/// A type that is read key by key.
pub(crate) trait Target {
    /// Sets a key with one value.
    fn set_scalar(&mut self, key: &'static ScalarKey, value: u64);

    /// Reads a key that is not in the table of scalars; returns `false` if there is no such key.
    fn read<'de, M: MapAccess<'de>>(&mut self, path: &str, map: &mut M) -> Result<bool, M::Error>;
}

/// Implements [`Target::read`] for keys that are fields.
macro_rules! read_fields {
    ($($path:literal => $($field:ident).+),* $(,)?) => {
        fn read<'de, M: serde::de::MapAccess<'de>>(&mut self, path: &str, map: &mut M) -> Result<bool, M::Error> {
            match path {
                $($path => self.$($field).+ = map.next_value()?,)*
                _ => return Ok(false),
            }
            Ok(true)
        }
    };
}

#[cfg(feature = "tool")]
pub(crate) use read_fields;

/// Reads all keys of a table into a target.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D, target: &mut impl Target) -> Result<(), D::Error> {
    Section { path: "", target, has_units: false }.deserialize(deserializer)
}

/// Reads all keys of a table that a person wrote: its numbers may be text with a unit.
#[cfg(feature = "toml")]
pub(crate) fn read_written<'de, D>(deserializer: D, target: &mut impl Target) -> Result<(), D::Error>
where
    D: Deserializer<'de>,
{
    Section { path: "", target, has_units: true }.deserialize(deserializer)
}

struct Section<'a, T> {
    /// Path of the section; empty at the top level.
    path: &'a str,
    target: &'a mut T,
    /// Set if numbers may be text.
    has_units: bool,
}

impl<'de, T: Target> DeserializeSeed<'de> for Section<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Target> Visitor<'de> for Section<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of configuration keys")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = below(self.path, &name);
            if let Some(key) = keys::scalar(&path) {
                if let Some(value) = map.next_value_seed(Scalar { key, has_units: self.has_units })? {
                    self.target.set_scalar(key, value);
                }
            } else if keys::all().any(|key| key.path().strip_prefix(&*path).is_some_and(|rest| rest.starts_with('.'))) {
                map.next_value_seed(Section { path: &path, target: &mut *self.target, has_units: self.has_units })?;
            } else if !self.target.read(&path, &mut map)? {
                return Err(M::Error::custom(format!("unknown key `{path}`")));
            }
            if !seen.insert(name) {
                return Err(M::Error::custom(format!("`{path}` is there twice")));
            }
        }
        Ok(())
    }
}

/// A reader of a value; `None` if it is null.
struct Scalar {
    key: &'static ScalarKey,
    has_units: bool,
}

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u64>, D::Error> {
        match self.key.kind {
            ScalarKind::Number(key) if self.has_units => NumberSeed(key.notation()).deserialize(deserializer).map(Some),
            ScalarKind::Number(_) => Option::deserialize(deserializer),
            ScalarKind::Flag => Ok(Option::<bool>::deserialize(deserializer)?.map(u64::from)),
            ScalarKind::Word(words) => {
                let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
                let position = words.iter().position(|word| *word == text);
                position.map(|position| Some(position as u64)).ok_or_else(|| D::Error::unknown_variant(&text, words))
            }
        }
    }
}

/// The configuration of a text: keys may be left out, profile and preset give what is missing.
#[derive(Default)]
pub(crate) struct Draft {
    pub(super) profile: Option<Profile>,
    pub(super) preset: Option<Preset>,
    scalars: Vec<(&'static ScalarKey, u64)>,
    /// Text and list keys; its scalar keys are not read.
    lists: Config,
}

impl Target for Draft {
    fn set_scalar(&mut self, key: &'static ScalarKey, value: u64) {
        self.scalars.push((key, value));
    }

    read_fields! {
        "preset" => preset,
        "grants" => lists.grants,
        "wasi.program" => lists.wasi.program,
        "wasi.args" => lists.wasi.args,
        "wasi.env" => lists.wasi.env,
        "wasi.files" => lists.wasi.files,
        "wasi.dirs" => lists.wasi.dirs,
        "http.allow" => lists.http.allow,
    }
}

#[cfg(feature = "toml")]
impl Draft {
    /// Reads a table that a person wrote.
    pub(super) fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut draft = Draft::default();
        read_written(deserializer, &mut draft)?;
        Ok(draft)
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut draft = Draft::default();
        read(deserializer, &mut draft)?;
        Ok(draft)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Config::try_from(Draft::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl TryFrom<Draft> for Config {
    type Error = ConfigError;

    fn try_from(draft: Draft) -> Result<Self, ConfigError> {
        let own = draft.scalars.iter().find(|(key, _)| key.path == "profile");
        let profile = draft.profile.or_else(|| Profile::at(own?.1));
        let mut config = Config::over(profile, draft.preset);
        for (key, value) in draft.scalars.iter().filter(|(key, _)| key.path != "profile") {
            (key.set)(&mut config, *value);
        }
        for key in keys::lists() {
            (key.merge)(&mut config, &draft.lists);
        }
        config.check()?;
        Ok(config)
    }
}
