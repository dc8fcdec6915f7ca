//! The most that any tool gets.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use serde::{
    Serialize,
    de::{Error, MapAccess},
};

use crate::config::{
    dirs::DirAccess,
    grammar::{Grammar, Kind, ScalarKind},
    http::HttpRule,
    key::{ConfigKey, PolicyKey, ScalarKey},
    keys,
    log::LogLevel,
    read::Target,
    wasi::{Clock, Random},
};

/// The most that any tool gets. A key that is left out has no bound.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Ceiling {
    /// Numbers, by the paths that [`Config::keys`](crate::Config::keys) lists.
    pub numbers: BTreeMap<String, u64>,
    /// Messages of the log.
    pub log: Option<LogLevel>,
    /// Clocks.
    pub clock: Option<Clock>,
    /// Random bytes.
    pub random: Option<Random>,
    /// Access to directories of the host; `Some(None)`: no directories.
    pub access: Option<Option<DirAccess>>,
    /// HTTP requests.
    pub http: Option<Vec<HttpRule>>,
    /// Servers at addresses that are not public.
    pub private_addresses: Option<bool>,
    /// Capabilities that host functions of the embedding program need.
    pub grants: Option<BTreeSet<String>>,
}

/// The keys of [`Ceiling`].
pub(super) const GRAMMAR: Grammar = Grammar(|| {
    let bounded = keys::all().filter_map(|key| match key {
        ConfigKey::Scalar(key) => key.policy.map(|_| (key.path, Kind::Scalar(key.kind))),
        ConfigKey::List(key) => key.bounded.then_some((key.path, key.kind)),
    });
    bounded.chain([("wasi.access", Kind::Scalar(ScalarKind::Word(&[NO_ACCESS, "read", "write"])))]).collect()
});

/// The word for no directories at all.
pub(super) const NO_ACCESS: &str = "none";

impl Target for Ceiling {
    fn set_scalar(&mut self, key: &'static ScalarKey, value: u64) {
        match key.policy {
            None => {}
            Some(PolicyKey::Number) => drop(self.numbers.insert(key.path.into(), value)),
            Some(PolicyKey::Log) => self.log = LogLevel::at(value),
            Some(PolicyKey::Clock) => self.clock = Clock::at(value),
            Some(PolicyKey::Random) => self.random = Random::at(value),
            Some(PolicyKey::PrivateAddresses) => self.private_addresses = Some(value != 0),
        }
    }

    fn read<'de, M: MapAccess<'de>>(&mut self, path: &str, map: &mut M) -> Result<bool, M::Error> {
        match path {
            "http.allow" => self.http = Some(map.next_value()?),
            "grants" => self.grants = Some(map.next_value()?),
            "wasi.access" => {
                let word: String = map.next_value()?;
                let access = if word == NO_ACCESS { None } else { Some(word.parse().map_err(M::Error::custom)?) };
                self.access = Some(access);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Ceiling {
    /// Returns the bound of a key.
    pub(super) fn scalar(&self, key: &ScalarKey) -> Option<u64> {
        match key.policy? {
            PolicyKey::Number => self.numbers.get(key.path).copied(),
            PolicyKey::Log => self.log.map(|level| level as u64),
            PolicyKey::Clock => self.clock.map(|clock| clock as u64),
            PolicyKey::Random => self.random.map(|random| random as u64),
            PolicyKey::PrivateAddresses => self.private_addresses.map(u64::from),
        }
    }
}
