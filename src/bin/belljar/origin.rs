//! The origin of each value of the configuration.

use std::collections::BTreeMap;

use belljar::{
    Config,
    config::{Setting, SourceLines},
    tool::Policy,
};

/// The origin of each value of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// The option that set a key.
    options: BTreeMap<String, String>,
    /// The name of the file for messages, and its lines.
    file: Option<(String, SourceLines)>,
    /// The option or the line that names the preset.
    preset: Option<String>,
    /// The bounds of a ceiling, by key.
    ceiling: BTreeMap<String, Bound>,
}

/// The bound of a number in a ceiling.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The most that a run gets.
    pub value: u64,
    /// The line that sets it: `belljar.toml:3`.
    pub place: String,
}

impl Origins {
    /// Returns the origins of a configuration that was read from a file.
    pub fn of_file(name: String, policy: &Policy) -> Origins {
        let at = |line: Option<u64>| line.map_or_else(|| name.clone(), |line| format!("{name}:{line}"));
        let preset = policy.lines().of("preset").map(|line| at(Some(line)));
        let bound = |(key, value): (&String, &u64)| {
            (key.clone(), Bound { value: *value, place: at(policy.ceiling_lines().of(key)) })
        };
        let ceiling = policy.ceiling().numbers.iter().map(bound).collect();
        Origins { options: BTreeMap::new(), preset, ceiling, file: Some((name, policy.lines().clone())) }
    }

    /// Returns a line of the file: `belljar.toml:3`.
    pub fn at(&self, line: u64) -> Option<String> {
        self.file.as_ref().map(|(name, _)| format!("{name}:{line}"))
    }

    /// Returns the bound of a number in the ceiling of the file, if it has one.
    pub fn ceiling(&self, key: &str) -> Option<&Bound> {
        self.ceiling.get(key)
    }

    /// Records that an option names a preset.
    pub fn set_preset(&mut self, name: &str) {
        self.preset = Some(format!("--preset {name}"));
    }

    /// Returns the option or the line that names the preset, if there is one.
    pub fn preset(&self) -> Option<&str> {
        self.preset.as_deref()
    }

    /// Records that an option sets a key.
    pub fn set(&mut self, option: &str, key: &str) {
        self.options.insert(key.into(), option.into());
    }

    /// Applies an option that adds an item, and records the keys that it adds or changes.
    pub fn entry(&mut self, option: &str, config: &mut Config, add: impl FnOnce(&mut Config)) {
        let before = config.enforcement();
        add(config);
        for setting in config.enforcement() {
            if !before.contains(&setting) {
                self.set(option, &setting.key);
            }
        }
    }

    /// Returns the option that set a key, or an item of it.
    pub fn option(&self, key: &str) -> Option<&str> {
        let is = |set: &str| set.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']));
        self.options.iter().find_map(|(set, option)| is(set).then_some(option.as_str()))
    }

    /// Returns the origin of a setting: an option, a line, the preset, the profile or the default.
    pub fn of(&self, setting: &Setting, config: &Config) -> String {
        if let Some(option) = self.options.get(&setting.key) {
            return option.clone();
        }
        let line = self.file.as_ref().and_then(|(name, lines)| Some(format!("{name}:{}", lines.of(&setting.key)?)));
        // Only a preset changes the value of a key that has no line and no option.
        let preset = || self.preset.clone().filter(|_| setting.value != setting.default);
        let profile = || {
            let of_profile = Config::keys().any(|key| key.path == setting.key && key.is_limit());
            of_profile.then(|| format!("profile `{}`", config.profile.name()))
        };
        line.or_else(preset).or_else(profile).unwrap_or_else(|| "default".into())
    }
}
