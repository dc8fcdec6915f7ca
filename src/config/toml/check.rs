//! The check of a text against a grammar, while positions in the text are known.

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

#[cfg(feature = "tool")]
use crate::config::quote::name_of;
use crate::{
    config::{
        grammar::{Field, Grammar, Kind, ScalarKind, below},
        keys,
    },
    error::{ConfigProblem, ValueKind},
};

/// A mistake with its position in the text.
pub(crate) struct Misplaced {
    pub key: String,
    pub span: Range<usize>,
    pub problem: ConfigProblem,
}

impl Grammar {
    /// Checks a text.
    pub(crate) fn check(&self, text: &DeTable<'_>) -> Result<(), Misplaced> {
        check_section(&self.0(), "", "", text)
    }

    /// Returns the kind of a key, by its path.
    pub(crate) fn kind_of(&self, path: &str) -> Option<Kind> {
        kind_of(&self.0(), path)
    }
}

fn kind_of(fields: &[Field], path: &str) -> Option<Kind> {
    let is_section = || fields.iter().any(|(name, _)| is_below(name, path));
    let field = fields.iter().find(|(name, _)| *name == path);
    field.map(|(_, kind)| *kind).or_else(|| is_section().then_some(Kind::Section))
}

fn is_below(path: &str, section: &str) -> bool {
    path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// Lists the names that are valid in a section (`""`: at the top level), sorted; also the paths that end with `name`,
/// whose section is missing.
fn valid_in(fields: &[Field], section: &str, name: &str) -> Vec<&'static str> {
    let paths = fields.iter().filter_map(|(path, _)| match section {
        "" => Some(*path),
        section if is_below(path, section) => path.get(section.len() + 1..),
        _ => None,
    });
    let paths: Vec<_> = paths.collect();
    let names = paths.iter().filter_map(|path| path.split('.').next());
    let missing = paths.iter().filter(|path| path.rsplit_once('.').is_some_and(|(_, last)| last == name)).copied();
    let mut valid: Vec<_> = names.chain(missing).collect();
    valid.sort_unstable();
    valid.dedup();
    valid
}

/// Checks a table. `at` is its path in the text, `section` its path among the fields, which has no indices.
fn check_section(fields: &[Field], at: &str, section: &str, table: &DeTable<'_>) -> Result<(), Misplaced> {
    // In the order of the text, so that the first mistake is reported.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let (path, key) = (below(at, name.get_ref()), below(section, name.get_ref()));
        match (kind_of(fields, &key), value.get_ref()) {
            (Some(Kind::Section), DeValue::Table(table)) => check_section(fields, &path, &key, table)?,
            (Some(kind), _) => check_value(kind, &path, value)?,
            (None, _) => {
                let problem = ConfigProblem::UnknownKey { valid: valid_in(fields, section, name.get_ref()) };
                return Err(Misplaced { key: path, span: name.span(), problem });
            }
        }
    }
    Ok(())
}

fn check_value(kind: Kind, path: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Misplaced> {
    let misplaced = |span: Range<usize>, problem| Err(Misplaced { key: path.into(), span, problem });
    let wrong = |expected, item: &Spanned<DeValue<'_>>| {
        let found = kind_of_value(item.get_ref());
        misplaced(item.span(), ConfigProblem::WrongType { expected, found })
    };
    match (kind, value.get_ref()) {
        (Kind::Scalar(ScalarKind::Number(key)), DeValue::Integer(number)) => {
            // Beyond 128 bits it is beyond every range too, on the side of its sign.
            let beyond = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
            let number = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(beyond);
            key.check(number).or_else(|problem| misplaced(value.span(), problem))
        }
        (Kind::Scalar(ScalarKind::Number(key)), DeValue::String(text)) if keys::scalar(key.path).is_some() => {
            key.parse(text).map(drop).or_else(|problem| misplaced(value.span(), problem))
        }
        (Kind::Scalar(ScalarKind::Number(_)), _) => wrong(ValueKind::Integer, value),
        (Kind::Scalar(ScalarKind::Word(words)), DeValue::String(word)) if words.contains(&word.as_ref()) => Ok(()),
        (Kind::Scalar(ScalarKind::Word(words)), DeValue::String(word)) => {
            let problem = ConfigProblem::UnknownWord { value: word.clone().into_owned(), valid: words.to_vec() };
            misplaced(value.span(), problem)
        }
        (Kind::Scalar(ScalarKind::Flag), DeValue::Boolean(_)) | (Kind::Text, DeValue::String(_)) => Ok(()),
        (Kind::Scalar(ScalarKind::Flag), _) => wrong(ValueKind::Boolean, value),
        (Kind::Scalar(ScalarKind::Word(_)) | Kind::Text, _) => wrong(ValueKind::String, value),
        (Kind::Texts, DeValue::Array(items)) => {
            items.iter().find(|item| !is_text(item.get_ref())).map_or(Ok(()), |item| wrong(ValueKind::String, item))
        }
        (Kind::Texts, _) => wrong(ValueKind::Strings, value),
        (Kind::TextByName, DeValue::Table(table)) => {
            table.values().find(|item| !is_text(item.get_ref())).map_or(Ok(()), |item| wrong(ValueKind::String, item))
        }
        (Kind::FileByPath, DeValue::Table(table)) => table
            .values()
            .find(|item| !is_file(item.get_ref()))
            .map_or(Ok(()), |item| wrong(ValueKind::FileBytes, item)),
        (Kind::Section | Kind::TextByName | Kind::FileByPath, _) => wrong(ValueKind::Table, value),
        (Kind::Tables(fields), DeValue::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let DeValue::Table(table) = item.get_ref() else { return wrong(ValueKind::Table, item) };
                check_section(fields, &format!("{path}[{index}]"), "", table)?;
            }
            Ok(())
        }
        (Kind::Tables(_), _) => wrong(ValueKind::Tables, value),
        #[cfg(feature = "tool")]
        (Kind::Inner(grammar), DeValue::Table(table)) => check_section(&grammar.0(), path, "", table),
        #[cfg(feature = "tool")]
        (Kind::InnerByName(grammar), DeValue::Table(table)) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(name, _)| name.span().start);
            let fields = grammar.0();
            entries.into_iter().try_for_each(|(name, item)| match item.get_ref() {
                DeValue::Table(table) => check_section(&fields, &below(path, &name_of(name.get_ref())), "", table),
                _ => wrong(ValueKind::Table, item),
            })
        }
        #[cfg(feature = "tool")]
        (Kind::Inner(_) | Kind::InnerByName(_), _) => wrong(ValueKind::Table, value),
        #[cfg(feature = "tool")]
        (Kind::Free(fits, expected), found) => {
            if fits(found) {
                Ok(())
            } else {
                wrong(expected, value)
            }
        }
    }
}

fn kind_of_value(value: &DeValue<'_>) -> ValueKind {
    match value {
        DeValue::String(_) => ValueKind::String,
        DeValue::Integer(_) => ValueKind::Integer,
        DeValue::Float(_) => ValueKind::Float,
        DeValue::Boolean(_) => ValueKind::Boolean,
        DeValue::Datetime(_) => ValueKind::Datetime,
        DeValue::Array(_) => ValueKind::Array,
        DeValue::Table(_) => ValueKind::Table,
    }
}

fn is_text(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::String(_))
}

fn is_file(value: &DeValue<'_>) -> bool {
    let DeValue::Table(table) = value else { return is_text(value) };
    let hex = table.get("hex").filter(|_| table.len() == 1).map(Spanned::get_ref);
    matches!(hex, Some(DeValue::String(digits)) if crate::data::hex::decode(digits).is_some())
}
