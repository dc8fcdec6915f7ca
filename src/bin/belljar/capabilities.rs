//! Options for the capabilities of a guest beyond input and output.

use std::path::Path;

use belljar::{
    Config, Error,
    config::{Clock, DirAccess, HostDir, HttpRule, LogLevel, Random},
};
use clap::Args;

use crate::{failure::Failure, limits::Typed, origin::Origins, show, source::Source, time, word::one_of};

/// Options that grant capabilities.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Capabilities")]
pub struct CapabilityArgs {
    /// Set an environment variable of a WASI program; its environment is otherwise empty
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// The name of a WASI program, its first argument [default: main.wasm]
    #[arg(long, value_name = "NAME")]
    pub program: Option<String>,
    /// Give a WASI program a copy of this file in memory, under an absolute path; `GUEST/` alone is an
    /// empty directory
    #[arg(long, value_name = "GUEST=FILE")]
    pub file: Vec<String>,
    /// Let a WASI program read this directory, under the same path or under GUEST; a relative path is
    /// below `/` there, so that `.` is `/`
    #[arg(long, value_name = "HOST[::GUEST]")]
    pub allow_read: Vec<String>,
    /// Let a WASI program read this directory and write to it
    #[arg(long, value_name = "HOST[::GUEST]")]
    pub allow_write: Vec<String>,
    /// Same as --allow-write
    #[arg(long, value_name = "HOST[::GUEST]")]
    pub dir: Vec<String>,
    /// Allow HTTP requests of the guest: methods, if not only GET, and a URL prefix, such as
    /// 'GET,POST https://*.example.org/v1/'; in builds with the feature `http`
    #[arg(long, value_name = "RULE")]
    pub allow_http: Vec<String>,
    /// Allow HTTP requests to addresses of this machine and to others that are not public
    #[arg(long)]
    pub allow_http_private: bool,
    /// The clocks of a WASI program: none, a fixed one, a virtual one that advances with fuel, or the host's
    /// [default: virtual]
    #[arg(long, value_name = "KIND", value_parser = one_of::<Clock>(Clock::NAMES))]
    pub clock: Option<Clock>,
    /// Same as --clock host
    #[arg(long, conflicts_with = "clock")]
    pub allow_clock: bool,
    /// The start of a fixed or virtual clock: 2030-01-31T12:00:00Z, or ns since 1970
    /// [default: 2000-01-01T00:00:00Z]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    pub clock_start: Option<String>,
    /// The random bytes of a WASI program: none, seeded ones, or the host's [default: seeded]
    #[arg(long, value_name = "KIND", value_parser = one_of::<Random>(Random::NAMES))]
    pub random: Option<Random>,
    /// The seed of seeded random bytes [default: 0]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub random_seed: Option<String>,
    /// The least severe level that the log records [default: trace]
    #[arg(long, value_name = "LEVEL", value_parser = one_of::<LogLevel>(LogLevel::NAMES))]
    pub log_level: Option<LogLevel>,
    /// Same as --log-level trace
    #[arg(long, conflicts_with = "log_level")]
    pub allow_logging: bool,
}

impl CapabilityArgs {
    /// Returns the options for number keys.
    pub fn typed(&self) -> Result<Vec<Typed>, Failure> {
        let typed = |option: &str, key: &str, value: String| Typed { option: option.into(), key: key.into(), value };
        let mut all = Vec::new();
        if let Some(text) = &self.clock_start {
            let ns = time::nanoseconds(text).ok_or_else(|| {
                let message = format!("--clock-start: `{}` is not a time", show::name(text));
                let valid = "valid are 2030-01-31T12:00:00Z, with digits after the seconds if needed, or ns since 1970";
                Failure::usage(message).with_hint(valid)
            })?;
            all.push(typed("--clock-start", "wasi.clock_start_ns", ns.to_string()));
        }
        all.extend(self.random_seed.iter().map(|seed| typed("--random-seed", "wasi.random_seed", seed.clone())));
        Ok(all)
    }

    /// Returns the first option that is for WASI programs only.
    pub fn wasi_only(&self) -> Option<&'static str> {
        let given = [
            ("--env", !self.env.is_empty()),
            ("--program", self.program.is_some()),
            ("--file", !self.file.is_empty()),
            ("--allow-read", !self.allow_read.is_empty()),
            ("--allow-write", !self.allow_write.is_empty()),
            ("--dir", !self.dir.is_empty()),
            ("--clock", self.clock.is_some()),
            ("--allow-clock", self.allow_clock),
            ("--clock-start", self.clock_start.is_some()),
            ("--random", self.random.is_some()),
            ("--random-seed", self.random_seed.is_some()),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    /// Sets the keys that are not numbers.
    pub fn apply(&self, config: &mut Config, origins: &mut Origins) -> Result<(), Failure> {
        for text in &self.env {
            let Some((name, value)) = text.split_once('=') else {
                let message = format!("--env: `{}` is not NAME=VALUE", show::name(text));
                return Err(Failure::usage(message).with_hint("for example `--env LANG=C`"));
            };
            origins.entry("--env", config, |config| drop(config.wasi.env.insert(name.into(), value.into())));
        }
        if let Some(name) = &self.program {
            origins.set("--program", "wasi.program");
            config.wasi.program.clone_from(name);
        }
        for text in &self.file {
            let (path, bytes) = file("--file", text, config.limits.file_bytes)?;
            origins.entry("--file", config, |config| drop(config.wasi.files.insert(path, bytes.into())));
        }
        let read = self.allow_read.iter().map(|text| ("--allow-read", text, DirAccess::Read));
        let written = [("--allow-write", &self.allow_write), ("--dir", &self.dir)];
        let written =
            written.iter().flat_map(|(option, texts)| texts.iter().map(|text| (*option, text, DirAccess::Write)));
        for (option, text, access) in read.chain(written) {
            let dir = directory(option, text, access)?;
            origins.entry(option, config, |config| config.wasi.dirs.push(dir));
        }
        for text in &self.allow_http {
            let rule = rule(text)?;
            origins.entry("--allow-http", config, |config| config.http.allow.push(rule));
        }
        if self.allow_http_private {
            origins.set("--allow-http-private", "http.private_addresses");
            config.http.private_addresses = true;
        }
        let clock = self.clock.map(|clock| ("--clock", clock));
        if let Some((option, clock)) = clock.or(self.allow_clock.then_some(("--allow-clock", Clock::Host))) {
            origins.set(option, "wasi.clock");
            config.wasi.clock = clock;
        }
        if let Some(random) = self.random {
            origins.set("--random", "wasi.random");
            config.wasi.random = random;
        }
        let level = self.log_level.map(|level| ("--log-level", level));
        if let Some((option, level)) = level.or(self.allow_logging.then_some(("--allow-logging", LogLevel::Trace))) {
            origins.set(option, "log");
            config.log = level;
        }
        Ok(())
    }
}

/// Parses a rule: methods, and the beginning of a URL.
fn rule(text: &str) -> Result<HttpRule, Failure> {
    HttpRule::parse(text).map_err(|error| {
        let why = match &error {
            Error::Config(cause) => cause.problem.to_string(),
            other => other.to_string(),
        };
        Failure::usage(format!("--allow-http: `{}`: {why}", show::name(text)))
            .with_hint("for example `--allow-http 'GET,POST https://api.example.org/v1/'`")
    })
}

/// Parses a file and reads it: `GUEST=FILE`, or `GUEST/`.
pub fn file(option: &str, text: &str, limit: u64) -> Result<(String, Vec<u8>), Failure> {
    let hint = "for example `--file /in.txt=data/in.txt`, or `--file /tmp/` for an empty directory";
    let (path, host) = match text.split_once('=') {
        Some((path, host)) if !path.ends_with('/') => (path, Some(host)),
        None if text.ends_with('/') => (text, None),
        _ => ("", None),
    };
    if !path.starts_with('/') {
        let message = format!("{option}: `{}` is not GUEST=FILE with an absolute GUEST", show::name(text));
        return Err(Failure::usage(message).with_hint(hint));
    }
    let bytes = match host {
        Some(host) => Source::File(Path::new(host).into()).file(limit)?,
        None => Vec::new(),
    };
    Ok((path.into(), bytes))
}

/// Parses a directory: `HOST`, or `HOST::GUEST`.
fn directory(option: &str, text: &str, access: DirAccess) -> Result<HostDir, Failure> {
    let (host, guest) = match text.split_once("::") {
        Some((host, guest)) => (host, guest.to_owned()),
        None => (text, format!("/{}", text.trim_start_matches("./").trim_start_matches('/'))),
    };
    let guest = match guest.trim_end_matches('/') {
        "" | "/." | "." => "/".to_owned(),
        guest => guest.to_owned(),
    };
    if host.is_empty() || !guest.starts_with('/') || guest.split('/').any(|name| name == "..") {
        let message = format!("{option}: `{}` is not HOST or HOST::GUEST with an absolute GUEST", show::name(text));
        return Err(Failure::usage(message).with_hint("for example `--allow-read ../data::/data`"));
    }
    Ok(match access {
        DirAccess::Write => HostDir::write(host, guest),
        _ => HostDir::read(host, guest),
    })
}

/// Formats the capabilities of a configuration in one line.
pub fn granted(config: &Config) -> String {
    let wasi = &config.wasi;
    let names = |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    let dir = |dir: &HostDir| {
        let access = if dir.access == DirAccess::Write { " (write)" } else { "" };
        format!("{}{access}", show::name(&dir.guest))
    };
    [
        format!("log {}", config.log.name()),
        format!("clock {}", wasi.clock.name()),
        format!("random {}", wasi.random.name()),
        format!("variables {}", names(wasi.env.keys().map(|name| show::name(name)).collect())),
        format!("files {}", names(wasi.files.keys().map(|path| show::name(path)).collect())),
        format!("directories {}", names(wasi.dirs.iter().map(dir).collect())),
        format!("requests {}", names(config.http.allow.iter().map(|rule| show::name(&rule.to_string())).collect())),
    ]
    .join("; ")
}
