//! From what is asked for, granted and at most given to what is given.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Ceiling, Missing, Place, Plan, PlanLine, Policy, Why,
    layers::{Granted, everything},
    rules,
};
use crate::{
    config::{
        Config,
        dirs::{Access, HostDir},
        http::HttpRule,
        lines::Lines,
        log::LogLevel,
        setting::{access_name, clock_name, name_of, quoted, random_name, rule_table},
        wasi::{Clock, Random},
    },
    digest::Digest,
    manifest::{Ask, AskDir, Manifest, ask},
    tool::error::ToolError,
};

impl Policy {
    /// What a module is given as a tool. Nothing of it is run, and nothing but its manifest looked at; without
    /// one, the tool is called as its file is, without the ending.
    ///
    /// # Errors
    ///
    /// [`ToolError::Manifest`], and [`ToolError::Pinned`] if the policy has another hash for the tool. What is
    /// [`missing`](Plan::missing) is no error yet.
    pub fn plan(&self, wasm: &[u8], file_name: &str) -> Result<Plan, ToolError> {
        let manifest = Manifest::of(wasm)?;
        let tool = manifest.as_ref().map_or_else(|| name_of_file(file_name), |manifest| manifest.name.clone());
        let sha256 = Digest::of(wasm).sha256;
        let pin = self.pin(&tool);
        if let Some((expected, line)) = pin.filter(|(expected, _)| *expected != sha256) {
            return Err(ToolError::Pinned { tool, expected: expected.into(), found: sha256, line });
        }
        let granted = self.granted(&tool, &sha256);
        let nothing = Ask::default();
        let every = everything(&granted.config);
        let (requires, optional) = manifest.as_ref().map_or((&nothing, &every), |m| (&m.requires, &m.optional));
        let mut narrowing = Narrowing {
            requires,
            optional,
            granted: &granted,
            ceiling: &self.ceiling,
            ceiling_lines: &self.ceiling_lines,
            section: format!("tools.{}", name_of(&tool)),
            asks: manifest.is_some(),
            config: granted.config.clone(),
            lines: Vec::new(),
            missing: Vec::new(),
        };
        narrowing.numbers();
        narrowing.words();
        narrowing.pieces();
        let Narrowing { mut config, lines, missing, .. } = narrowing;
        if let Some(manifest) = &manifest
            && granted.config.wasi.args.is_empty()
        {
            config.wasi.args.clone_from(&manifest.args);
        }
        Ok(Plan { tool, pinned: pin.is_some(), sha256, manifest, lines, missing, config })
    }
}

impl Policy {
    /// A configuration with nothing above the ceiling, and what of it was.
    pub fn bounded(&self, config: Config) -> (Config, Vec<PlanLine>) {
        let granted = Granted::only(config);
        let every = everything(&granted.config);
        let mut narrowing = Narrowing {
            requires: &Ask::default(),
            optional: &every,
            granted: &granted,
            ceiling: &self.ceiling,
            ceiling_lines: &self.ceiling_lines,
            section: String::new(),
            asks: false,
            config: granted.config.clone(),
            lines: Vec::new(),
            missing: Vec::new(),
        };
        narrowing.numbers();
        narrowing.words();
        narrowing.pieces();
        let above = narrowing.lines.into_iter().filter(|line| line.why == Why::Ceiling);
        (narrowing.config, above.collect())
    }
}

/// The name of a tool that does not say what it is called.
fn name_of_file(file_name: &str) -> String {
    let stem = file_name.strip_suffix(".wasm").unwrap_or(file_name);
    let fit = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let name: String = stem.chars().map(fit).take(64).collect();
    if name.is_empty() { "tool".into() } else { name }
}

struct Narrowing<'a> {
    requires: &'a Ask,
    optional: &'a Ask,
    granted: &'a Granted<'a>,
    ceiling: &'a Ceiling,
    ceiling_lines: &'a Lines,
    /// The section of the tool.
    section: String,
    /// Whether it has a manifest: without one, it takes what it is given.
    asks: bool,
    config: Config,
    lines: Vec<PlanLine>,
    missing: Vec<Missing>,
}

/// A key that has one value, each of them as it ranks.
struct Single<T> {
    key: &'static str,
    required: Option<T>,
    optional: Option<T>,
    granted: T,
    ceiling: Option<T>,
    /// What a tool has at most that does not ask.
    unasked: Option<T>,
    /// As TOML has it.
    written: fn(T) -> Option<String>,
}

impl Narrowing<'_> {
    fn numbers(&mut self) {
        let values: Vec<_> = self.granted.config.numbers().collect();
        for key in ask::numbers() {
            let of = |ask: &Ask| ask.numbers.get(key.path).copied();
            let granted = values.iter().find(|(other, _)| other.path == key.path).and_then(|(_, value)| *value);
            // What is off is without a limit.
            let single = Single {
                key: key.path,
                required: of(self.requires),
                optional: of(self.optional),
                granted: granted.unwrap_or(u64::MAX),
                ceiling: self.ceiling.numbers.get(key.path).copied(),
                unasked: None,
                written: |number| (number != u64::MAX).then(|| grouped(number)),
            };
            let effective = self.single(single);
            if effective != u64::MAX {
                // What was asked for and granted was in its range.
                let _ = self.config.set(key.path, effective);
            }
        }
    }

    fn words(&mut self) {
        let (requires, optional, granted) = (self.requires, self.optional, &self.granted.config);
        let ceiling = self.ceiling;
        self.config.log = self.single(Single {
            key: "log",
            required: requires.log,
            optional: optional.log,
            granted: granted.log,
            ceiling: ceiling.log,
            unasked: None,
            written: |level: LogLevel| Some(quoted(level.name())),
        });
        self.config.wasi.clock = self.single(Single {
            key: "wasi.clock",
            required: requires.clock,
            optional: optional.clock,
            granted: granted.wasi.clock,
            ceiling: ceiling.clock,
            unasked: Some(Clock::Virtual),
            written: |clock| Some(quoted(clock_name(clock))),
        });
        self.config.wasi.random = self.single(Single {
            key: "wasi.random",
            required: requires.random,
            optional: optional.random,
            granted: granted.wasi.random,
            ceiling: ceiling.random,
            unasked: Some(Random::Seeded),
            written: |random| Some(quoted(random_name(random))),
        });
        self.config.http.private_addresses = self.single(Single {
            key: "http.private_addresses",
            required: requires.private_addresses.then_some(true),
            optional: optional.private_addresses.then_some(true),
            granted: granted.http.private_addresses,
            ceiling: ceiling.private_addresses,
            unasked: Some(false),
            written: |private| Some(private.to_string()),
        });
    }

    /// Notes a key with one value, and says what is given.
    fn single<T: Copy + Ord>(&mut self, of: Single<T>) -> T {
        let Single { key, required, optional, granted, ceiling, unasked, written } = of;
        let asked = required.max(optional);
        let wanted = asked.or(unasked.filter(|_| self.asks));
        let effective = [wanted, ceiling].into_iter().flatten().fold(granted, T::min);
        let granted_by = self.granted.place(|_| Some(key.into()));
        let why = if asked.is_some_and(|asked| asked == effective && (self.asks || ceiling != Some(asked))) && self.asks
        {
            Why::Asked
        } else if ceiling == Some(effective) && effective < granted {
            Why::Ceiling
        } else if asked.is_none() && effective < granted {
            Why::NotAsked
        } else if granted_by.is_some() {
            Why::Granted
        } else {
            Why::Default
        };
        let needed = required.filter(|required| effective < *required);
        if let Some(needed) = needed {
            let line = format!("{key} = {}", written(needed).unwrap_or_default());
            if granted < needed {
                self.add(key, line.clone(), granted_by.as_ref());
            }
            if ceiling.is_some_and(|ceiling| ceiling < needed) {
                self.raise(key, line);
            }
        }
        self.lines.push(PlanLine {
            key: key.into(),
            asked: asked.filter(|_| self.asks).and_then(written),
            required: required.is_some(),
            granted: written(granted),
            granted_by,
            ceiling: ceiling.and_then(written),
            ceiling_by: ceiling.and_then(|_| self.ceiling_at(key)),
            effective: written(effective),
            why,
        });
        effective
    }

    fn pieces(&mut self) {
        self.variables();
        self.directories();
        self.requests();
        self.grants();
    }

    fn variables(&mut self) {
        let granted = &self.granted.config.wasi.env;
        let names: BTreeSet<&String> =
            self.requires.env.iter().chain(&self.optional.env).chain(granted.keys()).collect();
        let mut given = alloc::collections::BTreeMap::new();
        for name in names {
            let key = format!("wasi.env.{}", name_of(name));
            let required = self.requires.env.contains(name);
            let asked = required || self.optional.env.contains(name);
            let value = granted.get(name);
            if let Some(value) = value.filter(|_| asked) {
                given.insert(name.clone(), value.clone());
            }
            let line = format!("wasi.env.{} = \"VALUE\"", name_of(name));
            let written = value.map(|value| quoted(value));
            let place = self.granted.place(|_| Some(key.clone()));
            self.piece(key, required, asked.then(|| quoted(name)), (written.clone(), place), None, written, line);
        }
        self.config.wasi.env = given;
    }

    fn directories(&mut self) {
        let granted = &self.granted.config.wasi.dirs;
        let asked: Vec<(&AskDir, bool)> = self
            .requires
            .dirs
            .iter()
            .map(|dir| (dir, true))
            .chain(self.optional.dirs.iter().map(|dir| (dir, false)))
            .collect();
        let mut given: Vec<HostDir> = Vec::new();
        let mut guests: Vec<&String> =
            asked.iter().map(|(dir, _)| &dir.guest).chain(granted.iter().map(|dir| &dir.guest)).collect();
        guests.sort();
        guests.dedup();
        for guest in guests {
            let of = |required: bool| {
                asked.iter().filter(|(dir, r)| dir.guest == *guest && *r == required).map(|(dir, _)| dir.access).max()
            };
            let (required, wanted) = (of(true), of(true).max(of(false)));
            let dir = granted.iter().find(|dir| dir.guest == *guest);
            let most = self.ceiling.access;
            let effective = match (wanted, dir.map(|dir| dir.access), most) {
                (Some(wanted), Some(granted), None) => Some(wanted.min(granted)),
                (Some(wanted), Some(granted), Some(Some(most))) => Some(wanted.min(granted).min(most)),
                _ => None,
            };
            if let (Some(dir), Some(access)) = (dir, effective) {
                given.push(HostDir { access, ..dir.clone() });
            }
            let written =
                |access: Access| format!("{{ guest = {}, access = \"{}\" }}", quoted(guest), access_name(access));
            let host = |dir: &HostDir, access: Access| {
                format!(
                    "{{ host = {}, guest = {}, access = \"{}\" }}",
                    quoted(&dir.host),
                    quoted(guest),
                    access_name(access)
                )
            };
            let place = self.granted.place(|config| {
                let index = config.wasi.dirs.iter().position(|dir| dir.guest == *guest)?;
                Some(format!("wasi.dirs[{index}]"))
            });
            let needed = required.filter(|required| effective < Some(*required));
            if let Some(needed) = needed {
                if dir.is_none_or(|dir| dir.access < needed) {
                    let path = dir.map_or("PATH", |dir| &dir.host);
                    let table = format!(
                        "{{ host = {}, guest = {}, access = \"{}\" }}",
                        quoted(path),
                        quoted(guest),
                        access_name(needed)
                    );
                    self.add("wasi.dirs", format!("wasi.dirs = [{table}]"), place.as_ref());
                }
                if most.is_some_and(|most| most < Some(needed)) {
                    self.raise("wasi.access", format!("wasi.access = \"{}\"", access_name(needed)));
                }
            }
            let bounded = most.is_some_and(|most| most < wanted.min(dir.map(|dir| dir.access)));
            let why = self.why(wanted.is_some(), dir.is_some(), bounded, wanted == effective, place.is_some());
            self.lines.push(PlanLine {
                key: "wasi.dirs".into(),
                asked: wanted.filter(|_| self.asks).map(written),
                required: required.is_some(),
                granted: dir.map(|dir| host(dir, dir.access)),
                granted_by: place,
                ceiling: most.map(|most| quoted(most.map_or("none", access_name))),
                ceiling_by: most.and_then(|_| self.ceiling_at("wasi.access")),
                effective: dir.and_then(|dir| Some(host(dir, effective?))),
                why,
            });
        }
        // In the order of the policy, which is that of the descriptors.
        given.sort_by_key(|dir| granted.iter().position(|other| other.guest == dir.guest));
        self.config.wasi.dirs = given;
    }

    fn requests(&mut self) {
        let granted = &self.granted.config.http.allow;
        let mut given: Vec<HttpRule> = Vec::new();
        let asked = self
            .requires
            .http
            .iter()
            .map(|rule| (rule, true))
            .chain(self.optional.http.iter().map(|rule| (rule, false)));
        for (rule, required) in asked.collect::<Vec<_>>() {
            let by_policy = rules::of_any(rule, granted);
            let parts: Vec<HttpRule> = match &self.ceiling.http {
                Some(ceiling) => by_policy.iter().flat_map(|part| rules::of_any(part, ceiling)).collect(),
                None => by_policy.clone(),
            };
            let line = format!("http.allow = [{}]", rule_table(rule));
            let place = self.granted.place(|config| {
                let index = config.http.allow.iter().position(|granted| rules::both(rule, granted).is_some())?;
                Some(format!("http.allow[{index}]"))
            });
            if required && !rules::are_whole(rule, &by_policy) {
                self.add("http.allow", line.clone(), None);
            }
            let admits = |ceiling: &Vec<HttpRule>| rules::are_whole(rule, &rules::of_any(rule, ceiling));
            if required && self.ceiling.http.as_ref().is_some_and(|ceiling| !admits(ceiling)) {
                self.raise("http.allow", line);
            }
            let whole = rules::are_whole(rule, &parts);
            let shown = |rules: &[HttpRule]| {
                (!rules.is_empty())
                    .then(|| rules.iter().map(|rule| quoted(&rule.to_string())).collect::<Vec<_>>().join(", "))
            };
            let bounded = self.ceiling.http.is_some() && parts != by_policy;
            let why = self.why(true, !by_policy.is_empty(), bounded, whole, place.is_some());
            self.lines.push(PlanLine {
                key: "http.allow".into(),
                asked: self.asks.then(|| quoted(&rule.to_string())),
                required,
                granted: shown(&by_policy),
                granted_by: place,
                ceiling: self.ceiling.http.as_ref().map(|rules| shown(rules).unwrap_or_else(|| "[]".into())),
                ceiling_by: self.ceiling.http.as_ref().and_then(|_| self.ceiling_at("http.allow")),
                effective: shown(&parts),
                why,
            });
            for part in parts {
                if !given.contains(&part) {
                    given.push(part);
                }
            }
        }
        let wanted = |rule: &HttpRule| {
            self.requires.http.iter().chain(&self.optional.http).any(|asked| rules::both(asked, rule).is_some())
        };
        for rule in granted.iter().filter(|rule| !wanted(rule)).collect::<Vec<_>>() {
            let place = self.granted.place(|config| {
                let index = config.http.allow.iter().position(|other| other == rule)?;
                Some(format!("http.allow[{index}]"))
            });
            let written = Some(quoted(&rule.to_string()));
            self.piece("http.allow".into(), false, None, (written, place), None, None, String::new());
        }
        self.config.http.allow = given;
    }

    fn grants(&mut self) {
        let granted = &self.granted.config.grants;
        let names: BTreeSet<&String> =
            self.requires.grants.iter().chain(&self.optional.grants).chain(granted).collect();
        let mut given = BTreeSet::new();
        for name in names {
            let required = self.requires.grants.contains(name);
            let asked = required || self.optional.grants.contains(name);
            let (has, most) = (granted.contains(name), self.ceiling.grants.as_ref().map(|all| all.contains(name)));
            let gives = asked && has && most != Some(false);
            if gives {
                given.insert(name.clone());
            }
            let written = Some(quoted(name));
            let place = self.granted.place(|config| {
                let index = config.grants.iter().position(|other| other == name)?;
                Some(format!("grants[{index}]"))
            });
            if required && most == Some(false) {
                self.raise("grants", format!("grants = [{}]", quoted(name)));
            }
            let line = format!("grants = [{}]", quoted(name));
            let shown = written.clone();
            let (asked, granted) = (written.clone().filter(|_| asked), written.filter(|_| has));
            self.piece("grants".into(), required, asked, (granted, place), most, shown.filter(|_| gives), line);
        }
        self.config.grants = given;
    }

    /// Notes a piece of something. `most`: whether the ceiling admits it.
    #[allow(clippy::too_many_arguments, reason = "a line has as many columns")]
    fn piece(
        &mut self,
        key: String,
        required: bool,
        asked: Option<String>,
        (granted, granted_by): (Option<String>, Option<Place>),
        most: Option<bool>,
        effective: Option<String>,
        line: String,
    ) {
        if required && granted.is_none() {
            self.add(&key, line, None);
        }
        let bounded = most == Some(false);
        let whole = effective.is_some();
        let why = self.why(asked.is_some(), granted.is_some(), bounded, whole, granted_by.is_some());
        self.lines.push(PlanLine {
            asked: asked.filter(|_| self.asks),
            required,
            granted,
            granted_by,
            ceiling: most.map(|most| if most { "yes".into() } else { "no".into() }),
            ceiling_by: most.and_then(|_| self.ceiling_at(&key)),
            effective,
            why,
            key,
        });
    }

    /// Which of them decides about a piece.
    fn why(&self, asked: bool, granted: bool, bounded: bool, whole: bool, by_text: bool) -> Why {
        match (asked, granted) {
            (false, _) => Why::NotAsked,
            (true, false) => Why::NotGranted,
            (true, true) if bounded => Why::Ceiling,
            (true, true) if whole && self.asks => Why::Asked,
            (true, true) if by_text || !self.asks => Why::Granted,
            (true, true) => Why::Granted,
        }
    }

    /// What is missing is to be granted: where the tool is granted less, or in its section.
    fn add(&mut self, key: &str, line: String, place: Option<&Place>) {
        let own = place.filter(|place| !place.section.is_empty());
        let (section, replaces) = own.map_or((self.section.clone(), None), |place| (place.section.clone(), place.line));
        self.missing.push(Missing { key: key.into(), section, line, replaces });
    }

    /// What is missing is more than the ceiling.
    fn raise(&mut self, key: &str, line: String) {
        let replaces = self.ceiling_lines.of(key);
        self.missing.push(Missing { key: key.into(), section: "ceiling".into(), line, replaces });
    }

    fn ceiling_at(&self, key: &str) -> Option<Place> {
        Some(Place { section: "ceiling".into(), line: Some(self.ceiling_lines.of(key)?) })
    }
}

/// A number as TOML may write it, with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
