//! Where each value of the configuration comes from.

use std::collections::BTreeMap;

use belljar::{Config, Lines, Setting};

/// Where each value of the configuration comes from.
#[derive(Debug, Default)]
pub struct Origins {
    /// The option that set a key.
    options: BTreeMap<String, String>,
    /// The file, as messages name it, and its lines.
    file: Option<(String, Lines)>,
    /// Where a preset was asked for.
    preset: Option<String>,
}

impl Origins {
    /// Those of a configuration that a file has set.
    pub fn of_file(name: String, lines: Lines) -> Origins {
        let preset = lines.of("preset").map(|line| format!("{name}:{line}"));
        Origins { options: BTreeMap::new(), file: Some((name, lines)), preset }
    }

    /// Notes that an option asked for a preset.
    pub fn set_preset(&mut self, name: &str) {
        self.preset = Some(format!("--preset {name}"));
    }

    /// Whether there is a preset: where it was asked for.
    pub fn preset(&self) -> Option<&str> {
        self.preset.as_deref()
    }

    /// Notes that an option set a key.
    pub fn set(&mut self, option: &str, key: &str) {
        self.options.insert(key.into(), option.into());
    }

    /// Lets an option add a piece, and notes the keys that are new or other because of it.
    pub fn piece(&mut self, option: &str, config: &mut Config, add: impl FnOnce(&mut Config)) {
        let before = config.enforcement();
        add(config);
        for setting in config.enforcement() {
            if !before.contains(&setting) {
                self.set(option, &setting.key);
            }
        }
    }

    /// The option that set a key, or a piece of it.
    pub fn option(&self, key: &str) -> Option<&str> {
        let is = |set: &str| set.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']));
        self.options.iter().find_map(|(set, option)| is(set).then_some(option.as_str()))
    }

    /// Where the value of a setting comes from.
    pub fn of(&self, setting: &Setting, config: &Config) -> String {
        if let Some(option) = self.options.get(&setting.key) {
            return option.clone();
        }
        let line = self.file.as_ref().and_then(|(name, lines)| Some(format!("{name}:{}", lines.of(&setting.key)?)));
        // Nothing else changes a value that nobody has named.
        let preset = || self.preset.clone().filter(|_| setting.value != setting.default);
        let profile = || {
            let of_profile = ["limits.", "module."].iter().any(|section| setting.key.starts_with(section));
            of_profile.then(|| format!("profile `{}`", config.profile.name()))
        };
        line.or_else(preset).or_else(profile).unwrap_or_else(|| "default".into())
    }
}
