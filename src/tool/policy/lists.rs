//! Effective values of keys with entries: variables, directories, requests, capabilities of host functions.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{MissingCapability, PlanLine, PlanReason, PlanSource, ceiling::NO_ACCESS, narrow::Narrowing, rules};
use crate::config::{
    dirs::{DirAccess, HostDir},
    http::{HttpRule, rule_table},
    quote::{name_of, quoted},
};

/// An entry: requested, granted and effective value.
#[derive(Default)]
struct ListEntry {
    key: String,
    asked: Option<String>,
    required: bool,
    granted: Option<String>,
    granted_by: Option<PlanSource>,
    effective: Option<String>,
    /// The ceiling lowers it.
    bounded: bool,
    /// It is all that is requested.
    whole: bool,
}

type Decide = fn(&mut Narrowing<'_>);

/// The keys with entries that a manifest may request, with the function that decides each.
pub(super) const LISTS: [(&str, Decide); 4] = [
    ("wasi.env", |narrowing| narrowing.variables()),
    ("wasi.dirs", |narrowing| narrowing.directories()),
    ("http.allow", |narrowing| narrowing.requests()),
    ("grants", |narrowing| narrowing.grants()),
];

impl Narrowing<'_> {
    /// Decides the keys with entries.
    pub(super) fn lists(&mut self) {
        LISTS.iter().for_each(|(_, decide)| decide(self));
        for (key, _) in LISTS {
            if !self.lines.iter().any(|line| line.key.starts_with(key)) {
                self.none(key);
            }
        }
    }

    /// Adds a line for a key without entries.
    fn none(&mut self, key: &str) {
        self.lines.push(PlanLine { key: key.into(), ..PlanLine::default() });
    }

    fn variables(&mut self) {
        let granted = &self.granted.config.wasi.env;
        let names: BTreeSet<&String> =
            self.requires.env.iter().chain(&self.optional.env).chain(granted.keys()).collect();
        let mut given = BTreeMap::new();
        for name in names {
            let key = format!("wasi.env.{}", name_of(name));
            let required = self.requires.env.contains(name);
            let asked = required || self.optional.env.contains(name);
            let value = granted.get(name).cloned();
            if let Some(value) = value.clone().filter(|_| asked) {
                given.insert(name.clone(), value);
            }
            if required && value.is_none() {
                self.add(&key, format!("{key} = \"VALUE\""), None);
            }
            let written = value.map(|value| quoted(&value));
            let entry = ListEntry {
                granted_by: self.granted.source(|_| Some(key.clone())),
                asked: asked.then(|| quoted(name)),
                required,
                effective: written.clone().filter(|_| asked),
                granted: written,
                bounded: false,
                whole: true,
                key,
            };
            self.entry(entry, None, None);
        }
        self.config.wasi.env = given;
    }

    fn directories(&mut self) {
        let granted = &self.granted.config.wasi.dirs;
        let (requires, optional) = (&self.requires.dirs, &self.optional.dirs);
        let guests: BTreeSet<&String> =
            requires.iter().chain(optional).map(|dir| &dir.guest).chain(granted.iter().map(|dir| &dir.guest)).collect();
        let most = self.ceiling.access;
        let (mut given, mut missing, mut above) = (Vec::new(), Vec::new(), None);
        for guest in guests {
            let of = |asked: &[crate::tool::RequestedDir]| {
                asked.iter().filter(|d| d.guest == *guest).map(|d| d.access).max()
            };
            let (required, asked) = (of(requires), of(requires).max(of(optional)));
            let dir = granted.iter().find(|dir| dir.guest == *guest);
            // `None` is less than any access.
            let both = asked.min(dir.map(|dir| dir.access));
            let effective = most.map_or(both, |most| both.min(most));
            given.extend(dir.zip(effective).map(|(dir, access)| HostDir { access, ..dir.clone() }));
            if let Some(needed) = required.filter(|needed| effective < Some(*needed)) {
                if dir.map(|dir| dir.access) < Some(needed) {
                    let host = dir.map_or("PATH", |dir| &dir.host);
                    missing.push((guest, table(Some(host), guest, needed)));
                }
                if most.is_some_and(|most| most < Some(needed)) {
                    above = above.max(Some(needed));
                }
            }
            let host = |access| dir.map(|dir| table(Some(&dir.host), guest, access));
            let entry = ListEntry {
                key: "wasi.dirs".into(),
                asked: asked.map(|access| table(None, guest, access)),
                required: required.is_some(),
                granted: dir.and_then(|dir| host(dir.access)),
                granted_by: self.granted.source(|config| {
                    let index = config.wasi.dirs.iter().position(|dir| dir.guest == *guest)?;
                    Some(format!("wasi.dirs[{index}]"))
                }),
                effective: effective.and_then(host),
                bounded: effective < both,
                whole: effective == asked,
            };
            let ceiling = most.map(|most| quoted(most.map_or(NO_ACCESS, DirAccess::name)));
            self.entry(entry, ceiling, Some("wasi.access"));
        }
        // The order of the policy is the order of the descriptors.
        given.sort_by_key(|dir: &HostDir| granted.iter().position(|other| other.guest == dir.guest));
        self.config.wasi.dirs = given;
        let replaced: Vec<&String> = missing.iter().map(|(guest, _)| *guest).collect();
        let own = self.granted.own().map(|(config, _)| {
            let kept = config.wasi.dirs.iter().filter(|dir| !replaced.contains(&&dir.guest));
            kept.map(|dir| table(Some(&dir.host), &dir.guest, dir.access)).collect::<Vec<_>>()
        });
        let tables = missing.iter().map(|(_, table)| table.clone()).collect();
        self.add_to("wasi.dirs", own.unwrap_or_default(), tables);
        if let Some(access) = above {
            self.raise("wasi.access", format!("wasi.access = \"{}\"", access.name()));
        }
    }

    fn requests(&mut self) {
        let granted = &self.granted.config.http.allow;
        let ceiling = self.ceiling.http.as_ref();
        let (requires, optional) = (&self.requires.http, &self.optional.http);
        let (mut given, mut missing, mut above): (Vec<HttpRule>, _, _) = (Vec::new(), Vec::new(), Vec::new());
        let all = requires.iter().map(|rule| (rule, true)).chain(optional.iter().map(|rule| (rule, false)));
        for (rule, required) in all {
            let by_policy = rules::of_any(rule, granted);
            let parts: Vec<HttpRule> = match ceiling {
                Some(ceiling) => by_policy.iter().flat_map(|part| rules::of_any(part, ceiling)).collect(),
                None => by_policy.clone(),
            };
            if required && !rules::are_whole(rule, &by_policy) {
                missing.push(rule_table(rule));
            }
            if required && ceiling.is_some_and(|all| !rules::are_whole(rule, &rules::of_any(rule, all))) {
                above.push(rule_table(rule));
            }
            let entry = ListEntry {
                key: "http.allow".into(),
                asked: Some(quoted(&rule.to_string())),
                required,
                granted: list(&by_policy),
                granted_by: self.granted.source(|config| {
                    let index = config.http.allow.iter().position(|other| rules::both(rule, other).is_some())?;
                    Some(format!("http.allow[{index}]"))
                }),
                effective: list(&parts),
                bounded: parts != by_policy,
                whole: rules::are_whole(rule, &parts),
            };
            self.entry(entry, ceiling.map(|all| list(all).unwrap_or("[]".into())), None);
            for part in parts {
                if !given.contains(&part) {
                    given.push(part);
                }
            }
        }
        let asked = |rule: &HttpRule| requires.iter().chain(optional).any(|asked| rules::both(asked, rule).is_some());
        for rule in granted.iter().filter(|rule| !asked(rule)) {
            let entry = ListEntry {
                key: "http.allow".into(),
                granted: Some(quoted(&rule.to_string())),
                granted_by: self.granted.source(|config| {
                    let own = config.http.allow.iter().position(|other| other == rule)?;
                    Some(format!("http.allow[{own}]"))
                }),
                ..ListEntry::default()
            };
            self.entry(entry, None, None);
        }
        self.config.http.allow = given;
        let own = self.granted.own().map(|(config, _)| config.http.allow.iter().map(rule_table).collect());
        self.add_to("http.allow", own.unwrap_or_default(), missing);
        let listed = ceiling.into_iter().flatten().map(rule_table).collect();
        self.raise_to("http.allow", listed, above);
    }

    fn grants(&mut self) {
        let granted = &self.granted.config.grants;
        let ceiling = self.ceiling.grants.as_ref();
        let names: BTreeSet<&String> =
            self.requires.grants.iter().chain(&self.optional.grants).chain(granted).collect();
        let (mut given, mut missing, mut above) = (BTreeSet::new(), Vec::new(), Vec::new());
        for name in names {
            let required = self.requires.grants.contains(name);
            let asked = required || self.optional.grants.contains(name);
            let (has, bounded) = (granted.contains(name), ceiling.is_some_and(|all| !all.contains(name)));
            let gives = asked && has && !bounded;
            if gives {
                given.insert(name.clone());
            }
            if required && !has {
                missing.push(quoted(name));
            }
            if required && bounded {
                above.push(quoted(name));
            }
            let written = |is: bool| is.then(|| quoted(name));
            let entry = ListEntry {
                key: "grants".into(),
                asked: written(asked),
                required,
                granted: written(has),
                granted_by: self.granted.source(|config| {
                    let index = config.grants.iter().position(|other| other == name)?;
                    Some(format!("grants[{index}]"))
                }),
                effective: written(gives),
                bounded,
                whole: gives,
            };
            let listed = |all: &BTreeSet<String>| format!("[{}]", texts(all).join(", "));
            self.entry(entry, ceiling.map(listed), None);
        }
        self.config.grants = given;
        let own = self.granted.own().map(|(config, _)| texts(&config.grants));
        self.add_to("grants", own.unwrap_or_default(), missing);
        self.raise_to("grants", ceiling.map(texts).unwrap_or_default(), above);
    }

    /// Adds a line for an entry. `bounds` is the key of the ceiling, if it is another.
    fn entry(&mut self, entry: ListEntry, ceiling: Option<String>, bounds: Option<&str>) {
        let ListEntry { key, asked, required, granted, granted_by, effective, bounded, whole } = entry;
        let why = match (&asked, &granted) {
            (None, _) => PlanReason::NotAsked,
            (Some(_), None) => PlanReason::NotGranted,
            (Some(_), Some(_)) if bounded => PlanReason::Ceiling,
            (Some(_), Some(_)) if whole && self.asks => PlanReason::Asked,
            (Some(_), Some(_)) => PlanReason::Granted,
        };
        let ceiling_by = ceiling.as_ref().and_then(|_| self.ceiling_at(bounds.unwrap_or(&key)));
        let required = asked.clone().filter(|_| required);
        let asked = asked.filter(|_| self.asks);
        self.lines.push(PlanLine { key, asked, required, granted, granted_by, ceiling, ceiling_by, effective, why });
    }

    /// Proposes a line that adds missing entries to those in the section of the tool.
    fn add_to(&mut self, key: &str, own: Vec<String>, missing: Vec<String>) {
        if missing.is_empty() {
            return;
        }
        let replaces = self.granted.own().and_then(|(_, lines)| lines.of(&format!("{key}[0]")));
        let line = format!("{key} = [{}]", [own, missing].concat().join(", "));
        self.missing.push(MissingCapability { key: key.into(), section: self.section.clone(), line, replaces });
    }

    /// Proposes a line that adds entries to a ceiling that is a list.
    fn raise_to(&mut self, key: &str, listed: Vec<String>, above: Vec<String>) {
        if !above.is_empty() {
            self.raise(key, format!("{key} = [{}]", [listed, above].concat().join(", ")));
        }
    }
}

/// Formats a directory as TOML writes it.
fn table(host: Option<&str>, guest: &str, access: DirAccess) -> String {
    let host = host.map_or(String::new(), |host| format!("host = {}, ", quoted(host)));
    format!("{{ {host}guest = {}, access = \"{}\" }}", quoted(guest), access.name())
}

/// Joins rules in one line; `None` without rules.
fn list(rules: &[HttpRule]) -> Option<String> {
    let all: Vec<_> = rules.iter().map(|rule| quoted(&rule.to_string())).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn texts(all: &BTreeSet<String>) -> Vec<String> {
    all.iter().map(|text| quoted(text)).collect()
}
