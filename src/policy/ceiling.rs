//! What nothing gets more than.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use serde::Serialize;

use crate::{
    config::{
        dirs::Access,
        http::HttpRule,
        log::LogLevel,
        toml::grammar::Grammar,
        wasi::{Clock, Random},
    },
    manifest::ask::{BOUNDS, Draft, MostAccess},
};

/// What nothing gets more than; what is left out is not bounded.
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
    /// Directories of the host: `Some(None)` for none at all.
    pub access: Option<Option<Access>>,
    /// Requests.
    pub http: Option<Vec<HttpRule>>,
    /// Servers at addresses that are not public.
    pub private_addresses: Option<bool>,
    /// Capabilities that host functions of the embedding program need.
    pub grants: Option<BTreeSet<String>>,
}

/// Keys of [`Ceiling`].
pub(super) static GRAMMAR: Grammar = Grammar {
    sections: &[],
    words: &[("wasi.access", &["none", "read", "write"])],
    others: &[],
    numbers: Vec::new,
    base: Some(&BOUNDS),
};

impl From<Draft> for Ceiling {
    fn from(draft: Draft) -> Ceiling {
        Ceiling {
            numbers: draft.numbers(),
            log: draft.log,
            clock: draft.wasi.clock,
            random: draft.wasi.random,
            access: draft.wasi.access.map(|most| match most {
                MostAccess::None => None,
                MostAccess::Read => Some(Access::Read),
                MostAccess::Write => Some(Access::Write),
            }),
            http: draft.http.allow,
            private_addresses: draft.http.private_addresses,
            grants: draft.grants,
        }
    }
}
