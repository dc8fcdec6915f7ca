//! Effective capabilities and limits of a tool: requested, granted, and at most the ceiling.

use alloc::{format, string::String, vec::Vec};

use super::{
    Ceiling, MissingCapability, Plan, PlanLine, PlanReason, PlanSource, Policy,
    layers::{Granted, everything},
};
use crate::{
    config::{Config, key::ScalarKey, keys, lines::SourceLines, quote::name_of},
    data::{digest::Digest, text::grouped},
    tool::{
        error::ToolError,
        manifest::{Manifest, Requested},
    },
};

impl Policy {
    /// Returns the effective capabilities and limits of a module as a tool. Only its manifest is read, and nothing
    /// of it is run. Without a manifest, the file name without its ending is the name of the tool.
    ///
    /// # Errors
    ///
    /// [`ToolError::Manifest`], and [`ToolError::Pinned`] if the policy has another hash for the tool. A
    /// [`missing`](Plan::missing) capability is not an error yet.
    pub fn plan(&self, wasm: &[u8], file_name: &str) -> Result<Plan, ToolError> {
        let manifest = Manifest::of(wasm)?;
        let tool = manifest.as_ref().map_or_else(|| name_of_file(file_name), |manifest| manifest.name.clone());
        let sha256 = Digest::of(wasm).sha256;
        let pin = self.pin(&tool);
        if let Some((expected, line)) = pin.filter(|(expected, _)| *expected != sha256) {
            return Err(ToolError::Pinned { tool, expected: expected.into(), found: sha256, line });
        }
        let granted = self.granted(&tool, &sha256);
        let nothing = Requested::default();
        let every = everything(&granted.config);
        let (requires, optional) = manifest.as_ref().map_or((&nothing, &every), |m| (&m.requires, &m.optional));
        let section = format!("tools.{}", name_of(&tool));
        let (mut config, lines, missing) = self.narrow(requires, optional, &granted, section, manifest.is_some());
        if let Some(manifest) = &manifest
            && granted.config.wasi.args.is_empty()
        {
            config.wasi.args.clone_from(&manifest.args);
        }
        Ok(Plan { tool, pinned: pin.is_some(), sha256, manifest, lines, missing, config })
    }
}

impl Policy {
    /// Lowers a configuration to the ceiling; returns it with the lines of what was above.
    pub fn bounded(&self, config: Config) -> (Config, Vec<PlanLine>) {
        if self.ceiling == Ceiling::default() {
            return (config, Vec::new());
        }
        let granted = Granted::only(config.clone());
        let every = everything(&granted.config);
        let (bounded, lines, _) = self.narrow(&Requested::default(), &every, &granted, String::new(), false);
        let above: Vec<_> = lines.into_iter().filter(|line| line.why == PlanReason::Ceiling).collect();
        // A configuration below the ceiling stays as it is, with its mistakes.
        (if above.is_empty() { config } else { bounded }, above)
    }

    /// Returns the effective configuration, a line for each key, and what is missing.
    fn narrow(
        &self,
        requires: &Requested,
        optional: &Requested,
        granted: &Granted<'_>,
        section: String,
        asks: bool,
    ) -> (Config, Vec<PlanLine>, Vec<MissingCapability>) {
        let mut narrowing = Narrowing {
            requires,
            optional,
            granted,
            ceiling: &self.ceiling,
            ceiling_lines: &self.ceiling_lines,
            section,
            asks,
            config: granted.config.clone(),
            lines: Vec::new(),
            missing: Vec::new(),
        };
        narrowing.scalars();
        narrowing.lists();
        (narrowing.config, narrowing.lines, narrowing.missing)
    }
}

/// Returns the name of a tool without a manifest.
fn name_of_file(file_name: &str) -> String {
    let stem = file_name.strip_suffix(".wasm").unwrap_or(file_name);
    let fit = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let name: String = stem.chars().map(fit).take(64).collect();
    if crate::tool::manifest::is_name(&name) { name } else { "tool".into() }
}

pub(super) struct Narrowing<'a> {
    pub(super) requires: &'a Requested,
    pub(super) optional: &'a Requested,
    pub(super) granted: &'a Granted<'a>,
    pub(super) ceiling: &'a Ceiling,
    pub(super) ceiling_lines: &'a SourceLines,
    /// The section of the tool.
    pub(super) section: String,
    /// The tool has a manifest. Without one, it gets all that is granted.
    pub(super) asks: bool,
    pub(super) config: Config,
    pub(super) lines: Vec<PlanLine>,
    pub(super) missing: Vec<MissingCapability>,
}

impl Narrowing<'_> {
    /// Decides the keys with one value, the numbers first.
    fn scalars(&mut self) {
        let keys = || keys::scalars().filter(|key| key.policy.is_some());
        keys().filter(|key| key.as_number().is_some()).for_each(|key| self.scalar(key));
        keys().filter(|key| key.as_number().is_none()).for_each(|key| self.scalar(key));
    }

    fn scalar(&mut self, key: &ScalarKey) {
        let [required, optional] = [self.requires, self.optional].map(|requested| requested.scalar(key));
        let ceiling = self.ceiling.scalar(key);
        // A number that is off has no limit.
        let granted = (key.get)(&self.granted.config).unwrap_or(u64::MAX);
        let asked = required.max(optional);
        let wanted = asked.or(key.unrequested.filter(|_| self.asks));
        let effective = [wanted, ceiling].into_iter().flatten().fold(granted, u64::min);
        if effective != u64::MAX {
            (key.set)(&mut self.config, effective);
        }
        let granted_by = self.granted.source_of(key);
        let why = if self.asks && asked == Some(effective) {
            PlanReason::Asked
        } else if ceiling == Some(effective) && effective < granted {
            PlanReason::Ceiling
        } else if asked.is_none() && effective < granted {
            PlanReason::NotAsked
        } else if granted_by.is_some() {
            PlanReason::Granted
        } else {
            PlanReason::Default
        };
        let written = |value: u64| (value != u64::MAX).then(|| format(key, value));
        let path = key.path;
        if let Some(needed) = required.filter(|required| effective < *required) {
            let line = format!("{path} = {}", format(key, needed));
            if granted < needed {
                // A line for the key overrides the profile.
                let own = self.granted.source(|_| Some(path.into()));
                self.add(path, line.clone(), own.as_ref());
            }
            if ceiling.is_some_and(|ceiling| ceiling < needed) {
                self.raise(path, line);
            }
        }
        self.lines.push(PlanLine {
            key: path.into(),
            asked: asked.filter(|_| self.asks).and_then(written),
            required: required.and_then(written),
            granted: written(granted),
            granted_by,
            ceiling: ceiling.and_then(written),
            ceiling_by: ceiling.and_then(|_| self.ceiling_at(path)),
            effective: written(effective),
            why,
        });
    }

    /// Proposes a line that grants what is missing: where less is granted, or in the section of the tool.
    pub(super) fn add(&mut self, key: &str, line: String, place: Option<&PlanSource>) {
        let own = place.filter(|place| !place.section.is_empty());
        let (section, replaces) = own.map_or((self.section.clone(), None), |place| (place.section.clone(), place.line));
        self.missing.push(MissingCapability { key: key.into(), section, line, replaces });
    }

    /// Proposes a line that raises the ceiling.
    pub(super) fn raise(&mut self, key: &str, line: String) {
        let replaces = self.ceiling_at(key).and_then(|place| place.line);
        self.missing.push(MissingCapability { key: key.into(), section: "ceiling".into(), line, replaces });
    }

    pub(super) fn ceiling_at(&self, key: &str) -> Option<PlanSource> {
        let line = self.ceiling_lines.of(key).or_else(|| self.ceiling_lines.of(&format!("{key}[0]")))?;
        Some(PlanSource { section: "ceiling".into(), line: Some(line) })
    }
}

/// Formats a value as TOML writes it, numbers with their thousands apart.
fn format(key: &ScalarKey, value: u64) -> String {
    if key.as_number().is_some() { grouped(value, '_') } else { key.format(value) }
}
