//! Keys and values of a configuration: clocks, directories, requests, presets, and every key with its range and how it
//! is enforced.

use alloc::string::String;

use serde::Serialize;

#[cfg(feature = "toml")]
pub use self::lines::SourceLines;
use self::word::words;
pub use self::{
    bound::MemoryBound,
    dirs::{DirAccess, HostDir},
    faults::Faults,
    http::{Http, HttpRule},
    log::LogLevel,
    preset::Preset,
    setting::Setting,
    wasi::{Clock, Random, Wasi},
};
pub(crate) use self::{
    limits::{Limits, ModuleLimits},
    profile::Profile,
    run_options::RunOptions,
    top_level::Config,
};
pub use crate::data::{notation::Notation, url::Scheme};
use crate::error::{ConfigError, ConfigProblem, Unit};

pub(crate) mod bound;
pub(crate) mod dirs;
mod faults;
pub(crate) mod grammar;
pub(crate) mod http;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod limits;
#[cfg(feature = "toml")]
pub(crate) mod lines;
mod loaded;
pub(crate) mod log;
pub(crate) mod preset;
pub(crate) mod profile;
pub(crate) mod quote;
pub(crate) mod read;
pub(crate) mod run_options;
pub(crate) mod setting;
#[cfg(feature = "toml")]
pub(crate) mod toml;
pub(crate) mod top_level;
pub(crate) mod wasi;
pub(crate) mod word;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The longest TOML text that is read, in bytes.
#[cfg(feature = "toml")]
pub const MAX_TEXT_BYTES: u64 = 256 << 10;

words! {
    /// Effect of growth beyond `memory_bytes` or `table_elements`.
    #[derive(Default)]
    pub enum OnGrowthLimit {
        /// The run stops with [`LimitExceeded::Memory`](crate::LimitExceeded::Memory) or
        /// [`LimitExceeded::Table`](crate::LimitExceeded::Table).
        #[default]
        Stop = "stop",
        /// The operator returns -1 to the guest, which goes on.
        Refuse = "refuse",
    }
}

/// A number key of a configuration, with its range, its defaults and how it is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NumberKey {
    /// Path in TOML, such as `limits.fuel`.
    pub path: &'static str,
    /// Unit of the number.
    pub unit: Unit,
    /// The smallest valid value.
    pub min: u64,
    /// The largest valid value.
    pub max: u64,
    /// Default of [`Profile::Plugin`].
    pub plugin: u64,
    /// Default of [`Profile::Large`].
    pub large: u64,
    /// The check that enforces it, and where.
    pub enforced: &'static str,
}

impl NumberKey {
    pub(crate) fn check(&self, value: i128) -> Result<(), ConfigProblem> {
        if (i128::from(self.min)..=i128::from(self.max)).contains(&value) {
            return Ok(());
        }
        Err(ConfigProblem::OutOfRange { value, min: self.min, max: self.max, unit: self.unit })
    }

    /// Returns whether it is a limit of a run or of a module. The profile gives the defaults of these.
    pub fn is_limit(&self) -> bool {
        keys::is_limit(self.path)
    }

    /// Returns the notation of its values as text.
    pub fn notation(&self) -> Notation {
        match self.unit {
            unit if unit.is_bytes() => Notation::Size,
            Unit::Milliseconds => Notation::Time,
            _ => Notation::Count,
        }
    }

    /// Reads a value from text, and checks its range.
    ///
    /// # Errors
    ///
    /// [`ConfigProblem::Unreadable`] or [`ConfigProblem::OutOfRange`].
    pub fn parse(&self, text: &str) -> Result<u64, ConfigProblem> {
        let notation = self.notation();
        let value = notation.parse(text);
        let value = value.ok_or_else(|| ConfigProblem::Unreadable { value: String::from(text), notation })?;
        self.check(value.into()).map(|()| value)
    }

    fn error(&self, problem: ConfigProblem) -> ConfigError {
        ConfigError { key: String::from(self.path), at: None, problem }
    }
}
