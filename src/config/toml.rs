//! A configuration from TOML: first checked key by key, where places are known, then read.

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::{Config, Faults, Key, LimitsDraft, MAX_TEXT_BYTES, ModuleDraft, OnGrowthLimit, Profile};
use crate::error::{ConfigError, ConfigProblem, Position};

/// Reads a configuration; `profile` comes before the one the text names.
pub(super) fn read(text: &str, profile: Option<Profile>) -> Result<Config, ConfigError> {
    let size = text.len() as u64;
    if size > MAX_TEXT_BYTES {
        let problem = ConfigProblem::TooLong { size, limit: MAX_TEXT_BYTES };
        return Err(ConfigError { key: String::new(), at: None, problem });
    }
    let table = DeTable::parse(text).map_err(|e| syntax(text, &e))?;
    let at = |e: Misplaced| ConfigError { key: e.key, at: Some(Position::of(text, e.span.start)), problem: e.problem };
    check(table.get_ref()).map_err(at)?;
    let mut draft: Draft = toml::from_str(text).map_err(|e| syntax(text, &e))?;
    draft.profile = profile.unwrap_or(draft.profile);
    let config = Config::try_from(draft)?;
    Ok(config)
}

/// The configuration as it is written: keys may be left out, the profile gives what is missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Draft {
    profile: Profile,
    deadline_ms: Option<u64>,
    on_growth_limit: OnGrowthLimit,
    limits: LimitsDraft,
    module: ModuleDraft,
    faults: Faults,
}

impl TryFrom<Draft> for Config {
    type Error = ConfigError;

    fn try_from(draft: Draft) -> Result<Self, ConfigError> {
        let base = Config::profile(draft.profile);
        let config = Config {
            deadline_ms: draft.deadline_ms,
            on_growth_limit: draft.on_growth_limit,
            limits: draft.limits.over(base.limits),
            module: draft.module.over(base.module),
            faults: draft.faults,
            ..Config::profile(draft.profile)
        };
        config.check()?;
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
enum Kind {
    Section,
    Number(Key),
    Word(&'static [&'static str]),
}

const WORDS: [(&str, &[&str]); 2] = [("profile", &["plugin", "large"]), ("on_growth_limit", &["stop", "refuse"])];
const SECTIONS: [&str; 3] = ["limits", "module", "faults"];

fn kind_of(path: &str) -> Option<Kind> {
    if SECTIONS.contains(&path) {
        return Some(Kind::Section);
    }
    if let Some((_, words)) = WORDS.iter().find(|(name, _)| *name == path) {
        return Some(Kind::Word(words));
    }
    Config::keys().find(|key| key.path == path).map(Kind::Number)
}

/// The names that are valid in a section (`""`: at the top), sorted.
fn valid_in(section: &str) -> Vec<&'static str> {
    let prefix = if section.is_empty() { String::new() } else { format!("{section}.") };
    let words = WORDS.iter().map(|(name, _)| *name);
    let all = Config::keys().map(|key| key.path).chain(words).chain(SECTIONS);
    let mut valid: Vec<_> =
        all.filter_map(|path| path.strip_prefix(prefix.as_str())).filter(|n| !n.contains('.')).collect();
    valid.sort_unstable();
    valid
}

fn check(top: &DeTable<'_>) -> Result<(), Misplaced> {
    check_section("", top)?;
    for section in SECTIONS {
        if let Some(value) = top.get(section)
            && let DeValue::Table(table) = value.get_ref()
        {
            check_section(section, table)?;
        }
    }
    Ok(())
}

fn check_section(section: &str, table: &DeTable<'_>) -> Result<(), Misplaced> {
    // In the order of the text, so that the first mistake is the one that is told.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let path = if section.is_empty() {
            name.get_ref().clone().into_owned()
        } else {
            format!("{section}.{}", name.get_ref())
        };
        let misplaced = |span: Range<usize>, problem| Misplaced { key: path.clone(), span, problem };
        let Some(kind) = kind_of(&path) else {
            return Err(misplaced(name.span(), ConfigProblem::UnknownKey { valid: valid_in(section) }));
        };
        let wrong = |expected| ConfigProblem::WrongType { expected, found: value.get_ref().type_str() };
        let problem = match (kind, value.get_ref()) {
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
            (Kind::Word(_), _) => wrong("string"),
        };
        return Err(misplaced(value.span(), problem));
    }
    Ok(())
}
