//! What a module asks for, or what a policy bounds: keys of a configuration, each of which may be left out.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use crate::config::{
    Config, Key,
    dirs::Access,
    http::{HttpRule, RULE_KEYS},
    log::LogLevel,
    toml::grammar::{Grammar, Kind},
    wasi::{Clock, Random},
};

/// What a module asks for. What is left out it does not ask for: of limits it takes what it is given, of
/// capabilities nothing of the host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Ask {
    /// Numbers, by the paths that [`Config::keys`] lists: of `limits`, `module` and `http`, and `deadline_ms`.
    pub numbers: BTreeMap<String, u64>,
    /// Messages of the log.
    pub log: Option<LogLevel>,
    /// Clocks.
    pub clock: Option<Clock>,
    /// Random bytes.
    pub random: Option<Random>,
    /// Names of variables.
    pub env: BTreeSet<String>,
    /// Directories.
    pub dirs: Vec<AskDir>,
    /// Requests.
    pub http: Vec<HttpRule>,
    /// Servers at addresses that are not public.
    pub private_addresses: bool,
    /// Capabilities that host functions of the embedding program need.
    pub grants: BTreeSet<String>,
}

/// A directory that a module asks for: which of the host it is, is for the operator to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AskDir {
    /// Where the program wants to find it: an absolute path.
    pub guest: String,
    /// What it wants to do in it. Default: read.
    #[serde(default)]
    pub access: Access,
}

/// Keys of [`Ask`].
pub(crate) static GRAMMAR: Grammar = Grammar {
    sections: &["wasi"],
    words: &[("wasi.dirs.access", &["read", "write"])],
    others: &[("wasi.env", Kind::Texts), ("wasi.dirs", Kind::Tables), ("wasi.dirs.guest", Kind::Text)],
    numbers: Vec::new,
    base: Some(&BOUNDS),
};

/// Keys that can be asked for and bounded alike.
pub(crate) static BOUNDS: Grammar = Grammar {
    sections: &["limits", "module", "http", "wasi"],
    words: &[
        ("log", &LogLevel::NAMES),
        ("wasi.clock", &["none", "fixed", "virtual", "host"]),
        ("wasi.random", &["none", "seeded", "host"]),
        ("http.allow.scheme", &["http", "https"]),
    ],
    others: &[
        ("grants", Kind::Texts),
        ("http.allow", Kind::Tables),
        ("http.allow.methods", Kind::Texts),
        ("http.allow.host", Kind::Text),
        ("http.allow.path", Kind::Text),
        ("http.private_addresses", Kind::Flag),
    ],
    numbers: || numbers().chain(RULE_KEYS).collect(),
    base: None,
};

/// The numbers that can be asked for.
pub(crate) fn numbers() -> impl Iterator<Item = Key> {
    let asked = ["limits.", "module.", "http.", "deadline_ms"];
    Config::keys().filter(move |key| asked.iter().any(|start| key.path.starts_with(start)))
}

/// As it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Draft {
    deadline_ms: Option<u64>,
    pub(crate) log: Option<LogLevel>,
    pub(crate) grants: Option<BTreeSet<String>>,
    limits: BTreeMap<String, u64>,
    module: BTreeMap<String, u64>,
    pub(crate) wasi: WasiDraft,
    pub(crate) http: HttpDraft,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WasiDraft {
    pub(crate) clock: Option<Clock>,
    pub(crate) random: Option<Random>,
    pub(crate) access: Option<MostAccess>,
    env: BTreeSet<String>,
    dirs: Vec<AskDir>,
}

/// The most that may be done in any directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MostAccess {
    None,
    Read,
    Write,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpDraft {
    pub(crate) allow: Option<Vec<HttpRule>>,
    pub(crate) private_addresses: Option<bool>,
    requests: Option<u64>,
    request_bytes: Option<u64>,
    response_bytes: Option<u64>,
    total_bytes: Option<u64>,
    timeout_ms: Option<u64>,
    redirects: Option<u64>,
}

impl Draft {
    /// Its numbers by their paths.
    pub(crate) fn numbers(&self) -> BTreeMap<String, u64> {
        let sections = [("limits", &self.limits), ("module", &self.module)];
        let of_sections = sections.into_iter().flat_map(|(section, numbers)| {
            numbers.iter().map(move |(name, n)| (format!("{section}.{name}"), Some(*n)))
        });
        let http = [
            ("http.requests", self.http.requests),
            ("http.request_bytes", self.http.request_bytes),
            ("http.response_bytes", self.http.response_bytes),
            ("http.total_bytes", self.http.total_bytes),
            ("http.timeout_ms", self.http.timeout_ms),
            ("http.redirects", self.http.redirects),
            ("deadline_ms", self.deadline_ms),
        ];
        let others = http.into_iter().map(|(path, number)| (path.into(), number));
        of_sections.chain(others).filter_map(|(path, number)| Some((path, number?))).collect()
    }
}

impl From<Draft> for Ask {
    fn from(draft: Draft) -> Ask {
        Ask {
            numbers: draft.numbers(),
            log: draft.log,
            clock: draft.wasi.clock,
            random: draft.wasi.random,
            env: draft.wasi.env,
            dirs: draft.wasi.dirs,
            http: draft.http.allow.unwrap_or_default(),
            private_addresses: draft.http.private_addresses.unwrap_or_default(),
            grants: draft.grants.unwrap_or_default(),
        }
    }
}

impl Ask {
    /// The first key that cannot be asked for in this way, and what is expected.
    pub(super) fn check(&self) -> Result<(), (String, crate::error::ConfigProblem)> {
        let unfit = |key: String, why| Err((key, crate::error::ConfigProblem::Unfit { why }));
        for (index, dir) in self.dirs.iter().enumerate() {
            if !crate::files::is_given_path(&dir.guest) || (dir.guest.len() > 1 && dir.guest.ends_with('/')) {
                return unfit(
                    format!("wasi.dirs[{index}].guest"),
                    "expected an absolute path without `.`, `..` and `//`",
                );
            }
        }
        if self.env.iter().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return unfit("wasi.env".into(), "expected names that are not empty and have no `=`");
        }
        for (index, rule) in self.http.iter().enumerate() {
            rule.check().map_err(|(key, problem)| (format!("http.allow[{index}].{key}"), problem))?;
        }
        Ok(())
    }
}
