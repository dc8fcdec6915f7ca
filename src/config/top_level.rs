//! The keys outside of sections.

use super::{
    Config, Key, MIB, OnGrowthLimit, Profile,
    keys::{ConfigKey, ListKey, PolicyKey, ScalarKey, indexed, list, number, setters, word},
    log::LogLevel,
    setting::quoted,
    toml::grammar::{Kind, ScalarKind},
};

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
pub(super) const DEADLINE: Key = Key {
    path: "deadline_ms",
    unit: "milliseconds",
    min: 1,
    max: 31_536_000_000,
    plugin: 0,
    large: 0,
    enforced: "between slices of at most 100,000 fuel and pieces of 256 KiB; off unless set",
};

/// The key `module_cache_bytes`.
const MODULE_CACHE: Key = Key {
    path: "module_cache_bytes",
    unit: "bytes",
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
