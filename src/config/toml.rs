//! Reading of a configuration from TOML: it is checked key by key, while positions are known, then deserialized.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

use self::check::Misplaced;
use super::{
    Config, MAX_TEXT_BYTES, Preset, Profile,
    grammar::{Field, Grammar, Kind, ScalarKind},
    key::ConfigKey,
    keys,
    lines::SourceLines,
    quote::name_of,
    read::Draft,
};
use crate::error::{ConfigError, ConfigProblem, Position};

pub(crate) mod check;

impl Config {
    /// Reads a configuration from TOML text of at most 256 KiB.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) with the key, its line and column, and the names,
    /// type or range that are valid there.
    pub fn from_toml(text: &str) -> Result<Self, crate::Error> {
        Ok(read(text, None, None)?.0)
    }

    /// Reads a configuration over the defaults of this profile instead of the one that the text names: for a
    /// program whose user chose a profile elsewhere.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Config::from_toml).
    pub fn from_toml_with_profile(text: &str, profile: Profile) -> Result<Self, crate::Error> {
        Ok(read(text, Some(profile), None)?.0)
    }

    /// Reads a configuration with the line of each key. Profile and preset, if any, replace those that the text
    /// names.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Config::from_toml).
    pub fn from_toml_with_lines(
        text: &str,
        profile: Option<Profile>,
        preset: Option<Preset>,
    ) -> Result<(Self, SourceLines), crate::Error> {
        Ok(read(text, profile, preset)?)
    }
}

/// Reads a configuration and the lines of its keys. `profile` and `preset` override those that the text names.
fn read(text: &str, profile: Option<Profile>, preset: Option<Preset>) -> Result<(Config, SourceLines), ConfigError> {
    let table = parse(text, MAX_TEXT_BYTES)?;
    GRAMMAR.check(table.get_ref()).map_err(|mistake| mistake.of(text))?;
    read_table(text, table, profile, preset)
}

/// Parses a text without checking its keys.
pub(crate) fn parse(text: &str, limit: u64) -> Result<Spanned<DeTable<'_>>, ConfigError> {
    let size = text.len() as u64;
    if size > limit {
        let problem = ConfigProblem::TooLong { size, limit };
        return Err(ConfigError { key: String::new(), at: None, problem });
    }
    DeTable::parse(text).map_err(|e| syntax(text, &e))
}

/// Reads a table that was checked.
pub(crate) fn read_table(
    text: &str,
    table: Spanned<DeTable<'_>>,
    profile: Option<Profile>,
    preset: Option<Preset>,
) -> Result<(Config, SourceLines), ConfigError> {
    let mut draft = Draft::written(Deserializer::from(table.clone())).map_err(|e| syntax(text, &e))?;
    (draft.profile, draft.preset) = (profile.or(draft.profile), preset.or(draft.preset));
    let config = Config::try_from(draft).and_then(|config| config.check_effects().map(|()| config));
    let config = config.map_err(|error| {
        let at = place(table.get_ref(), &error.key).map(|span| Position::of(text, span.start));
        ConfigError { at, ..error }
    })?;
    Ok((config, lines(text, table.get_ref())))
}

/// The keys of a configuration.
pub(crate) const GRAMMAR: Grammar = Grammar(fields);

pub(crate) fn fields() -> Vec<Field> {
    let preset = ("preset", Kind::Scalar(ScalarKind::Word(Preset::NAMES)));
    keys::all().map(ConfigKey::field).chain([preset]).collect()
}

pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError {
        key: String::new(),
        at: error.span().map(|span| Position::of(text, span.start)),
        problem: ConfigProblem::Syntax { message: error.message().to_string() },
    }
}

impl Misplaced {
    /// Adds the line and column in the text.
    pub(crate) fn of(self, text: &str) -> ConfigError {
        ConfigError { key: self.key, at: Some(Position::of(text, self.span.start)), problem: self.problem }
    }
}

/// Finds a value, or the innermost table around it; `None` for a key that is not in the text.
pub(crate) fn place(top: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    let mut table = top;
    let mut span = None;
    for name in key.split('.') {
        let (name, index) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((name, index)) => (name, Some(index)),
            None => (name, None),
        };
        let Some(mut value) = table.get(name) else { break };
        if let (Some(index), DeValue::Array(items)) = (index, value.get_ref()) {
            value = items.get(index.parse::<usize>().ok()?)?;
        }
        span = Some(value.span());
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    span
}

/// Returns the line of each key, and of each entry of a key with entries.
pub(crate) fn lines(text: &str, top: &DeTable<'_>) -> SourceLines {
    let mut lines = SourceLines::default();
    let mut granted: Vec<(&str, u64)> = Vec::new();
    let mut left: Vec<_> = top.iter().map(|(name, value)| (name_of(name.get_ref()), name.span(), value)).collect();
    while let Some((path, span, value)) = left.pop() {
        match (GRAMMAR.kind_of(&path), value.get_ref()) {
            (Some(Kind::Section | Kind::TextByName | Kind::FileByPath), DeValue::Table(table)) => {
                left.extend(table.iter().map(|(name, value)| {
                    let path = format!("{path}.{}", name_of(name.get_ref()));
                    (path, name.span(), value)
                }));
            }
            (Some(Kind::Tables(_)), DeValue::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    lines.0.insert(format!("{path}[{index}]"), Position::of(text, item.span().start).line);
                }
            }
            (Some(Kind::Texts), DeValue::Array(items)) if path == "grants" => {
                for item in items {
                    if let DeValue::String(name) = item.get_ref() {
                        granted.push((name.as_ref(), Position::of(text, item.span().start).line));
                    }
                }
            }
            _ => drop(lines.0.insert(path, Position::of(text, span.start).line)),
        }
    }
    // Grants are a set: each has its index in the order of names.
    granted.sort_unstable();
    granted.dedup_by_key(|(name, _)| *name);
    lines.0.extend(granted.iter().enumerate().map(|(index, (_, line))| (format!("grants[{index}]"), *line)));
    lines
}
