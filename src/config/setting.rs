//! Values of all keys of a configuration, as text.

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;

use super::{
    Config, Profile,
    key::{ConfigKey, ListKey},
    keys,
};

/// One key of a configuration with its value, and how it is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// Path in TOML: `limits.fuel`. A key with entries has a setting for each entry:
    /// `wasi.env.LANG`, `wasi.files."/in.txt"`, `wasi.dirs[0]`.
    pub key: String,
    /// The value as TOML has it; for a file its size. `None`: off.
    pub value: Option<String>,
    /// The default in this profile; `None`: off, or no entry.
    pub default: Option<String>,
    /// The check that enforces it, and where.
    pub enforced: &'static str,
}

impl Config {
    /// Lists every key with its value in this configuration, and how it is enforced.
    ///
    /// ```
    /// use belljar::Config;
    ///
    /// let config = Config::default().with_fuel(1_000);
    /// let set: Vec<_> = config.enforcement().into_iter().filter(|s| s.value != s.default).collect();
    /// assert_eq!((set.len(), set[0].key.as_str(), set[0].value.as_deref()), (1, "limits.fuel", Some("1000")));
    /// ```
    pub fn enforcement(&self) -> Vec<Setting> {
        let usual = Config { profile: Profile::default(), ..Config::profile(self.profile) };
        let mut all = Vec::new();
        for key in keys::all() {
            match key {
                ConfigKey::Scalar(key) => {
                    let [value, default] = [self, &usual].map(|config| Some(key.format((key.get)(config)?)));
                    all.push(Setting { key: key.path.into(), value, default, enforced: key.enforced });
                }
                ConfigKey::List(key) => key.add_settings(self, &mut all),
            }
        }
        all
    }

    /// Returns the first key that grants an effect, which is access to the host: two runs can differ then, and
    /// only their transcripts (`Transcript`) show why.
    ///
    /// ```
    /// use belljar::{Config, config::Clock};
    ///
    /// assert_eq!(Config::default().effect(), None);
    /// assert_eq!(Config::default().with_clock(Clock::Host).effect(), Some("wasi.clock"));
    /// ```
    pub fn effect(&self) -> Option<&'static str> {
        keys::all().find_map(|key| match key {
            ConfigKey::Scalar(key) => (key.effect.is_some() && key.effect == (key.get)(self)).then_some(key.path),
            ConfigKey::List(key) => (key.effect && !(key.entries)(self).is_empty()).then_some(key.path),
        })
    }
}

impl ListKey {
    /// Adds a setting for each entry, or one for a key without entries.
    fn add_settings(&self, config: &Config, all: &mut Vec<Setting>) {
        let ListKey { path, enforced, empty, .. } = *self;
        let mut entries = (self.entries)(config);
        let default = (self.replaces || entries.is_empty()).then(|| String::from(empty));
        if entries.is_empty() {
            entries.push((String::new(), empty.into()));
        }
        all.extend(entries.into_iter().map(|(suffix, value)| Setting {
            key: format!("{path}{suffix}"),
            value: Some(value),
            default: default.clone(),
            enforced,
        }));
    }
}
