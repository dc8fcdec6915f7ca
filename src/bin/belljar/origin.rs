//! The origin of each value of the configuration.

use std::collections::BTreeMap;

use belljar::{
    Config,
    config::{Setting, SourceLines},
};

/// The origin of each value of the configuration.
#[derive(Debug, Default)]
pub struct Origins {
    /// The option that set a key.
    options: BTreeMap<String, String>,
    /// The name of the file for messages, and its lines.
    file: Option<(String, SourceLines)>,
    /// The option or the line that names the preset.
    preset: Option<String>,
}

impl Origins {
    /// Returns the origins of a configuration that was read from a file.
    pub fn of_file(name: String, lines: SourceLines) -> Origins {
        let preset = lines.of("preset").map(|line| format!("{name}:{line}"));
        Origins { options: BTreeMap::new(), file: Some((name, lines)), preset }
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
