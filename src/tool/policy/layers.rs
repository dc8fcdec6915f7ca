//! Grants of a tool: those of all tools, overwritten by its section by name and then by hash.

use alloc::{format, string::String};

use super::{BY_HASH, Entry, PlanSource, Policy};
use crate::{
    config::{
        Config,
        dirs::HostDir,
        key::{ConfigKey, ScalarKey},
        keys::{self, is_limit},
        lines::SourceLines,
        quote::name_of,
        read::Target,
    },
    tool::manifest::{Requested, RequestedDir},
};

/// The grants of a tool, with the section and line of each.
pub(super) struct Granted<'a> {
    pub config: Config,
    /// The sections, the most specific first.
    layers: [Option<(String, &'a Config, &'a SourceLines)>; 3],
}

impl Policy {
    pub(super) fn granted(&self, tool: &str, sha256: &str) -> Granted<'_> {
        let hash = format!("{BY_HASH}{sha256}");
        let mut config = self.config.clone();
        let entries = [tool, &hash].map(|name| self.tools.get(name).map(|entry| (name, entry)));
        for (_, entry) in entries.iter().flatten() {
            apply(&mut config, entry);
        }
        let [by_name, by_hash] =
            entries.map(|entry| entry.map(|(name, e)| (format!("tools.{}", name_of(name)), &e.config, &e.lines)));
        Granted { config, layers: [by_hash, by_name, Some((String::new(), &self.config, &self.lines))] }
    }

    /// Returns the hash that the module of a tool must have, and its line.
    pub(super) fn pin(&self, tool: &str) -> Option<(&str, u64)> {
        let (hash, line) = self.tools.get(tool)?.sha256.as_ref()?;
        Some((hash, *line))
    }
}

impl Granted<'_> {
    /// Wraps a configuration that is not from a policy.
    pub(super) fn only(config: Config) -> Self {
        Granted { config, layers: [None, None, None] }
    }

    /// Returns the grants in the section of the tool's name.
    pub(super) fn own(&self) -> Option<(&Config, &SourceLines)> {
        let [_, own, _] = &self.layers;
        own.as_ref().map(|(_, config, lines)| (*config, *lines))
    }

    /// Finds where a key with one value is set: itself, or by a profile or preset.
    pub(super) fn source_of(&self, key: &ScalarKey) -> Option<PlanSource> {
        let of_profile = is_limit(key.path);
        let of_preset = of_profile || key.presets.is_some();
        self.layers.iter().flatten().find_map(|(section, _, lines)| {
            let profile = || lines.of("profile").filter(|_| of_profile);
            let preset = || lines.of("preset").filter(|_| of_preset);
            let line = lines.of(key.path).or_else(profile).or_else(preset)?;
            Some(PlanSource { section: section.clone(), line: Some(line) })
        })
    }

    /// Finds where an entry is set. `key` returns its path in a configuration.
    pub(super) fn source(&self, key: impl Fn(&Config) -> Option<String>) -> Option<PlanSource> {
        self.layers.iter().flatten().find_map(|(section, config, lines)| {
            let line = lines.of(&key(config)?)?;
            Some(PlanSource { section: section.clone(), line: Some(line) })
        })
    }
}

/// Overwrites the keys that an entry sets.
fn apply(config: &mut Config, Entry { config: own, lines, .. }: &Entry) {
    let has = |key: &str| lines.of(key).is_some();
    let preset = has("preset");
    let profile = preset || has("profile");
    for key in keys::all() {
        match key {
            ConfigKey::Scalar(key) => {
                let by_profile = profile && (is_limit(key.path) || key.path == "profile");
                let by_preset = preset && key.presets.is_some();
                if let Some(value) = (key.get)(own)
                    && (has(key.path) || by_profile || by_preset)
                {
                    (key.set)(config, value);
                }
            }
            ConfigKey::List(key) if !key.replaces || has(key.path) => (key.merge)(config, own),
            ConfigKey::List(_) => {}
        }
    }
}

/// Returns everything that is granted but numbers, as the request of a module without a manifest.
pub(super) fn everything(granted: &Config) -> Requested {
    let dir = |dir: &HostDir| RequestedDir { guest: dir.guest.clone(), access: dir.access };
    let mut requested = Requested {
        env: granted.wasi.env.keys().cloned().collect(),
        dirs: granted.wasi.dirs.iter().map(dir).collect(),
        http: granted.http.allow.clone(),
        grants: granted.grants.clone(),
        ..Requested::default()
    };
    for key in keys::scalars().filter(|key| key.as_number().is_none()) {
        if let Some(value) = (key.get)(granted) {
            requested.set_scalar(key, value);
        }
    }
    requested
}
