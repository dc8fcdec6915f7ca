//! Capabilities and limits that a module requests: keys of a configuration, each of which may be left out.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use crate::{
    config::{
        dirs::DirAccess,
        grammar::{Grammar, Kind},
        http::HttpRule,
        key::{ConfigKey, PolicyKey, ScalarKey},
        keys,
        log::LogLevel,
        read::{Target, read_fields},
        wasi::{Clock, Random},
    },
    data::files,
    error::{ConfigProblem, ValueProblem},
};

/// Capabilities and limits that a module requests. A limit that is left out is as the policy grants it; a
/// capability that is left out is not requested.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Requested {
    /// Numbers, by the paths that [`Config::keys`](crate::Config::keys) lists: of `limits`, `module` and `http`,
    /// and `deadline_ms`.
    pub numbers: BTreeMap<String, u64>,
    /// Messages of the log.
    pub log: Option<LogLevel>,
    /// Clocks.
    pub clock: Option<Clock>,
    /// Random bytes.
    pub random: Option<Random>,
    /// Names of environment variables.
    pub env: BTreeSet<String>,
    /// Directories.
    pub dirs: Vec<RequestedDir>,
    /// HTTP requests.
    pub http: Vec<HttpRule>,
    /// Servers at addresses that are not public.
    pub private_addresses: bool,
    /// Capabilities that host functions of the embedding program need.
    pub grants: BTreeSet<String>,
}

/// A directory that a module requests. The operator decides which directory of the host it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RequestedDir {
    /// Absolute path under which the program finds it.
    pub guest: String,
    /// Access that the program needs. Default: read.
    #[serde(default)]
    pub access: DirAccess,
}

/// The keys of [`Requested`].
pub(crate) const GRAMMAR: Grammar = Grammar(|| {
    let requested = keys::all().filter_map(|key| match key {
        ConfigKey::Scalar(key) => key.policy.map(|_| (key.path, Kind::Scalar(key.kind))),
        ConfigKey::List(key) => Some((key.path, key.requested?)),
    });
    requested.collect()
});

impl Target for Requested {
    fn set_scalar(&mut self, key: &'static ScalarKey, value: u64) {
        match key.policy {
            None => {}
            Some(PolicyKey::Number) => drop(self.numbers.insert(key.path.into(), value)),
            Some(PolicyKey::Log) => self.log = LogLevel::at(value),
            Some(PolicyKey::Clock) => self.clock = Clock::at(value),
            Some(PolicyKey::Random) => self.random = Random::at(value),
            Some(PolicyKey::PrivateAddresses) => self.private_addresses = value != 0,
        }
    }

    read_fields! {
        "wasi.env" => env,
        "wasi.dirs" => dirs,
        "http.allow" => http,
        "grants" => grants,
    }
}

impl Requested {
    /// Returns what is requested of a key.
    pub(crate) fn scalar(&self, key: &ScalarKey) -> Option<u64> {
        match key.policy? {
            PolicyKey::Number => self.numbers.get(key.path).copied(),
            PolicyKey::Log => self.log.map(|level| level as u64),
            PolicyKey::Clock => self.clock.map(|clock| clock as u64),
            PolicyKey::Random => self.random.map(|random| random as u64),
            PolicyKey::PrivateAddresses => self.private_addresses.then_some(1),
        }
    }

    /// Checks the values; returns the first key with an invalid one.
    pub(super) fn check(&self) -> Result<(), (String, ConfigProblem)> {
        let unfit = |key: String, why| Err((key, ConfigProblem::Unfit { why }));
        for (index, dir) in self.dirs.iter().enumerate() {
            if !files::is_given_path(&dir.guest) || (dir.guest.len() > 1 && dir.guest.ends_with('/')) {
                return unfit(format!("wasi.dirs[{index}].guest"), ValueProblem::RequestedPath);
            }
        }
        if self.env.iter().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return unfit("wasi.env".into(), ValueProblem::VariableName);
        }
        for (index, rule) in self.http.iter().enumerate() {
            rule.check().map_err(|(key, problem)| (format!("http.allow[{index}].{key}"), problem))?;
        }
        Ok(())
    }
}

/// Reads what `GRAMMAR` has checked.
impl<'de> Deserialize<'de> for Requested {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut requested = Requested::default();
        crate::config::read::read_written(deserializer, &mut requested)?;
        Ok(requested)
    }
}
