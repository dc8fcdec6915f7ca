//! Presets of capabilities.

use super::{Config, Profile, keys, word::words};

words! {
    /// A named set of capabilities that a configuration starts from. A key that is set overrides it.
    ///
    /// | key | default | `minimal` | `development` |
    /// |---|---|---|---|
    /// | `profile` | `plugin` | `plugin` | `large` |
    /// | `log` | `trace` | `off` | `trace` |
    /// | `wasi.clock` | `virtual` | `none` | `host` |
    /// | `wasi.random` | `seeded` | `none` | `host` |
    /// | variables, arguments, files, directories, custom host functions | none | none | none |
    ///
    /// ```
    /// use belljar::{Config, config::{Clock, LogLevel, Preset}};
    ///
    /// let config = Config::preset(Preset::Minimal).with_log(LogLevel::Error);
    /// # if cfg!(not(feature = "wasi")) { return Ok(()) }
    /// assert_eq!(config, Config::from_toml("preset = \"minimal\"\nlog = \"error\"\n")?);
    /// assert_eq!(config.wasi.clock, Clock::None);
    /// # Ok::<(), belljar::Error>(())
    /// ```
    pub enum Preset {
        /// Input and output, and nothing else: no log, no clock, no random bytes.
        Minimal = "minimal",
        /// For development: the clock and the random bytes of the host, the whole log, the limits of the
        /// profile `large`. Two runs are not the same.
        Development = "development",
    }
}

impl Preset {
    fn profile(self) -> Profile {
        match self {
            Preset::Minimal => Profile::Plugin,
            Preset::Development => Profile::Large,
        }
    }
}

impl Config {
    /// Returns the capabilities of a preset, and the limits of its profile.
    pub fn preset(preset: Preset) -> Self {
        Config::over(None, Some(preset))
    }

    /// Returns the defaults of a profile, or else of the preset's, with the capabilities of the preset.
    pub(super) fn over(profile: Option<Profile>, preset: Option<Preset>) -> Self {
        let mut config = Config::profile(profile.or(preset.map(Preset::profile)).unwrap_or_default());
        let Some(preset) = preset else { return config };
        for (key, [minimal, development]) in keys::scalars().filter_map(|key| Some((key, key.presets?))) {
            let value = match preset {
                Preset::Minimal => minimal,
                Preset::Development => development,
            };
            (key.set)(&mut config, value);
        }
        config
    }
}
