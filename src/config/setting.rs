//! Every key of a configuration, with its value and how it is enforced.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use serde::Serialize;

use super::{
    Config, OnGrowthLimit, Profile,
    dirs::Access,
    http::{Http, HttpRule},
    log::LogLevel,
    wasi::{Clock, Random, Wasi},
};

/// One key of a configuration with its value, and how it is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// Path in TOML: `limits.fuel`. What is given piece by piece has a key for each piece:
    /// `wasi.env.LANG`, `wasi.files."/in.txt"`, `wasi.dirs[0]`.
    pub key: String,
    /// The value as TOML has it; for a file its size. `None`: off.
    pub value: Option<String>,
    /// What it is in this profile where nobody sets it; `None`: off, or not there.
    pub default: Option<String>,
    /// How it is enforced.
    pub enforced: &'static str,
}

impl Config {
    /// Every key with its value in this configuration, and how it is enforced.
    ///
    /// ```
    /// use belljar::Config;
    ///
    /// let config = Config::default().with_fuel(1_000);
    /// let set: Vec<_> = config.enforcement().into_iter().filter(|s| s.value != s.default).collect();
    /// assert_eq!((set.len(), set[0].key.as_str(), set[0].value.as_deref()), (1, "limits.fuel", Some("1000")));
    /// ```
    pub fn enforcement(&self) -> Vec<Setting> {
        let mut all = self.words();
        let grants = self.grants.iter().enumerate().map(|(index, name)| (format!("[{index}]"), quoted(name)));
        all.extend(pieces("grants", "[]", grants, "own host functions, before their bodies"));
        let usual = Config::profile(self.profile);
        let numbers = self.numbers().zip(usual.numbers()).map(|((key, value), (_, default))| Setting {
            key: key.path.into(),
            value: value.map(|value| value.to_string()),
            default: default.map(|value| value.to_string()),
            enforced: key.enforced,
        });
        all.extend(numbers);
        all.extend(self.wasi.settings());
        all.extend(self.http.settings());
        all
    }

    /// The first key that grants something of the world outside, if any does: two runs can differ then, and
    /// only their transcripts (`Transcript`) tell why.
    ///
    /// ```
    /// use belljar::{Clock, Config};
    ///
    /// assert_eq!(Config::default().effect(), None);
    /// assert_eq!(Config::default().with_clock(Clock::Host).effect(), Some("wasi.clock"));
    /// ```
    pub fn effect(&self) -> Option<&'static str> {
        let effects = [
            ("wasi.clock", self.wasi.clock == Clock::Host),
            ("wasi.random", self.wasi.random == Random::Host),
            ("wasi.dirs", !self.wasi.dirs.is_empty()),
            ("http.allow", !self.http.allow.is_empty()),
        ];
        effects.into_iter().find_map(|(key, granted)| granted.then_some(key))
    }

    /// The keys outside the sections that are no numbers.
    fn words(&self) -> Vec<Setting> {
        let growth = |on| match on {
            OnGrowthLimit::Stop => "stop",
            OnGrowthLimit::Refuse => "refuse",
        };
        vec![
            word("profile", Profile::name, self.profile, "gives the defaults of `limits` and `module`"),
            word(
                "on_growth_limit",
                growth,
                self.on_growth_limit,
                "the engine's limiter, for every growth past a limit",
            ),
            word(
                "log",
                LogLevel::name,
                self.log,
                "log, log_at and stderr, which drop what is below once it is charged",
            ),
        ]
    }
}

impl Profile {
    /// Its name in TOML.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Plugin => "plugin",
            Profile::Large => "large",
        }
    }
}

impl Wasi {
    /// The keys that are no numbers.
    fn settings(&self) -> Vec<Setting> {
        let args: Vec<_> = self.args.iter().map(|arg| quoted(arg)).collect();
        let mut all = vec![
            setting("wasi.program", quoted(&self.program), quoted(""), "args_get and args_sizes_get"),
            setting("wasi.args", format!("[{}]", args.join(", ")), "[]".into(), "args_get and args_sizes_get"),
            word(
                "wasi.clock",
                clock_name,
                self.clock,
                "clock_time_get, clock_res_get, poll_oneoff, the times of files",
            ),
            word("wasi.random", random_name, self.random, "random_get"),
        ];
        let env = self.env.iter().map(|(name, value)| (format!(".{}", name_of(name)), quoted(value)));
        all.extend(pieces("wasi.env", "{}", env, "environ_get and environ_sizes_get: no others are there"));
        let files =
            self.files.iter().map(|(path, bytes)| (format!(".{}", name_of(path)), format!("{} bytes", bytes.len())));
        all.extend(pieces("wasi.files", "{}", files, "the functions of files: copies in memory, for each run"));
        let dirs = self.dirs.iter().enumerate().map(|(index, dir)| {
            let access = access_name(dir.access);
            let [host, guest] = [&dir.host, &dir.guest].map(|path| quoted(path));
            let quotas =
                format!("file_bytes = {}, total_bytes = {}, files = {}", dir.file_bytes, dir.total_bytes, dir.files);
            let table = format!("{{ host = {host}, guest = {guest}, access = \"{access}\", {quotas} }}");
            (format!("[{index}]"), table)
        });
        all.extend(pieces(
            "wasi.dirs",
            "[]",
            dirs,
            "the functions of files: a path is gone along step by step below it",
        ));
        all
    }
}

impl Http {
    /// The keys that are no numbers.
    fn settings(&self) -> Vec<Setting> {
        let rules = self.allow.iter().enumerate().map(|(index, rule)| (format!("[{index}]"), rule_table(rule)));
        let mut all = pieces("http.allow", "[]", rules, "http.send, before it asks, and for each redirect");
        all.push(setting(
            "http.private_addresses",
            self.private_addresses.to_string(),
            "false".into(),
            "http.send, for the addresses of a name: those that were looked at are connected to",
        ));
        all
    }
}

/// A rule as TOML has it.
pub(crate) fn rule_table(rule: &HttpRule) -> String {
    let methods = rule.methods.iter().map(|method| quoted(method)).collect::<Vec<_>>().join(", ");
    let (scheme, [host, path]) = (rule.scheme.name(), [&rule.host, &rule.path].map(|text| quoted(text)));
    let port = rule.port.map_or(String::new(), |port| format!(", port = {port}"));
    format!("{{ methods = [{methods}], scheme = \"{scheme}\", host = {host}{port}, path = {path} }}")
}

pub(crate) fn clock_name(clock: Clock) -> &'static str {
    match clock {
        Clock::None => "none",
        Clock::Fixed => "fixed",
        Clock::Virtual => "virtual",
        Clock::Host => "host",
    }
}

pub(crate) fn random_name(random: Random) -> &'static str {
    match random {
        Random::None => "none",
        Random::Seeded => "seeded",
        Random::Host => "host",
    }
}

pub(crate) fn access_name(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
    }
}

fn setting(key: &str, value: String, default: String, enforced: &'static str) -> Setting {
    Setting { key: key.into(), value: Some(value), default: Some(default), enforced }
}

fn word<T: Default>(key: &str, name: impl Fn(T) -> &'static str, value: T, enforced: &'static str) -> Setting {
    setting(key, quoted(name(value)), quoted(name(T::default())), enforced)
}

/// What is given piece by piece; where nothing is, the key alone says so.
fn pieces(
    key: &str,
    nothing: &str,
    pieces: impl Iterator<Item = (String, String)>,
    enforced: &'static str,
) -> Vec<Setting> {
    let piece = |(name, value)| Setting { key: format!("{key}{name}"), value: Some(value), default: None, enforced };
    let all: Vec<_> = pieces.map(piece).collect();
    if all.is_empty() { vec![setting(key, nothing.into(), nothing.into(), enforced)] } else { all }
}

/// A name as it stands in a path of TOML.
pub(crate) fn name_of(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) { name.into() } else { quoted(name) }
}

/// A text as TOML writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
