//! Capabilities under one name.

use serde::{Deserialize, Serialize};

use super::{
    Config, Profile,
    log::LogLevel,
    wasi::{Clock, Random},
};

/// Capabilities under one name: what a configuration begins with. A key that is set goes before it.
///
/// | key | default | `minimal` | `development` |
/// |---|---|---|---|
/// | `profile` | `plugin` | `plugin` | `large` |
/// | `log` | `trace` | `off` | `trace` |
/// | `wasi.clock` | `virtual` | `none` | `host` |
/// | `wasi.random` | `seeded` | `none` | `host` |
/// | variables, arguments, files, directories, own host functions | none | none | none |
///
/// ```
/// use belljar::{Clock, Config, LogLevel, Preset};
///
/// let config = Config::preset(Preset::Minimal).with_log(LogLevel::Error);
/// # if cfg!(not(feature = "wasi")) { return Ok(()) }
/// assert_eq!(config, Config::from_toml("preset = \"minimal\"\nlog = \"error\"\n")?);
/// assert_eq!(config.wasi.clock, Clock::None);
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Preset {
    /// Input and output, and nothing else: no log, no clock, no random bytes.
    Minimal,
    /// To try things out: the clock and the random bytes of the host, the whole log, the limits of the
    /// profile `large`. Two runs are not the same.
    Development,
}

impl Config {
    /// What a preset grants, and the limits of its profile.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Minimal => {
                Config::default().with_log(LogLevel::Off).with_clock(Clock::None).with_random(Random::None)
            }
            Preset::Development => Config::profile(Profile::Large).with_clock(Clock::Host).with_random(Random::Host),
        }
    }
}
