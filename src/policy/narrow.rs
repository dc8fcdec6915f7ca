//! From what is asked for, granted and at most given to what is given.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Ceiling, Missing, Place, Plan, PlanLine, Policy, Why,
    layers::{Granted, everything},
};
use crate::{
    config::{
        Config,
        lines::Lines,
        log::LogLevel,
        setting::{clock_name, name_of, quoted, random_name},
        wasi::{Clock, Random},
    },
    digest::Digest,
    manifest::{Ask, Manifest, ask},
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
        let section = format!("tools.{}", name_of(&tool));
        let (mut config, lines, missing) = self.narrow(requires, optional, &granted, section, manifest.is_some());
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
        if self.ceiling == Ceiling::default() {
            return (config, Vec::new());
        }
        let granted = Granted::only(config.clone());
        let every = everything(&granted.config);
        let (bounded, lines, _) = self.narrow(&Ask::default(), &every, &granted, String::new(), false);
        let above: Vec<_> = lines.into_iter().filter(|line| line.why == Why::Ceiling).collect();
        // What is below it stays as it is, with its mistakes.
        (if above.is_empty() { config } else { bounded }, above)
    }

    /// What is given, of each key why, and what of it is missing.
    fn narrow(
        &self,
        requires: &Ask,
        optional: &Ask,
        granted: &Granted<'_>,
        section: String,
        asks: bool,
    ) -> (Config, Vec<PlanLine>, Vec<Missing>) {
        let mut narrowing = Narrowing {
            requires,
            optional,
            granted,
            ceiling: &self.ceiling,
            ceiling_lines: &self.ceiling_lines,
            section,
            asks,
            config: granted.config.clone(),
            lines: Vec::new(),
            missing: Vec::new(),
        };
        narrowing.numbers();
        narrowing.words();
        narrowing.pieces();
        (narrowing.config, narrowing.lines, narrowing.missing)
    }
}

/// The name of a tool that does not say what it is called.
fn name_of_file(file_name: &str) -> String {
    let stem = file_name.strip_suffix(".wasm").unwrap_or(file_name);
    let fit = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let name: String = stem.chars().map(fit).take(64).collect();
    if crate::manifest::is_name(&name) { name } else { "tool".into() }
}

pub(super) struct Narrowing<'a> {
    pub(super) requires: &'a Ask,
    pub(super) optional: &'a Ask,
    pub(super) granted: &'a Granted<'a>,
    pub(super) ceiling: &'a Ceiling,
    pub(super) ceiling_lines: &'a Lines,
    /// The section of the tool.
    pub(super) section: String,
    /// Whether it has a manifest: without one, it takes what it is given.
    pub(super) asks: bool,
    pub(super) config: Config,
    pub(super) lines: Vec<PlanLine>,
    pub(super) missing: Vec<Missing>,
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
        let granted_by = self.granted.place_of(key);
        let why = if self.asks && asked == Some(effective) {
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
                // What a profile sets, a line of its own goes before.
                let own = self.granted.place(|_| Some(key.into()));
                self.add(key, line.clone(), own.as_ref());
            }
            if ceiling.is_some_and(|ceiling| ceiling < needed) {
                self.raise(key, line);
            }
        }
        self.lines.push(PlanLine {
            key: key.into(),
            asked: asked.filter(|_| self.asks).and_then(written),
            required: required.and_then(written),
            granted: written(granted),
            granted_by,
            ceiling: ceiling.and_then(written),
            ceiling_by: ceiling.and_then(|_| self.ceiling_at(key)),
            effective: written(effective),
            why,
        });
        effective
    }

    /// What is missing is to be granted: where the tool is granted less, or in its section.
    pub(super) fn add(&mut self, key: &str, line: String, place: Option<&Place>) {
        let own = place.filter(|place| !place.section.is_empty());
        let (section, replaces) = own.map_or((self.section.clone(), None), |place| (place.section.clone(), place.line));
        self.missing.push(Missing { key: key.into(), section, line, replaces });
    }

    /// What is missing is more than the ceiling.
    pub(super) fn raise(&mut self, key: &str, line: String) {
        let replaces = self.ceiling_at(key).and_then(|place| place.line);
        self.missing.push(Missing { key: key.into(), section: "ceiling".into(), line, replaces });
    }

    pub(super) fn ceiling_at(&self, key: &str) -> Option<Place> {
        let line = self.ceiling_lines.of(key).or_else(|| self.ceiling_lines.of(&format!("{key}[0]")))?;
        Some(Place { section: "ceiling".into(), line: Some(line) })
    }
}

/// A number as TOML may write it, with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
