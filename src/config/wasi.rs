//! What a program of WASI sees of a system.

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use serde::Serialize;

use super::{
    Config, Key,
    dirs::{self, HostDir},
    keys::{ConfigKey, ListKey, PolicyKey, ScalarKey, number, word},
    setting::{name_of, quoted},
    toml::grammar::{Kind, ScalarKind},
    word::words,
};
use crate::{
    error::{ConfigError, ConfigProblem},
    files::{self, FileBytes},
};

/// The most bytes of arguments, or of variables.
const MAX_WORDS_BYTES: usize = 1 << 20;

/// What a program of WASI sees of a system: all of it is made up, and the same in every run.
///
/// ```
/// # if cfg!(not(feature = "wasi")) { return Ok(()) }
/// let config = belljar::Config::default()
///     .with_args(["--verbose", "in.txt"])
///     .with_env("LANG", "C")
///     .with_file("/in.txt", *b"text");
/// let same = belljar::Config::from_toml(r#"
///     [wasi]
///     args = ["--verbose", "in.txt"]
///     env = { LANG = "C" }
///     files = { "/in.txt" = "text" }
/// "#)?;
/// assert_eq!(config, same);
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Wasi {
    /// What the program is told is its name. Default: `main.wasm`.
    pub program: String,
    /// Its arguments, without its name. Default: none.
    pub args: Vec<String>,
    /// Its environment. Default: empty.
    pub env: BTreeMap<String, String>,
    /// Its clocks. Default: virtual.
    pub clock: Clock,
    /// Where its realtime clock starts, in ns since 1970. Default: 2000-01-01T00:00:00Z.
    pub clock_start_ns: u64,
    /// Its source of random bytes. Default: seeded.
    pub random: Random,
    /// The seed of its random bytes. Default: 0.
    pub random_seed: u64,
    /// The files it finds, by absolute path; a path that ends in `/` is an empty directory, and what is
    /// above a path is there too. In TOML a file is a text, or `{ hex = "…" }`. Without any, it has no
    /// directory to make files in; `/` alone gives it an empty one. Default: none.
    pub files: BTreeMap<String, FileBytes>,
    /// Directories of the host that it finds, in this order, behind the root of `files`. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dirs: Vec<HostDir>,
}

words! {
    /// Clocks of a WASI program.
    #[derive(Default)]
    pub enum Clock {
        /// No clocks: asking is answered with `notcapable`.
        None = "none",
        /// Clocks that stand: the realtime clock at its start, the others at 0.
        Fixed = "fixed",
        /// Clocks that go on by 1 ns with each unit of fuel, and by what is slept.
        #[default]
        Virtual = "virtual",
        /// The clocks of the host, which go on by what is slept, too; but for the CPU time, which goes on with
        /// fuel. This is an effect: two runs are not the same.
        Host = "host",
    }
}

words! {
    /// Source of random bytes of a WASI program.
    #[derive(Default)]
    pub enum Random {
        /// No source: asking is answered with `notcapable`.
        None = "none",
        /// The key stream of ChaCha20 with the seed as its key.
        #[default]
        Seeded = "seeded",
        /// The host's operating system. This is an effect: two runs are not the same.
        Host = "host",
    }
}

impl Wasi {
    pub(super) const fn new() -> Self {
        Wasi {
            program: String::new(),
            args: Vec::new(),
            env: BTreeMap::new(),
            clock: Clock::Virtual,
            clock_start_ns: CLOCK_START.plugin,
            random: Random::Seeded,
            random_seed: 0,
            files: BTreeMap::new(),
            dirs: Vec::new(),
        }
    }

    /// Whether all of it is as it is by default.
    pub(super) fn is_default(&self) -> bool {
        *self == Wasi::new()
    }

    /// Whether it is as it is by default, or less: where there is no WASI, there is no clock either.
    fn grants_nothing(&self) -> bool {
        let clock = if self.clock == Clock::None { Clock::Virtual } else { self.clock };
        let random = if self.random == Random::None { Random::Seeded } else { self.random };
        Wasi { clock, random, ..self.clone() }.is_default()
    }

    /// The name of the program, and its arguments.
    pub(crate) fn argv(&self) -> impl Iterator<Item = &str> {
        let name = if self.program.is_empty() { "main.wasm" } else { &self.program };
        core::iter::once(name).chain(self.args.iter().map(String::as_str))
    }

    /// Checks what is no number.
    pub(super) fn check(&self, config: &Config, played: bool) -> Result<(), ConfigError> {
        if !cfg!(feature = "wasi") && !self.grants_nothing() {
            return Err(error("wasi".into(), ConfigProblem::Unenforceable { feature: "wasi" }));
        }
        let unfit = |key: &str, why| Err(error(key.into(), ConfigProblem::Unfit { why }));
        let argv = || self.argv();
        let variables = || self.env.iter().flat_map(|(name, value)| [name, value]);
        if argv().any(|word| word.contains('\0')) {
            return unfit("wasi.args", "expected text without 0");
        }
        if self.env.keys().any(|name| name.is_empty() || name.contains('=')) {
            return unfit("wasi.env", "expected names that are not empty and have no `=`");
        }
        if variables().any(|word| word.contains('\0')) {
            return unfit("wasi.env", "expected text without 0");
        }
        if argv().map(|word| word.len() + 1).sum::<usize>() > MAX_WORDS_BYTES {
            return unfit("wasi.args", "expected at most 1 MiB");
        }
        if variables().map(|word| word.len() + 1).sum::<usize>() > MAX_WORDS_BYTES {
            return unfit("wasi.env", "expected at most 1 MiB");
        }
        files::check(&self.files)
            .map_err(|(path, why)| error(alloc::format!("wasi.files.{path}"), ConfigProblem::Unfit { why }))?;
        let (count, bytes) = files::count(&self.files);
        if count > config.limits.files {
            return unfit("wasi.files", "these are more than `limits.files` admits");
        }
        if bytes > config.limits.file_bytes {
            return unfit("wasi.files", "these are larger than `limits.file_bytes` admits");
        }
        if !played {
            self.check_effects()?;
        }
        dirs::check(self, played)
    }
}

impl Wasi {
    /// Checks that this build can ask the host for what is granted of it.
    fn check_effects(&self) -> Result<(), ConfigError> {
        let unenforceable = |key: &str, feature| Err(error(key.into(), ConfigProblem::Unenforceable { feature }));
        let has_clock = cfg!(all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))));
        if self.clock == Clock::Host && !has_clock {
            return unenforceable("wasi.clock", "std");
        }
        if self.random == Random::Host && !cfg!(feature = "host-random") {
            return unenforceable("wasi.random", "host-random");
        }
        Ok(())
    }
}

fn error(key: String, problem: ConfigProblem) -> ConfigError {
    ConfigError { key, at: None, problem }
}

impl Config {
    /// Sets the arguments of a program of WASI, without its name.
    #[must_use]
    pub fn with_args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.wasi.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the name that a program of WASI is told is its own.
    #[must_use]
    pub fn with_program(mut self, name: impl Into<String>) -> Self {
        self.wasi.program = name.into();
        self
    }

    /// Sets a variable of a program's environment.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wasi.env.insert(name.into(), value.into());
        self
    }

    /// Sets the clocks of a program of WASI.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.wasi.clock = clock;
        self
    }

    /// Sets where the realtime clock starts, in ns since 1970.
    #[must_use]
    pub fn with_clock_start_ns(mut self, ns: u64) -> Self {
        self.wasi.clock_start_ns = ns;
        self
    }

    /// Sets the source of random bytes of a program of WASI.
    #[must_use]
    pub fn with_random(mut self, random: Random) -> Self {
        self.wasi.random = random;
        self
    }

    /// Sets the seed of the random bytes.
    #[must_use]
    pub fn with_random_seed(mut self, seed: u64) -> Self {
        self.wasi.random_seed = seed;
        self
    }

    /// Gives a program of WASI a file, or with a path that ends in `/` a directory.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, bytes: impl Into<FileBytes>) -> Self {
        self.wasi.files.insert(path.into(), bytes.into());
        self
    }

    /// Gives a program of WASI a directory of the host.
    #[must_use]
    pub fn with_dir(mut self, dir: HostDir) -> Self {
        self.wasi.dirs.push(dir);
        self
    }
}

/// The largest integer of TOML.
const MAX: u64 = i64::MAX as u64;

/// The number keys.
pub(super) static NUMBERS: [ConfigKey; 2] = [
    ConfigKey::Scalar(ScalarKey { policy: None, ..number!(CLOCK_START, wasi.clock_start_ns) }),
    ConfigKey::Scalar(ScalarKey { policy: None, ..number!(RANDOM_SEED, wasi.random_seed) }),
];

const CLOCK_START: Key = Key {
    path: "wasi.clock_start_ns",
    unit: "ns since 1970",
    min: 0,
    max: MAX,
    plugin: 946_684_800_000_000_000,
    large: 946_684_800_000_000_000,
    enforced: "clock_time_get and the times of files; 2000-01-01T00:00:00Z unless set",
};

const RANDOM_SEED: Key =
    Key { path: "wasi.random_seed", unit: "seed", min: 0, max: MAX, plugin: 0, large: 0, enforced: "random_get" };

/// The other keys.
pub(super) static KEYS: [ConfigKey; 7] = [
    ConfigKey::List(ListKey {
        path: "wasi.program",
        enforced: "args_get and args_sizes_get",
        kind: Kind::Text,
        empty: "\"\"",
        replaces: true,
        effect: false,
        requested: None,
        bounded: false,
        entries: |config| vec![(String::new(), quoted(&config.wasi.program))],
        merge: |config, other| config.wasi.program.clone_from(&other.wasi.program),
    }),
    ConfigKey::List(ListKey {
        path: "wasi.args",
        enforced: "args_get and args_sizes_get",
        kind: Kind::Texts,
        empty: "[]",
        replaces: true,
        effect: false,
        requested: None,
        bounded: false,
        entries: |config| {
            let args: Vec<_> = config.wasi.args.iter().map(|arg| quoted(arg)).collect();
            vec![(String::new(), format!("[{}]", args.join(", ")))]
        },
        merge: |config, other| config.wasi.args.clone_from(&other.wasi.args),
    }),
    ConfigKey::Scalar(ScalarKey {
        presets: Some([Clock::None as u64, Clock::Host as u64]),
        effect: Some(Clock::Host as u64),
        policy: Some(PolicyKey::Clock),
        unrequested: Some(Clock::Virtual as u64),
        ..word!("wasi.clock", Clock, wasi.clock, "clock_time_get, clock_res_get, poll_oneoff, the times of files")
    }),
    ConfigKey::Scalar(ScalarKey {
        presets: Some([Random::None as u64, Random::Host as u64]),
        effect: Some(Random::Host as u64),
        policy: Some(PolicyKey::Random),
        unrequested: Some(Random::Seeded as u64),
        ..word!("wasi.random", Random, wasi.random, "random_get")
    }),
    ConfigKey::List(ListKey {
        path: "wasi.env",
        enforced: "environ_get and environ_sizes_get: no others are there",
        kind: Kind::TextByName,
        empty: "{}",
        replaces: false,
        effect: false,
        requested: Some(Kind::Texts),
        bounded: false,
        entries: |config| {
            let env = config.wasi.env.iter();
            env.map(|(name, value)| (format!(".{}", name_of(name)), quoted(value))).collect()
        },
        merge: |config, other| config.wasi.env.extend(other.wasi.env.clone()),
    }),
    ConfigKey::List(ListKey {
        path: "wasi.files",
        enforced: "the functions of files: copies in memory, for each run",
        kind: Kind::FileByPath,
        empty: "{}",
        replaces: false,
        effect: false,
        requested: None,
        bounded: false,
        entries: |config| {
            let files = config.wasi.files.iter();
            files.map(|(path, bytes)| (format!(".{}", name_of(path)), format!("{} bytes", bytes.len()))).collect()
        },
        merge: |config, other| config.wasi.files.extend(other.wasi.files.clone()),
    }),
    ConfigKey::List(dirs::KEY),
];
