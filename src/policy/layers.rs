//! What a tool is granted: what all are, and over it what it is by its name and by its hash.

use alloc::{format, string::String};

use super::{BY_HASH, Entry, Place, Policy};
use crate::{
    config::{Config, lines::Lines, setting::name_of},
    manifest::Ask,
};

/// What a tool is granted, and which section and line grants it.
pub(super) struct Granted<'a> {
    pub config: Config,
    /// The sections, the most special first.
    layers: [Option<(String, &'a Config, &'a Lines)>; 3],
}

impl Policy {
    pub(super) fn granted(&self, tool: &str, sha256: &str) -> Granted<'_> {
        let hash = format!("{BY_HASH}{sha256}");
        let mut config = self.config.clone();
        let entries = [tool, &hash].map(|name| self.tools.get(name).map(|entry| (name, entry)));
        for (_, entry) in entries.iter().flatten() {
            lay(&mut config, entry);
        }
        let [by_name, by_hash] =
            entries.map(|entry| entry.map(|(name, e)| (format!("tools.{}", name_of(name)), &e.config, &e.lines)));
        Granted { config, layers: [by_hash, by_name, Some((String::new(), &self.config, &self.lines))] }
    }

    /// The hash that the tool of a name has to have, and the line that says so.
    pub(super) fn pin(&self, tool: &str) -> Option<(&str, u64)> {
        let (hash, line) = self.tools.get(tool)?.sha256.as_ref()?;
        Some((hash, *line))
    }
}

impl Granted<'_> {
    /// That of a configuration which is no policy's.
    pub(super) fn only(config: Config) -> Self {
        Granted { config, layers: [None, None, None] }
    }

    /// What the section of the tool's name grants.
    pub(super) fn own(&self) -> Option<(&Config, &Lines)> {
        let [_, own, _] = &self.layers;
        own.as_ref().map(|(_, config, lines)| (*config, *lines))
    }

    /// Where a key with one value is set: itself, or by a profile or preset.
    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        let of_profile = key.starts_with("limits.") || key.starts_with("module.");
        let of_preset = of_profile || ["log", "wasi.clock", "wasi.random"].contains(&key);
        self.layers.iter().flatten().find_map(|(section, _, lines)| {
            let profile = || lines.of("profile").filter(|_| of_profile);
            let preset = || lines.of("preset").filter(|_| of_preset);
            let line = lines.of(key).or_else(profile).or_else(preset)?;
            Some(Place { section: section.clone(), line: Some(line) })
        })
    }

    /// Where a piece of a configuration is set: `key` finds its name in one of them.
    pub(super) fn place(&self, key: impl Fn(&Config) -> Option<String>) -> Option<Place> {
        self.layers.iter().flatten().find_map(|(section, config, lines)| {
            let line = lines.of(&key(config)?)?;
            Some(Place { section: section.clone(), line: Some(line) })
        })
    }
}

/// Puts what an entry sets over what is there.
fn lay(config: &mut Config, Entry { config: own, lines, .. }: &Entry) {
    let has = |key: &str| lines.of(key).is_some();
    let preset = has("preset");
    let profile = preset || has("profile");
    if profile {
        config.profile = own.profile;
    }
    for (key, value) in own.numbers() {
        let of_profile = key.path.starts_with("limits.") || key.path.starts_with("module.");
        if let Some(value) = value
            && (has(key.path) || (profile && of_profile))
        {
            // It was in its range when it was read.
            let _ = config.set(key.path, value);
        }
    }
    if has("on_growth_limit") {
        config.on_growth_limit = own.on_growth_limit;
    }
    if has("log") || preset {
        config.log = own.log;
    }
    if has("wasi.clock") || preset {
        config.wasi.clock = own.wasi.clock;
    }
    if has("wasi.random") || preset {
        config.wasi.random = own.wasi.random;
    }
    if has("wasi.program") {
        config.wasi.program.clone_from(&own.wasi.program);
    }
    if has("wasi.args") {
        config.wasi.args.clone_from(&own.wasi.args);
    }
    if has("http.private_addresses") {
        config.http.private_addresses = own.http.private_addresses;
    }
    config.grants.extend(own.grants.iter().cloned());
    config.wasi.env.extend(own.wasi.env.clone());
    config.wasi.files.extend(own.wasi.files.clone());
    config.wasi.dirs.retain(|dir| !own.wasi.dirs.iter().any(|other| other.guest == dir.guest));
    config.wasi.dirs.extend(own.wasi.dirs.iter().cloned());
    config.http.allow.extend(own.http.allow.iter().cloned());
}

/// What a module without a manifest asks for: whatever it is granted.
pub(super) fn everything(granted: &Config) -> Ask {
    Ask {
        log: Some(granted.log),
        clock: Some(granted.wasi.clock),
        random: Some(granted.wasi.random),
        env: granted.wasi.env.keys().cloned().collect(),
        dirs: granted
            .wasi
            .dirs
            .iter()
            .map(|dir| crate::AskDir { guest: dir.guest.clone(), access: dir.access })
            .collect(),
        http: granted.http.allow.clone(),
        private_addresses: granted.http.private_addresses,
        grants: granted.grants.clone(),
        ..Ask::default()
    }
}
