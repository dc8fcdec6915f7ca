//! Tests that hold policies and manifests to the table of keys.

use alloc::{collections::BTreeSet, vec, vec::Vec};

use super::{Ceiling, lists::LISTS};
use crate::{
    config::{keys, read::Target},
    tool::manifest::Requested,
};

/// Fails for a key that a section of a policy does not grant.
#[cfg(all(feature = "wasi", feature = "fs", feature = "http"))]
#[test]
fn every_key_is_granted() {
    let config = keys::tests::changed();
    let text = alloc::format!("[tools.t]\n{}", toml::to_string(&config).unwrap().replace('[', "[tools.t."));
    let text = text.replace("[tools.t.[tools.t.", "[[tools.t.").replace("= [tools.t.", "= [");
    let granted = super::Policy::from_toml(&text).unwrap().granted("t", "").config;
    assert_eq!(granted, config);
}

/// Fails for a key that cannot be requested or bounded.
#[test]
fn every_key_of_policies_is_requested_and_bounded() {
    let (mut requested, mut ceiling) = (Requested::default(), Ceiling::default());
    let keys: Vec<_> = keys::scalars().filter(|key| key.policy.is_some()).collect();
    for key in &keys {
        requested.set_scalar(key, 1);
        ceiling.set_scalar(key, 1);
    }
    let all = vec![Some(1); keys.len()];
    assert_eq!(keys.iter().map(|key| requested.scalar(key)).collect::<Vec<_>>(), all);
    assert_eq!(keys.iter().map(|key| ceiling.scalar(key)).collect::<Vec<_>>(), all);
    let lists: BTreeSet<_> = keys::lists().filter(|key| key.requested.is_some()).map(|key| key.path).collect();
    assert_eq!(lists, LISTS.iter().map(|(key, _)| *key).collect());
}
