//! The keys that a text may have, and their values.

#![cfg_attr(not(feature = "toml"), allow(dead_code, reason = "only texts need all of it"))]

use alloc::{format, string::String, vec::Vec};

use crate::config::NumberKey;
#[cfg(feature = "tool")]
use crate::error::ValueKind;

/// A key, by its path, and its values. What is before a dot of a path is a section.
pub(crate) type Field = (&'static str, Kind);

/// The keys that a text may have.
#[derive(Clone, Copy)]
pub(crate) struct Grammar(pub fn() -> Vec<Field>);

/// The values that a key may have.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Section,
    Scalar(ScalarKind),
    Text,
    Texts,
    /// Texts by names of any kind.
    TextByName,
    /// Files by paths: texts, or `{ hex = "…" }`.
    FileByPath,
    /// An array of tables with these keys.
    Tables(&'static [Field]),
    /// A table of another grammar.
    #[cfg(feature = "tool")]
    Inner(Grammar),
    /// Tables of another grammar by names of any kind.
    #[cfg(feature = "tool")]
    InnerByName(Grammar),
    /// Values for which the function returns `true`; the second field names them.
    #[cfg(feature = "tool")]
    Free(fn(&toml::de::DeValue<'_>) -> bool, ValueKind),
}

/// The values of a key with one value.
#[derive(Clone, Copy)]
pub(crate) enum ScalarKind {
    Number(NumberKey),
    /// One of these words.
    Word(&'static [&'static str]),
    Flag,
}

/// Joins the path of a section and a name in it.
pub(crate) fn below(section: &str, name: &str) -> String {
    if section.is_empty() { name.into() } else { format!("{section}.{name}") }
}
