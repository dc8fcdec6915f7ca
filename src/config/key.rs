//! The description of a configuration key: a row of the table.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Config, NumberKey,
    grammar::{Field, Kind, ScalarKind},
    quote::{name_of, quoted},
};
use crate::error::{ConfigProblem, Unit};

/// A key of a configuration.
pub(crate) enum ConfigKey {
    /// A key with one value that has a rank.
    Scalar(ScalarKey),
    /// A key with a text, or with entries.
    List(ListKey),
}

/// A key whose value is a number, a word or a flag. Each value is a `u64`: of a word its position among the
/// words, of a flag 0 or 1. A larger value grants more.
#[derive(Clone, Copy)]
#[cfg_attr(not(all(feature = "tool", feature = "isolate")), allow(dead_code, reason = "read by policies and workers"))]
pub(crate) struct ScalarKey {
    /// Path in TOML.
    pub path: &'static str,
    /// The check that enforces it, and where.
    pub enforced: &'static str,
    /// The values that it may have.
    pub kind: ScalarKind,
    /// Returns the value; `None`: off.
    pub get: fn(&Config) -> Option<u64>,
    /// Sets the value.
    pub set: fn(&mut Config, u64),
    /// The values in the presets `minimal` and `development`.
    pub presets: Option<[u64; 2]>,
    /// The value that makes it an effect, if there is one.
    pub effect: Option<u64>,
    /// The field of manifests and ceilings that has it, if they may have it.
    pub policy: Option<PolicyKey>,
    /// The most that a manifest gets which does not request it.
    pub unrequested: Option<u64>,
}

/// A key whose value is a text, a list or a table.
#[cfg_attr(not(feature = "tool"), allow(dead_code, reason = "read by policies"))]
pub(crate) struct ListKey {
    /// Path in TOML.
    pub path: &'static str,
    /// The check that enforces it, and where.
    pub enforced: &'static str,
    /// The values that it may have.
    pub kind: Kind,
    /// The value without entries, as TOML writes it.
    pub empty: &'static str,
    /// Set if a value replaces the one before as a whole; else its entries are added.
    pub replaces: bool,
    /// Set if an entry is an effect.
    pub effect: bool,
    /// The values that a manifest may request, if any.
    pub requested: Option<Kind>,
    /// Set if a ceiling may have it.
    pub bounded: bool,
    /// Lists the entries: what follows the path, and the value as TOML writes it.
    pub entries: fn(&Config) -> Vec<(String, String)>,
    /// Adds the entries of the second configuration to the first, or replaces the value.
    pub merge: fn(&mut Config, &Config),
}

/// Field of manifests and ceilings that has a scalar key.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tool"), allow(dead_code, reason = "read by policies"))]
pub(crate) enum PolicyKey {
    Number,
    Log,
    Clock,
    Random,
    PrivateAddresses,
}

impl ConfigKey {
    pub(super) fn path(&self) -> &'static str {
        self.field().0
    }

    /// Returns the path and the values.
    pub(super) fn field(&self) -> Field {
        match self {
            ConfigKey::Scalar(key) => (key.path, Kind::Scalar(key.kind)),
            ConfigKey::List(key) => (key.path, key.kind),
        }
    }
}

impl ScalarKey {
    /// Makes a number key. Manifests and ceilings may have it.
    pub(super) const fn number(key: NumberKey, get: fn(&Config) -> Option<u64>, set: fn(&mut Config, u64)) -> Self {
        let policy = Some(PolicyKey::Number);
        ScalarKey { policy, ..ScalarKey::new(key.path, ScalarKind::Number(key), get, set, key.enforced) }
    }

    pub(super) const fn new(
        path: &'static str,
        kind: ScalarKind,
        get: fn(&Config) -> Option<u64>,
        set: fn(&mut Config, u64),
        enforced: &'static str,
    ) -> Self {
        let (presets, effect, policy, unrequested) = (None, None, None, None);
        ScalarKey { path, enforced, kind, get, set, presets, effect, policy, unrequested }
    }

    /// Returns the range, unit and defaults of a number.
    pub(crate) fn as_number(&self) -> Option<&NumberKey> {
        match &self.kind {
            ScalarKind::Number(key) => Some(key),
            ScalarKind::Word(_) | ScalarKind::Flag => None,
        }
    }

    /// Returns the unit of its values.
    pub(super) fn unit(&self) -> Unit {
        self.as_number().map_or(Unit::Words, |key| key.unit)
    }

    /// Checks a value against the range.
    pub(crate) fn check(&self, value: u64) -> Result<(), ConfigProblem> {
        let max = match self.kind {
            ScalarKind::Number(key) => return key.check(i128::from(value)),
            ScalarKind::Word(words) => words.len() as u64 - 1,
            ScalarKind::Flag => 1,
        };
        let problem = ConfigProblem::OutOfRange { value: i128::from(value), min: 0, max, unit: self.unit() };
        if value <= max { Ok(()) } else { Err(problem) }
    }

    /// Formats a value as TOML writes it.
    pub(crate) fn format(&self, value: u64) -> String {
        match self.kind {
            ScalarKind::Number(_) => value.to_string(),
            ScalarKind::Word(words) => quoted(words.get(value as usize).copied().unwrap_or_default()),
            ScalarKind::Flag => (value != 0).to_string(),
        }
    }
}

/// Makes a number key of a field: `number!(KEY, field)`, or `number!(KEY, Some(field))` for one that may be off.
macro_rules! number {
    ($key:expr, Some($($field:ident).+)) => {
        ScalarKey::number($key, |config| config.$($field).+, |config, value| config.$($field).+ = Some(value))
    };
    ($key:expr, $($field:ident).+) => {
        ScalarKey::number($key, |config| Some(config.$($field).+), |config, value| config.$($field).+ = value)
    };
}

/// Makes a key of a field with entries, which are added to those before.
macro_rules! list {
    ($path:literal, $($field:ident).+, $kind:expr, $empty:literal, $entries:expr, $enforced:literal) => {
        ListKey {
            path: $path,
            enforced: $enforced,
            kind: $kind,
            empty: $empty,
            replaces: false,
            effect: false,
            requested: None,
            bounded: false,
            entries: $entries,
            merge: |config, other| config.$($field).+.extend(other.$($field).+.clone()),
        }
    };
}

/// Makes methods of [`Config`] that set a field.
macro_rules! setters {
    ($($(#[$doc:meta])* $with:ident: $type:ty => $($field:ident).+;)*) => {
        impl Config {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $with(mut self, value: $type) -> Self {
                    self.$($field).+ = value.into();
                    self
                }
            )*
        }
    };
}

/// Lists entries that have an index.
pub(super) fn indexed<T>(items: impl IntoIterator<Item = T>, format: impl Fn(T) -> String) -> Vec<(String, String)> {
    items.into_iter().enumerate().map(|(index, item)| (format!("[{index}]"), format(item))).collect()
}

/// Lists entries that have a name.
pub(super) fn named<'a, T: 'a>(
    items: impl IntoIterator<Item = (&'a String, &'a T)>,
    format: impl Fn(&T) -> String,
) -> Vec<(String, String)> {
    items.into_iter().map(|(name, item)| (format!(".{}", name_of(name)), format(item))).collect()
}

/// Makes a word key of a field and its type.
macro_rules! word {
    ($path:literal, $word:ident, $($field:ident).+, $enforced:literal) => {
        ScalarKey::new(
            $path,
            ScalarKind::Word($word::NAMES),
            |config| Some(config.$($field).+ as u64),
            |config, value| {
                if let Some(word) = $word::at(value) {
                    config.$($field).+ = word;
                }
            },
            $enforced,
        )
    };
}

pub(super) use list;
pub(super) use number;
pub(super) use setters;
pub(super) use word;
