//! Grants of an operator to tools, and the ceiling above all grants.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

pub use self::{
    ceiling::Ceiling,
    plan::{MissingCapability, Plan, PlanLine, PlanReason, PlanSource},
};
use crate::{
    config::{
        Config, MAX_TEXT_BYTES, Profile,
        grammar::{Grammar, Kind},
        lines::SourceLines,
        preset::Preset,
        quote::name_of,
        read,
        toml::{self as config_toml, parse, read_table, syntax},
    },
    error::{ConfigError, ConfigProblem, Position, ValueProblem},
};

mod ceiling;
mod layers;
mod lists;
mod narrow;
mod plan;
mod rules;
#[cfg(test)]
mod tests;

/// Grants of an operator to tools ([`docs::tools`](crate::docs::tools)): a configuration for all tools,
/// further grants for single ones, and a ceiling above both.
///
/// ```
/// use belljar::tool::Policy;
///
/// let policy = Policy::from_toml(r#"
///     [limits]
///     fuel = 1_000_000
///
///     [ceiling]
///     limits.fuel = 100_000_000
///
///     [tools.convert]
///     limits.fuel = 50_000_000
/// "#)?;
/// assert_eq!(policy.config().limits.fuel, 1_000_000);
/// assert!(policy.tools().eq(["convert"]));
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    config: Config,
    lines: SourceLines,
    ceiling: Ceiling,
    ceiling_lines: SourceLines,
    tools: BTreeMap<String, Entry>,
}

/// The grants of one tool.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    config: Config,
    /// The keys that its section sets, by line. All others are as for every tool.
    lines: SourceLines,
    /// Hash of the only module that it is for, and its line.
    sha256: Option<(String, u64)>,
}

impl Policy {
    /// Grants the same to every tool.
    pub fn new(config: Config) -> Policy {
        Policy { config, ..Policy::default() }
    }

    /// Reads a policy of at most 256 KiB: a configuration as [`Config::from_toml`] reads it, and beside it
    /// the sections `ceiling` and `tools`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config), as from [`Config::from_toml`].
    pub fn from_toml(text: &str) -> Result<Policy, crate::Error> {
        Policy::from_toml_with(text, None, None)
    }

    /// Reads a policy over the defaults of this profile and the capabilities of this preset, if any, instead of
    /// those that the text names.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Policy::from_toml).
    pub fn from_toml_with(
        text: &str,
        profile: Option<Profile>,
        preset: Option<Preset>,
    ) -> Result<Policy, crate::Error> {
        Ok(read(text, profile, preset)?)
    }

    /// Returns the grants of every tool.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the lines of the text that set them.
    pub fn lines(&self) -> &SourceLines {
        &self.lines
    }

    /// Replaces the grants of every tool.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Policy {
        self.config = config;
        self
    }

    /// Returns the most that any tool gets.
    pub fn ceiling(&self) -> &Ceiling {
        &self.ceiling
    }

    /// Returns the lines of the text that set the ceiling, by keys without `ceiling.`.
    pub fn ceiling_lines(&self) -> &SourceLines {
        &self.ceiling_lines
    }

    /// Lists the tools that have a section: names, or `sha256:` and hashes.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// Returns the first tool whose section grants an effect, as [`tools`](Policy::tools) names it, and the key.
    /// For the grants of all tools, see [`Config::effect`].
    pub fn effect_of_tools(&self) -> Option<(&str, &'static str)> {
        self.tools.iter().find_map(|(name, entry)| Some((name.as_str(), entry.config.effect()?)))
    }
}

const GRAMMAR: Grammar = Grammar(|| {
    let mut fields = config_toml::fields();
    fields.extend([("ceiling", Kind::Inner(ceiling::GRAMMAR)), ("tools", Kind::InnerByName(TOOL))]);
    fields
});

const TOOL: Grammar = Grammar(|| {
    let mut fields = config_toml::fields();
    fields.push(("sha256", Kind::Text));
    fields
});

/// Prefix of the name of a section for the module with a hash.
pub(crate) const BY_HASH: &str = "sha256:";

fn read(text: &str, profile: Option<Profile>, preset: Option<Preset>) -> Result<Policy, ConfigError> {
    let mut table = parse(text, MAX_TEXT_BYTES)?;
    GRAMMAR.check(table.get_ref()).map_err(|mistake| mistake.of(text))?;
    let mut policy = Policy::default();
    if let Some(section) = table.get_mut().remove("ceiling").and_then(into_table) {
        (policy.ceiling, policy.ceiling_lines) = read_ceiling(text, section)?;
    }
    for (name, value) in table.get_mut().remove("tools").and_then(into_table).into_iter().flat_map(Spanned::into_inner)
    {
        let at = Position::of(text, name.span().start);
        let name = name.get_ref().to_string();
        let prefix = format!("tools.{}", name_of(&name));
        let Some(section) = into_table(value) else { continue };
        let known = name.strip_prefix(BY_HASH).map_or_else(|| crate::tool::manifest::is_name(&name), is_hash);
        if !known {
            let why = ValueProblem::PolicyName;
            return Err(ConfigError { key: prefix, at: Some(at), problem: ConfigProblem::Unfit { why } });
        }
        let entry = read_entry(text, section).map_err(|error| {
            let key = if error.key.is_empty() { prefix.clone() } else { format!("{prefix}.{}", error.key) };
            ConfigError { key, ..error }
        })?;
        policy.tools.insert(name, entry);
    }
    (policy.config, policy.lines) = read_table(text, table, profile, preset)?;
    Ok(policy)
}

fn read_ceiling(text: &str, section: Spanned<DeTable<'_>>) -> Result<(Ceiling, SourceLines), ConfigError> {
    let lines = config_toml::lines(text, section.get_ref());
    let mut ceiling = Ceiling::default();
    read::read_written(Deserializer::from(section), &mut ceiling).map_err(|e| syntax(text, &e))?;
    for (index, rule) in ceiling.http.iter().flatten().enumerate() {
        rule.check().map_err(|(key, problem)| {
            let line = lines.of(&format!("http.allow[{index}]"));
            let at = line.map(|line| Position { line, column: 1 });
            ConfigError { key: format!("ceiling.http.allow[{index}].{key}"), at, problem }
        })?;
    }
    Ok((ceiling, lines))
}

fn read_entry(text: &str, mut section: Spanned<DeTable<'_>>) -> Result<Entry, ConfigError> {
    let sha256 = match section.get_mut().remove("sha256") {
        Some(value) => {
            let at = Position::of(text, value.span().start);
            let hash = value.get_ref().as_str().unwrap_or_default().to_string();
            if !is_hash(&hash) {
                let why = ValueProblem::Sha256;
                return Err(ConfigError { key: "sha256".into(), at: Some(at), problem: ConfigProblem::Unfit { why } });
            }
            Some((hash, at.line))
        }
        None => None,
    };
    let (config, lines) = read_table(text, section, None, None)?;
    Ok(Entry { config, lines, sha256 })
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn into_table(value: Spanned<DeValue<'_>>) -> Option<Spanned<DeTable<'_>>> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Some(Spanned::new(span, table)),
        _ => None,
    }
}
