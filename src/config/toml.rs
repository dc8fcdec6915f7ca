//! A configuration from TOML: first checked key by key, where places are known, then read.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::ops::Range;

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Config, Faults, Key, LimitsDraft, Lines, LogLevel, MAX_TEXT_BYTES, ModuleDraft, OnGrowthLimit, Preset, Profile,
    dirs,
    http::{self, Http},
    setting::name_of,
    wasi::WasiDraft,
};
use crate::error::{ConfigError, ConfigProblem, Position};

/// Reads a configuration, and where its keys are; `profile` and `preset` come before those the text names.
pub(super) fn read(
    text: &str,
    profile: Option<Profile>,
    preset: Option<Preset>,
) -> Result<(Config, Lines), ConfigError> {
    let size = text.len() as u64;
    if size > MAX_TEXT_BYTES {
        let problem = ConfigProblem::TooLong { size, limit: MAX_TEXT_BYTES };
        return Err(ConfigError { key: String::new(), at: None, problem });
    }
    let table = DeTable::parse(text).map_err(|e| syntax(text, &e))?;
    let at = |e: Misplaced| ConfigError { key: e.key, at: Some(Position::of(text, e.span.start)), problem: e.problem };
    check(table.get_ref()).map_err(at)?;
    let mut draft: Draft = toml::from_str(text).map_err(|e| syntax(text, &e))?;
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

fn syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError {
        key: String::new(),
        at: error.span().map(|span| Position::of(text, span.start)),
        problem: ConfigProblem::Syntax { message: error.message().into() },
    }
}

struct Misplaced {
    key: String,
    span: Range<usize>,
    problem: ConfigProblem,
}

/// What a key may hold.
#[derive(Clone, Copy)]
enum Kind {
    Section,
    Number(Key),
    Word(&'static [&'static str]),
    Flag,
    Text,
    Texts,
    /// Names of any kind, with texts.
    TextByName,
    /// Paths, with texts or `{ hex = "…" }`.
    FileByPath,
    /// An array of tables, each of which is a section.
    Tables,
}

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

fn kind_of(path: &str) -> Option<Kind> {
    if SECTIONS.contains(&path) {
        return Some(Kind::Section);
    }
    if let Some((_, words)) = WORDS.iter().find(|(name, _)| *name == path) {
        return Some(Kind::Word(words));
    }
    if let Some((_, kind)) = OTHERS.iter().find(|(name, _)| *name == path) {
        return Some(*kind);
    }
    keys().find(|key| key.path == path).map(Kind::Number)
}

/// Those of sections that there can be many of, too.
fn keys() -> impl Iterator<Item = Key> {
    Config::keys().chain(dirs::KEYS).chain(http::RULE_KEYS)
}

/// The names that are valid in a section (`""`: at the top), sorted.
fn valid_in(section: &str) -> Vec<&'static str> {
    let prefix = if section.is_empty() { String::new() } else { format!("{section}.") };
    let words = WORDS.iter().map(|(name, _)| *name);
    let others = OTHERS.iter().map(|(name, _)| *name);
    let all = keys().map(|key| key.path).chain(words).chain(others).chain(SECTIONS);
    let mut valid: Vec<_> =
        all.filter_map(|path| path.strip_prefix(prefix.as_str())).filter(|n| !n.contains('.')).collect();
    valid.sort_unstable();
    valid
}

fn check(top: &DeTable<'_>) -> Result<(), Misplaced> {
    check_section("", "", top)?;
    for section in SECTIONS {
        if let Some(value) = top.get(section)
            && let DeValue::Table(table) = value.get_ref()
        {
            check_section(section, section, table)?;
        }
    }
    Ok(())
}

/// `kind` is the path of the section without a number.
fn check_section(section: &str, kind: &str, table: &DeTable<'_>) -> Result<(), Misplaced> {
    // In the order of the text, so that the first mistake is the one that is told.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let of = |section: &str| match section {
            "" => name.get_ref().clone().into_owned(),
            _ => format!("{section}.{}", name.get_ref()),
        };
        let (path, key) = (of(section), of(kind));
        let misplaced = |span: Range<usize>, problem| Misplaced { key: path.clone(), span, problem };
        let Some(found) = kind_of(&key) else {
            return Err(misplaced(name.span(), ConfigProblem::UnknownKey { valid: valid_in(kind) }));
        };
        let wrong = |expected| ConfigProblem::WrongType { expected, found: value.get_ref().type_str() };
        let problem = match (found, value.get_ref()) {
            (Kind::Section, DeValue::Table(_)) => continue,
            (Kind::Section, _) => wrong("table"),
            (Kind::Number(key), DeValue::Integer(number)) => {
                // Beyond 128 bits it is beyond every range too, on the side of its sign.
                let beyond = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
                let value = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(beyond);
                match key.check(value) {
                    Ok(()) => continue,
                    Err(problem) => problem,
                }
            }
            (Kind::Number(_), _) => wrong("integer"),
            (Kind::Word(words), DeValue::String(word)) if words.contains(&word.as_ref()) => continue,
            (Kind::Word(words), DeValue::String(word)) => {
                ConfigProblem::UnknownWord { value: word.clone().into_owned(), valid: words.to_vec() }
            }
            (Kind::Flag, DeValue::Boolean(_)) => continue,
            (Kind::Flag, _) => wrong("boolean"),
            (Kind::Text, DeValue::String(_)) => continue,
            (Kind::Word(_) | Kind::Text, _) => wrong("string"),
            (Kind::Texts, DeValue::Array(items)) => match items.iter().find(|item| !is_text(item.get_ref())) {
                None => continue,
                Some(item) => return Err(misplaced(item.span(), not_text(item.get_ref()))),
            },
            (Kind::Texts, _) => wrong("array of strings"),
            (Kind::TextByName, DeValue::Table(table)) => {
                match table.iter().find(|(_, item)| !is_text(item.get_ref())) {
                    None => continue,
                    Some((_, item)) => return Err(misplaced(item.span(), not_text(item.get_ref()))),
                }
            }
            (Kind::FileByPath, DeValue::Table(table)) => {
                match table.iter().find(|(_, item)| !is_file(item.get_ref())) {
                    None => continue,
                    Some((_, item)) => {
                        let (expected, found) = ("string or { hex = \"…\" }", item.get_ref().type_str());
                        return Err(misplaced(item.span(), ConfigProblem::WrongType { expected, found }));
                    }
                }
            }
            (Kind::TextByName | Kind::FileByPath, _) => wrong("table"),
            (Kind::Tables, DeValue::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let DeValue::Table(table) = item.get_ref() else {
                        let (expected, found) = ("table", item.get_ref().type_str());
                        return Err(misplaced(item.span(), ConfigProblem::WrongType { expected, found }));
                    };
                    check_section(&format!("{path}[{index}]"), &key, table)?;
                }
                continue;
            }
            (Kind::Tables, _) => wrong("array of tables"),
        };
        return Err(misplaced(value.span(), problem));
    }
    Ok(())
}

/// Where a value is, or the innermost table around it; nothing for a key that is not in the text.
fn place(top: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
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
fn lines(text: &str, top: &DeTable<'_>) -> Lines {
    let mut lines = Lines::default();
    let mut granted: Vec<(&str, u64)> = Vec::new();
    let mut left: Vec<_> = top.iter().map(|(name, value)| (name_of(name.get_ref()), name.span(), value)).collect();
    while let Some((path, span, value)) = left.pop() {
        match (kind_of(&path), value.get_ref()) {
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

fn is_text(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::String(_))
}

fn not_text(value: &DeValue<'_>) -> ConfigProblem {
    ConfigProblem::WrongType { expected: "string", found: value.type_str() }
}

fn is_file(value: &DeValue<'_>) -> bool {
    let DeValue::Table(table) = value else { return is_text(value) };
    let hex = table.get("hex").filter(|_| table.len() == 1).map(Spanned::get_ref);
    matches!(hex, Some(DeValue::String(digits)) if crate::files::of_hex(digits).is_some())
}
