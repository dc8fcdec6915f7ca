//! The table of all configuration keys: everything that handles keys one by one loops over it.

use alloc::vec::Vec;

use super::{
    Config, NumberKey, faults, http,
    key::{ConfigKey, ListKey, ScalarKey},
    limits, top_level, wasi,
};
use crate::error::{ConfigError, ConfigProblem, Unit};

/// All keys by section, in the order in which they are listed.
static SECTIONS: [&[ConfigKey]; 8] = [
    &top_level::KEYS,
    limits::RUN_KEYS,
    limits::MODULE_KEYS,
    &faults::KEYS,
    &wasi::NUMBERS,
    &http::NUMBERS,
    &wasi::KEYS,
    &http::KEYS,
];

/// Lists all keys.
pub(crate) fn all() -> impl Iterator<Item = &'static ConfigKey> {
    SECTIONS.into_iter().flatten()
}

/// Lists all keys with one value.
pub(crate) fn scalars() -> impl Iterator<Item = &'static ScalarKey> {
    all().filter_map(|key| match key {
        ConfigKey::Scalar(key) => Some(key),
        ConfigKey::List(_) => None,
    })
}

/// Lists all keys with a text or entries.
pub(crate) fn lists() -> impl Iterator<Item = &'static ListKey> {
    all().filter_map(|key| match key {
        ConfigKey::List(key) => Some(key),
        ConfigKey::Scalar(_) => None,
    })
}

/// Finds a key with one value.
pub(crate) fn scalar(path: &str) -> Option<&'static ScalarKey> {
    scalars().find(|key| key.path == path)
}

/// Returns the unit of a key with one value.
pub(crate) fn unit(path: &str) -> Unit {
    scalar(path).map_or(Unit::Words, ScalarKey::unit)
}

/// Returns whether the profile gives the default: the limits of a run and of a module.
pub(crate) fn is_limit(path: &str) -> bool {
    path.starts_with("limits.") || path.starts_with("module.")
}

impl Config {
    /// Sets a numeric key by its path, as [`keys`](Config::keys) lists them.
    ///
    /// ```
    /// let mut config = belljar::Config::default();
    /// config.set("limits.fuel", 1_000)?;
    /// assert_eq!(config.limits.fuel, 1_000);
    /// assert!(config.set("limits.fuel", 0).is_err());
    /// # Ok::<(), belljar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if there is no such key, or the value is outside its
    /// range; the configuration is then as it was.
    pub fn set(&mut self, path: &str, value: u64) -> Result<(), crate::Error> {
        let key = scalars().find(|key| key.path == path).filter(|key| key.as_number().is_some());
        let Some(key) = key else {
            let all = || Config::keys().map(|key| key.path);
            let section = path.rfind('.').and_then(|dot| path.get(..=dot)).unwrap_or_default();
            let mut valid: Vec<_> = all().filter(|key| key.starts_with(section)).collect();
            if valid.is_empty() {
                valid = all().collect();
            }
            let problem = ConfigProblem::UnknownKey { valid };
            return Err(ConfigError { key: path.into(), at: None, problem }.into());
        };
        key.check(value).map_err(|problem| ConfigError { key: path.into(), at: None, problem })?;
        (key.set)(self, value);
        Ok(())
    }

    /// Lists all number keys, in the order of the documentation.
    pub fn keys() -> impl Iterator<Item = NumberKey> {
        scalars().filter_map(ScalarKey::as_number).copied()
    }

    /// Lists every number key with its value in this configuration (`None`: off).
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (&'static NumberKey, Option<u64>)> {
        scalars().filter_map(|key| Some((key.as_number()?, (key.get)(self))))
    }
}

#[cfg(all(test, feature = "toml"))]
pub(crate) mod tests;
