//! A configuration from TOML: first checked key by key, where places are known, then read.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::Range;

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

use self::grammar::{Grammar, Kind, Misplaced};
use super::{
    Config, Faults, LimitsDraft, Lines, LogLevel, MAX_TEXT_BYTES, ModuleDraft, OnGrowthLimit, Preset, Profile, dirs,
    http::{self, Http},
    setting::name_of,
    wasi::WasiDraft,
};
use crate::error::{ConfigError, ConfigProblem, Position};

pub(crate) mod grammar;

/// Reads a configuration, and where its keys are; `profile` and `preset` come before those the text names.
pub(super) fn read(
    text: &str,
    profile: Option<Profile>,
    preset: Option<Preset>,
) -> Result<(Config, Lines), ConfigError> {
    let table = parse(text, MAX_TEXT_BYTES)?;
    GRAMMAR.check(table.get_ref()).map_err(|mistake| mistake.of(text))?;
    read_table(text, table, profile, preset)
}

/// The keys of a text, unchecked.
pub(crate) fn parse(text: &str, limit: u64) -> Result<Spanned<DeTable<'_>>, ConfigError> {
    let size = text.len() as u64;
    if size > limit {
        let problem = ConfigProblem::TooLong { size, limit };
        return Err(ConfigError { key: String::new(), at: None, problem });
    }
    DeTable::parse(text).map_err(|e| syntax(text, &e))
}

/// Reads what was checked.
pub(crate) fn read_table(
    text: &str,
    table: Spanned<DeTable<'_>>,
    profile: Option<Profile>,
    preset: Option<Preset>,
) -> Result<(Config, Lines), ConfigError> {
    let mut draft = Draft::deserialize(Deserializer::from(table.clone())).map_err(|e| syntax(text, &e))?;
    (draft.profile, draft.preset) = (profile.or(draft.profile), preset.or(draft.preset));
    let config = Config::try_from(draft).and_then(|config| config.check(false).map(|()| config));
    let config = config.map_err(|error| {
        let at = place(table.get_ref(), &error.key).map(|span| Position::of(text, span.start));
        ConfigError { at, ..error }
    })?;
    Ok((config, lines(text, table.get_ref())))
}

/// The configuration as it is written: keys may be left out, the profile gives what is missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Draft {
    profile: Option<Profile>,
    preset: Option<Preset>,
    deadline_ms: Option<u64>,
    module_cache_bytes: Option<u64>,
    on_growth_limit: OnGrowthLimit,
    limits: LimitsDraft,
    module: ModuleDraft,
    faults: Faults,
    log: Option<LogLevel>,
    grants: BTreeSet<String>,
    wasi: WasiDraft,
    http: Http,
}

impl TryFrom<Draft> for Config {
    type Error = ConfigError;

    fn try_from(draft: Draft) -> Result<Self, ConfigError> {
        let granted = draft.preset.map_or_else(Config::default, Config::preset);
        let profile = draft.profile.unwrap_or(granted.profile);
        let base = Config::profile(profile);
        let config = Config {
            deadline_ms: draft.deadline_ms,
            module_cache_bytes: draft.module_cache_bytes.unwrap_or(base.module_cache_bytes),
            on_growth_limit: draft.on_growth_limit,
            limits: draft.limits.over(base.limits),
            module: draft.module.over(base.module),
            faults: draft.faults,
            log: draft.log.unwrap_or(granted.log),
            grants: draft.grants,
            wasi: draft.wasi.over(granted.wasi),
            http: draft.http,
            profile,
        };
        // What this build can ask its host for is looked at when a sandbox is built.
        config.check(true)?;
        Ok(config)
    }
}

/// What a configuration may have.
pub(crate) static GRAMMAR: Grammar =
    Grammar { sections: &SECTIONS, words: &WORDS, others: &OTHERS, numbers, base: None };

const WORDS: [(&str, &[&str]); 8] = [
    ("preset", &["minimal", "development"]),
    ("log", &LogLevel::NAMES),
    ("profile", &["plugin", "large"]),
    ("on_growth_limit", &["stop", "refuse"]),
    ("wasi.clock", &["none", "fixed", "virtual", "host"]),
    ("wasi.random", &["none", "seeded", "host"]),
    ("wasi.dirs.access", &["read", "write"]),
    ("http.allow.scheme", &["http", "https"]),
];
const SECTIONS: [&str; 5] = ["limits", "module", "faults", "wasi", "http"];
const OTHERS: [(&str, Kind); 13] = [
    ("grants", Kind::Texts),
    ("wasi.program", Kind::Text),
    ("wasi.args", Kind::Texts),
    ("wasi.env", Kind::TextByName),
    ("wasi.files", Kind::FileByPath),
    ("wasi.dirs", Kind::Tables),
    ("wasi.dirs.host", Kind::Text),
    ("wasi.dirs.guest", Kind::Text),
    ("http.allow", Kind::Tables),
    ("http.allow.methods", Kind::Texts),
    ("http.allow.host", Kind::Text),
    ("http.allow.path", Kind::Text),
    ("http.private_addresses", Kind::Flag),
];

/// Those of sections that there can be many of, too.
fn numbers() -> Vec<super::Key> {
    Config::keys().chain(dirs::KEYS).chain(http::RULE_KEYS).collect()
}

pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError {
        key: String::new(),
        at: error.span().map(|span| Position::of(text, span.start)),
        problem: ConfigProblem::Syntax { message: error.message().to_string() },
    }
}

impl Misplaced {
    /// With its place in the text.
    pub(crate) fn of(self, text: &str) -> ConfigError {
        ConfigError { key: self.key, at: Some(Position::of(text, self.span.start)), problem: self.problem }
    }
}

/// Where a value is, or the innermost table around it; nothing for a key that is not in the text.
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

/// The line of each key, and of each piece of what is given piece by piece.
pub(crate) fn lines(text: &str, top: &DeTable<'_>) -> Lines {
    let mut lines = Lines::default();
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
            (Some(Kind::Tables), DeValue::Array(items)) => {
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
    // They are a set: each has its number in the order of names.
    granted.sort_unstable();
    granted.dedup_by_key(|(name, _)| *name);
    lines.0.extend(granted.iter().enumerate().map(|(index, (_, line))| (format!("grants[{index}]"), *line)));
    lines
}
