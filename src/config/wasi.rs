//! Environment of a WASI program.

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use serde::Serialize;

use super::{
    Config, NumberKey,
    dirs::{self, HostDir},
    grammar::{Kind, ScalarKind},
    key::{ConfigKey, ListKey, PolicyKey, ScalarKey, list, named, number, setters, word},
    quote::quoted,
    word::words,
};
use crate::{
    data::files::{self, FileBytes},
    error::{ConfigError, ConfigProblem, Unit, ValueProblem},
};

/// Most bytes of arguments, or of variables.
const MAX_STRINGS_BYTES: usize = 1 << 20;

/// Environment of a WASI program: all of it is virtual, and the same in every run.
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
    /// Name of the program, its first argument. Default: `main.wasm`.
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
    /// Files by absolute path. A path that ends in `/` is an empty directory; the directories above a path exist
    /// too. In TOML a file is a text, or `{ hex = "…" }`. Without any, the program has no directory to make files
    /// in; `/` alone gives it an empty one. Default: none.
    pub files: BTreeMap<String, FileBytes>,
    /// Preopened directories of the host, in this order, after the root of `files`. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dirs: Vec<HostDir>,
}

words! {
    /// Clocks of a WASI program.
    #[derive(Default)]
    pub enum Clock {
        /// No clocks: the functions return `notcapable`.
        None = "none",
        /// Clocks that stand still: the realtime clock at its start, the others at 0.
        Fixed = "fixed",
        /// Clocks that advance by 1 ns with each unit of fuel, and by the time slept.
        #[default]
        Virtual = "virtual",
        /// The clocks of the host, which also advance by the time slept; the CPU time advances with fuel. This is
        /// an effect: two runs are not the same.
        Host = "host",
    }
}

words! {
    /// Source of random bytes of a WASI program.
    #[derive(Default)]
    pub enum Random {
        /// No source: the function returns `notcapable`.
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

    /// Returns whether all of it is at its default.
    pub(super) fn is_default(&self) -> bool {
        *self == Wasi::new()
    }

    /// Returns whether it is at its default or grants less: without WASI there is no clock either.
    fn grants_nothing(&self) -> bool {
        let clock = if self.clock == Clock::None { Clock::Virtual } else { self.clock };
        let random = if self.random == Random::None { Random::Seeded } else { self.random };
        Wasi { clock, random, ..self.clone() }.is_default()
    }

    /// Iterates over the name of the program and its arguments.
    pub(crate) fn argv(&self) -> impl Iterator<Item = &str> {
        let name = if self.program.is_empty() { "main.wasm" } else { &self.program };
        core::iter::once(name).chain(self.args.iter().map(String::as_str))
    }

    /// Checks the keys that are not numbers.
    pub(super) fn check(&self, config: &Config) -> Result<(), ConfigError> {
        if !cfg!(feature = "wasi") && !self.grants_nothing() {
            return Err(error("wasi".into(), ConfigProblem::Unenforceable { feature: "wasi" }));
        }
        let unfit = |key: &str, why| Err(error(key.into(), ConfigProblem::Unfit { why }));
        let argv = || self.argv();
        let variables = || self.env.iter().flat_map(|(name, value)| [name, value]);
        if argv().any(|word| word.contains('\0')) {
            return unfit("wasi.args", ValueProblem::Zero);
        }
        if self.env.keys().any(|name| name.is_empty() || name.contains('=')) {
            return unfit("wasi.env", ValueProblem::VariableName);
        }
        if variables().any(|word| word.contains('\0')) {
            return unfit("wasi.env", ValueProblem::Zero);
        }
        if argv().map(|word| word.len() + 1).sum::<usize>() > MAX_STRINGS_BYTES {
            return unfit("wasi.args", ValueProblem::StringsTooLong);
        }
        if variables().map(|word| word.len() + 1).sum::<usize>() > MAX_STRINGS_BYTES {
            return unfit("wasi.env", ValueProblem::StringsTooLong);
        }
        check_files(&self.files)
            .map_err(|(path, why)| error(alloc::format!("wasi.files.{path}"), ConfigProblem::Unfit { why }))?;
        let (count, bytes) = files::count(&self.files);
        if count > config.limits.files {
            return unfit("wasi.files", ValueProblem::TooManyFiles);
        }
        if bytes > config.limits.file_bytes {
            return unfit("wasi.files", ValueProblem::FilesTooLarge);
        }
        dirs::check(&self.dirs, &self.files)
    }

    /// Checks that this build has the granted effects.
    pub(super) fn check_effects(&self) -> Result<(), ConfigError> {
        let unenforceable = |key: &str, feature| Err(error(key.into(), ConfigProblem::Unenforceable { feature }));
        let has_clock = cfg!(all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))));
        if self.clock == Clock::Host && !has_clock {
            return unenforceable("wasi.clock", "std");
        }
        if self.random == Random::Host && !cfg!(feature = "host-random") {
            return unenforceable("wasi.random", "host-random");
        }
        dirs::check_effects(&self.dirs)
    }
}

/// Checks the input files of a run; fails with the first wrong path and the reason.
fn check_files(given: &BTreeMap<String, FileBytes>) -> Result<(), (String, ValueProblem)> {
    for (path, bytes) in given {
        let wrong = |why| Err((path.clone(), why));
        if !files::is_given_path(path) {
            return wrong(ValueProblem::FilePath);
        }
        if path.ends_with('/') && !bytes.is_empty() {
            return wrong(ValueProblem::DirectoryWithBytes);
        }
        let is_file = |path: &str| given.contains_key(path);
        if files::above(path).any(is_file) || (path.ends_with('/') && is_file(path.trim_end_matches('/'))) {
            return wrong(ValueProblem::FileAndDirectory);
        }
    }
    Ok(())
}

fn error(key: String, problem: ConfigProblem) -> ConfigError {
    ConfigError { key, at: None, problem }
}

impl Config {
    /// Sets the arguments of a WASI program, without its name.
    #[must_use]
    pub fn with_args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.wasi.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the name of a WASI program, its first argument.
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

    /// Gives a WASI program a file, or with a path that ends in `/` a directory.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, bytes: impl Into<FileBytes>) -> Self {
        self.wasi.files.insert(path.into(), bytes.into());
        self
    }

    /// Gives a WASI program a directory of the host.
    #[must_use]
    pub fn with_dir(mut self, dir: HostDir) -> Self {
        self.wasi.dirs.push(dir);
        self
    }
}

setters! {
    /// Sets the clocks of a WASI program.
    with_clock: Clock => wasi.clock;
    /// Sets where the realtime clock starts, in ns since 1970.
    with_clock_start_ns: u64 => wasi.clock_start_ns;
    /// Sets the source of random bytes of a WASI program.
    with_random: Random => wasi.random;
    /// Sets the seed of the random bytes.
    with_random_seed: u64 => wasi.random_seed;
}

/// The largest integer of TOML.
const MAX: u64 = i64::MAX as u64;

/// The number keys.
pub(super) static NUMBERS: [ConfigKey; 2] = [
    ConfigKey::Scalar(ScalarKey { policy: None, ..number!(CLOCK_START, wasi.clock_start_ns) }),
    ConfigKey::Scalar(ScalarKey { policy: None, ..number!(RANDOM_SEED, wasi.random_seed) }),
];

pub(super) const CLOCK_START: NumberKey = NumberKey {
    path: "wasi.clock_start_ns",
    unit: Unit::NanosecondsSince1970,
    min: 0,
    max: MAX,
    plugin: 946_684_800_000_000_000,
    large: 946_684_800_000_000_000,
    enforced: "clock_time_get and the times of files; 2000-01-01T00:00:00Z unless set",
};

pub(super) const RANDOM_SEED: NumberKey = NumberKey {
    path: "wasi.random_seed",
    unit: Unit::Seed,
    min: 0,
    max: MAX,
    plugin: 0,
    large: 0,
    enforced: "random_get",
};

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
        replaces: true,
        merge: |config, other| config.wasi.args.clone_from(&other.wasi.args),
        ..list!(
            "wasi.args",
            wasi.args,
            Kind::Texts,
            "[]",
            |config| {
                let args: Vec<_> = config.wasi.args.iter().map(|arg| quoted(arg)).collect();
                vec![(String::new(), format!("[{}]", args.join(", ")))]
            },
            "args_get and args_sizes_get"
        )
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
        requested: Some(Kind::Texts),
        ..list!(
            "wasi.env",
            wasi.env,
            Kind::TextByName,
            "{}",
            |config| named(&config.wasi.env, |value| quoted(value)),
            "environ_get and environ_sizes_get: no others are there"
        )
    }),
    ConfigKey::List(list!(
        "wasi.files",
        wasi.files,
        Kind::FileByPath,
        "{}",
        |config| named(&config.wasi.files, |bytes| format!("{} bytes", bytes.len())),
        "the functions of files: copies in memory, for each run"
    )),
    ConfigKey::List(dirs::KEY),
];
