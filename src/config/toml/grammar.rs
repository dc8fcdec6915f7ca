//! Which keys a text may have, and what they may hold: checked while places are known.

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

#[cfg(feature = "json")]
use crate::config::setting::name_of;
use crate::{config::Key, error::ConfigProblem};

/// Which keys a text may have.
pub(crate) struct Grammar {
    /// Tables with keys of their own.
    pub sections: &'static [&'static str],
    /// Keys that hold one of some words.
    pub words: &'static [(&'static str, &'static [&'static str])],
    /// Other keys that hold no numbers.
    pub others: &'static [(&'static str, Kind)],
    /// Keys that hold numbers.
    pub numbers: fn() -> Vec<Key>,
    /// Another grammar, whose keys are there too.
    pub base: Option<&'static Grammar>,
}

/// What a key may hold.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
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
    /// A text of another grammar.
    #[cfg(feature = "json")]
    Inner(&'static Grammar),
    /// Names of any kind, with texts of another grammar.
    #[cfg(feature = "json")]
    InnerByName(&'static Grammar),
    /// What has a form of its own: these types of TOML, in words.
    #[cfg(feature = "json")]
    Free(fn(&DeValue<'_>) -> bool, &'static str),
}

/// A mistake, and where it is.
pub(crate) struct Misplaced {
    pub key: String,
    pub span: Range<usize>,
    pub problem: ConfigProblem,
}

impl Grammar {
    /// Checks a text.
    pub(crate) fn check(&self, text: &DeTable<'_>) -> Result<(), Misplaced> {
        self.check_section("", "", text)
    }

    pub(super) fn kind_of(&self, path: &str) -> Option<Kind> {
        if self.sections.contains(&path) {
            return Some(Kind::Section);
        }
        if let Some((_, words)) = self.words.iter().find(|(name, _)| *name == path) {
            return Some(Kind::Word(words));
        }
        if let Some((_, kind)) = self.others.iter().find(|(name, _)| *name == path) {
            return Some(*kind);
        }
        let number = (self.numbers)().into_iter().find(|key| key.path == path).map(Kind::Number);
        number.or_else(|| self.base?.kind_of(path))
    }

    /// The names that are valid in a section (`""`: at the top), sorted.
    fn valid_in(&self, section: &str) -> Vec<&'static str> {
        let prefix = if section.is_empty() { String::new() } else { format!("{section}.") };
        let words = self.words.iter().map(|(name, _)| *name);
        let others = self.others.iter().map(|(name, _)| *name);
        let numbers = (self.numbers)().into_iter().map(|key| key.path);
        let all = numbers.chain(words).chain(others).chain(self.sections.iter().copied());
        let mut valid: Vec<_> =
            all.filter_map(|path| path.strip_prefix(prefix.as_str())).filter(|n| !n.contains('.')).collect();
        valid.extend(self.base.iter().flat_map(|base| base.valid_in(section)));
        valid.sort_unstable();
        valid
    }

    /// `section` is the path in the text, `kind` that in this grammar, which has no numbers.
    fn check_section(&self, section: &str, kind: &str, table: &DeTable<'_>) -> Result<(), Misplaced> {
        // In the order of the text, so that the first mistake is the one that is told.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let (path, key) = (below(section, name.get_ref()), below(kind, name.get_ref()));
            match self.kind_of(&key) {
                Some(found) => self.check_value(found, &path, &key, value)?,
                None => {
                    let problem = ConfigProblem::UnknownKey { valid: self.valid_in(kind) };
                    return Err(Misplaced { key: path, span: name.span(), problem });
                }
            }
        }
        Ok(())
    }

    fn check_value(&self, kind: Kind, path: &str, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Misplaced> {
        let misplaced = |span: Range<usize>, problem| Err(Misplaced { key: path.into(), span, problem });
        let wrong = |expected, item: &Spanned<DeValue<'_>>| {
            let found = item.get_ref().type_str();
            misplaced(item.span(), ConfigProblem::WrongType { expected, found })
        };
        match (kind, value.get_ref()) {
            (Kind::Section, DeValue::Table(table)) => self.check_section(path, key, table),
            (Kind::Number(key), DeValue::Integer(number)) => {
                // Beyond 128 bits it is beyond every range too, on the side of its sign.
                let beyond = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
                let number = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(beyond);
                key.check(number).or_else(|problem| misplaced(value.span(), problem))
            }
            (Kind::Number(_), _) => wrong("integer", value),
            (Kind::Word(words), DeValue::String(word)) if words.contains(&word.as_ref()) => Ok(()),
            (Kind::Word(words), DeValue::String(word)) => {
                let problem = ConfigProblem::UnknownWord { value: word.clone().into_owned(), valid: words.to_vec() };
                misplaced(value.span(), problem)
            }
            (Kind::Flag, DeValue::Boolean(_)) | (Kind::Text, DeValue::String(_)) => Ok(()),
            (Kind::Flag, _) => wrong("boolean", value),
            (Kind::Word(_) | Kind::Text, _) => wrong("string", value),
            (Kind::Texts, DeValue::Array(items)) => {
                items.iter().find(|item| !is_text(item.get_ref())).map_or(Ok(()), |item| wrong("string", item))
            }
            (Kind::Texts, _) => wrong("array of strings", value),
            (Kind::TextByName, DeValue::Table(table)) => {
                table.values().find(|item| !is_text(item.get_ref())).map_or(Ok(()), |item| wrong("string", item))
            }
            (Kind::FileByPath, DeValue::Table(table)) => table
                .values()
                .find(|item| !is_file(item.get_ref()))
                .map_or(Ok(()), |item| wrong("string or { hex = \"…\" }", item)),
            (Kind::Section | Kind::TextByName | Kind::FileByPath, _) => wrong("table", value),
            (Kind::Tables, DeValue::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let DeValue::Table(table) = item.get_ref() else { return wrong("table", item) };
                    self.check_section(&format!("{path}[{index}]"), key, table)?;
                }
                Ok(())
            }
            (Kind::Tables, _) => wrong("array of tables", value),
            #[cfg(feature = "json")]
            (Kind::Inner(grammar), DeValue::Table(table)) => grammar.check_section(path, "", table),
            #[cfg(feature = "json")]
            (Kind::InnerByName(grammar), DeValue::Table(table)) => {
                let mut entries: Vec<_> = table.iter().collect();
                entries.sort_by_key(|(name, _)| name.span().start);
                entries.into_iter().try_for_each(|(name, item)| match item.get_ref() {
                    DeValue::Table(table) => grammar.check_section(&below(path, &name_of(name.get_ref())), "", table),
                    _ => wrong("table", item),
                })
            }
            #[cfg(feature = "json")]
            (Kind::Inner(_) | Kind::InnerByName(_), _) => wrong("table", value),
            #[cfg(feature = "json")]
            (Kind::Free(fits, expected), found) => {
                if fits(found) {
                    Ok(())
                } else {
                    wrong(expected, value)
                }
            }
        }
    }
}

fn below(section: &str, name: &str) -> String {
    if section.is_empty() { name.into() } else { format!("{section}.{name}") }
}

fn is_text(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::String(_))
}

fn is_file(value: &DeValue<'_>) -> bool {
    let DeValue::Table(table) = value else { return is_text(value) };
    let hex = table.get("hex").filter(|_| table.len() == 1).map(Spanned::get_ref);
    matches!(hex, Some(DeValue::String(digits)) if crate::files::of_hex(digits).is_some())
}
