//! Tests that hold all keys of a configuration to the table.

use alloc::{collections::BTreeSet, format, string::String};

use serde_json::Value;

use super::*;
use crate::config::{
    dirs::HostDir,
    grammar::Kind,
    http::HttpRule,
    toml::{GRAMMAR, fields},
};

/// Returns a configuration with no key at its default.
pub(crate) fn changed() -> Config {
    let mut config = Config::default();
    for key in scalars() {
        let default = (key.get)(&config);
        let value = [7, 1, 0].into_iter().find(|value| Some(*value) != default && key.check(*value).is_ok());
        let value = value.or_else(|| key.as_number().map(|key| key.max)).unwrap();
        (key.set)(&mut config, value);
        assert_eq!((key.get)(&config), Some(value), "{}", key.path);
        assert_ne!((key.get)(&config), default, "{}", key.path);
    }
    let config = config.with_args(["a"]).with_env("B", "c").with_program("p").with_file("/f", *b"x");
    let config = config.with_dir(HostDir::read("h", "/h")).with_http(HttpRule::parse("https://a").unwrap());
    config.with_grant("db")
}

/// Lists the paths of a value as far as the keys go.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(values) if path.is_empty() || all().any(|key| key.path().starts_with(&format!("{path}."))) => {
            for (name, value) in values {
                paths(value, &crate::config::grammar::below(path, name), found);
            }
        }
        _ => drop(found.insert(path.into())),
    }
}

/// Fails for a field without a key in the table.
#[test]
fn every_field_has_a_key() {
    let mut found = BTreeSet::new();
    paths(&serde_json::to_value(changed()).unwrap(), "", &mut found);
    let expected: BTreeSet<String> = all().map(|key| key.path().into()).collect();
    assert_eq!(found, expected);
    assert_eq!(all().count(), expected.len());
}

/// Fails for a key that cannot be read.
#[cfg(all(feature = "wasi", feature = "fs", feature = "http"))]
#[test]
fn every_key_is_read() {
    let config = changed();
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
    assert_eq!(Config::from_toml(&toml::to_string(&config).unwrap()).unwrap(), config);
}

#[test]
fn a_key_that_is_there_twice_or_unknown_is_refused() {
    for text in [r#"{"log": "off", "log": "off"}"#, r#"{"lag": 1}"#, r#"{"limits": {"fule": 1}}"#, r#"{"limits": 1}"#] {
        assert!(serde_json::from_str::<Config>(text).is_err(), "{text}");
    }
    assert_eq!(serde_json::from_str::<Config>(r#"{"deadline_ms": null}"#).unwrap(), Config::default());
}

/// Fails for a key without a setting, or that the grammar does not have with its section.
#[test]
fn every_key_is_listed() {
    let config = changed();
    let settings = config.enforcement();
    for key in all() {
        let path = key.path();
        let is = |key: &str| key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        assert!(settings.iter().any(|setting| is(&setting.key) && setting.value != setting.default), "{path}");
        assert!(GRAMMAR.kind_of(path).is_some(), "{path}");
        let section = path.rsplit_once('.').map(|(section, _)| section);
        assert!(section.is_none_or(|section| matches!(GRAMMAR.kind_of(section), Some(Kind::Section))), "{path}");
    }
    assert_eq!(fields().len(), all().count() + 1, "and `preset`");
}

#[test]
fn effects_are_found() {
    let effects = [
        (Config::default(), None),
        (Config::default().with_clock(wasi::Clock::Host), Some("wasi.clock")),
        (Config::default().with_random(wasi::Random::Host), Some("wasi.random")),
        (Config::default().with_dir(HostDir::read("h", "/h")), Some("wasi.dirs")),
        (Config::default().with_http(HttpRule::parse("https://a").unwrap()), Some("http.allow")),
    ];
    for (config, effect) in effects {
        assert_eq!(config.effect(), effect);
    }
}
