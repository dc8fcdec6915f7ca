//! The configuration of a sandbox, with the keys outside of sections.

use alloc::{collections::BTreeSet, string::String};

use serde::Serialize;

use super::{
    Faults, Http, Limits, LogLevel, MIB, ModuleLimits, NumberKey, OnGrowthLimit, Profile, Wasi,
    grammar::{Kind, ScalarKind},
    key::{ConfigKey, ListKey, PolicyKey, ScalarKey, indexed, list, number, setters, word},
    quote::quoted,
};
use crate::error::{ConfigError, ConfigProblem, Unit};

/// The configuration of a sandbox. Plain data: change a field, or use the `with_*` methods.
///
/// The default is [`Profile::Plugin`], the same in debug and release builds. Every limit has a
/// value; there is no "unlimited". [`Config::from_toml`] reads it from TOML; an error has line, column
/// and what is valid there:
///
/// ```
/// let config = belljar::Config::from_toml("[limits]\nfuel = 1_000_000\n")?;
/// assert_eq!(config.limits.fuel, 1_000_000);
///
/// let error = belljar::Config::from_toml("[limits]\nfule = 1\n").unwrap_err();
/// assert_eq!(error.hint().as_deref(), Some("did you mean `fuel`?"));
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Config {
    /// The profile that gave the defaults.
    pub profile: Profile,
    /// Most time that a run takes, in milliseconds of real time. Off by default: it is the one limit that is not
    /// deterministic. It acts between slices of at most 100,000 fuel and pieces of 256 KiB.
    pub deadline_ms: Option<u64>,
    /// Most memory of the modules that [`execute`](crate::execute) keeps loaded, in bytes; 0 keeps none.
    /// Default: 128 MiB. It changes no outcome. [`docs::limits`](crate::docs::limits) has the size of a module.
    #[serde(skip_serializing_if = "is_default_module_cache")]
    pub module_cache_bytes: u64,
    /// Effect of a `memory.grow` or `table.grow` beyond the limit.
    pub on_growth_limit: OnGrowthLimit,
    /// Limits of a run.
    pub limits: Limits,
    /// Limits of a module's size and structure, checked before the engine sees it.
    pub module: ModuleLimits,
    /// Faults to inject; none by default.
    pub faults: Faults,
    /// Least severe messages that the log keeps. Default: all.
    #[serde(skip_serializing_if = "LogLevel::is_default")]
    pub log: LogLevel,
    /// Capabilities that host functions of the embedding program need
    /// ([`HostFunction::requires`](crate::HostFunction::requires)): a call of one that needs another stops the run with
    /// [`GuestFault::Denied`](crate::GuestFault::Denied). Default: none.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<String>,
    /// Environment of a WASI program.
    #[serde(skip_serializing_if = "Wasi::is_default")]
    pub wasi: Wasi,
    /// HTTP requests that a guest may make.
    #[serde(skip_serializing_if = "Http::is_default")]
    pub http: Http,
}

impl Default for Config {
    fn default() -> Self {
        Config::profile(Profile::default())
    }
}

impl Config {
    /// Returns the defaults of a profile.
    pub const fn profile(profile: Profile) -> Self {
        Config {
            profile,
            deadline_ms: None,
            module_cache_bytes: MODULE_CACHE_BYTES,
            on_growth_limit: OnGrowthLimit::Stop,
            limits: Limits::of(profile),
            module: ModuleLimits::of(profile),
            faults: Faults::NONE,
            log: LogLevel::Trace,
            grants: BTreeSet::new(),
            wasi: Wasi::new(),
            http: Http::new(),
        }
    }

    /// Grants a capability that host functions of the embedding program need.
    #[must_use]
    pub fn with_grant(mut self, capability: impl Into<String>) -> Self {
        self.grants.insert(capability.into());
        self
    }

    /// Checks every value against its range, and that this build can enforce every limit.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.numbers().try_for_each(|(key, value)| match value {
            Some(value) => key.check(i128::from(value)).map_err(|problem| key.error(problem)),
            None => Ok(()),
        })?;
        if self.deadline_ms.is_some() && !cfg!(feature = "std") {
            return Err(DEADLINE.error(ConfigProblem::Unenforceable { feature: "std" }));
        }
        self.wasi.check(self)?;
        self.http.check()
    }

    /// Checks that this build has the granted effects of the host. A replay needs none of them.
    pub(crate) fn check_effects(&self) -> Result<(), ConfigError> {
        self.wasi.check_effects()?;
        self.http.check_effects()
    }
}

pub(super) static KEYS: [ConfigKey; 6] = [
    ConfigKey::Scalar(word!("profile", Profile, profile, "gives the defaults of `limits` and `module`")),
    ConfigKey::Scalar(word!(
        "on_growth_limit",
        OnGrowthLimit,
        on_growth_limit,
        "the engine's limiter, for every growth past a limit"
    )),
    ConfigKey::Scalar(ScalarKey {
        presets: Some([LogLevel::Off as u64, LogLevel::Trace as u64]),
        policy: Some(PolicyKey::Log),
        ..word!("log", LogLevel, log, "log, log_at and stderr, which drop what is below once it is charged")
    }),
    ConfigKey::List(ListKey {
        requested: Some(Kind::Texts),
        bounded: true,
        ..list!(
            "grants",
            grants,
            Kind::Texts,
            "[]",
            |config| indexed(&config.grants, |name| quoted(name)),
            "custom host functions, before their bodies"
        )
    }),
    ConfigKey::Scalar(number!(DEADLINE, Some(deadline_ms))),
    ConfigKey::Scalar(ScalarKey { policy: None, ..number!(MODULE_CACHE, module_cache_bytes) }),
];

/// The key `deadline_ms`.
pub(crate) const DEADLINE: NumberKey = NumberKey {
    path: "deadline_ms",
    unit: Unit::Milliseconds,
    min: 1,
    max: 31_536_000_000,
    plugin: 0,
    large: 0,
    enforced: "between slices of at most 100,000 fuel and pieces of 256 KiB; off unless set",
};

/// The key `module_cache_bytes`.
const MODULE_CACHE: NumberKey = NumberKey {
    path: "module_cache_bytes",
    unit: Unit::Bytes,
    min: 0,
    max: 1 << 40,
    plugin: MODULE_CACHE_BYTES,
    large: MODULE_CACHE_BYTES,
    enforced: "execute, when it keeps a module for the next call",
};

/// One default for both profiles.
pub(super) const MODULE_CACHE_BYTES: u64 = 128 * MIB;

pub(super) fn is_default_module_cache(bytes: &u64) -> bool {
    *bytes == MODULE_CACHE_BYTES
}

setters! {
    /// Sets the deadline, in milliseconds of real time.
    with_deadline_ms: u64 => deadline_ms;
    /// Sets the most memory of the modules that [`execute`](crate::execute) keeps, in bytes; 0 keeps none.
    with_module_cache_bytes: u64 => module_cache_bytes;
    /// Sets what growth beyond a limit does.
    with_on_growth_limit: OnGrowthLimit => on_growth_limit;
    /// Sets which messages the log keeps.
    with_log: LogLevel => log;
}
