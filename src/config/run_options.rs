//! What differs from run to run.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use super::{
    Config, Limits, NumberKey, Wasi,
    top_level::DEADLINE,
    wasi::{CLOCK_START, RANDOM_SEED},
};
use crate::{
    data::files::FileBytes,
    error::{ConfigError, ConfigProblem, Error},
};

/// Options of one run: each that is set takes the place of the value in the configuration of the sandbox. All others
/// are as they are there.
///
/// [`Sandbox::run_with`](crate::Sandbox::run_with) takes them, and
/// [`Sandbox::with_options`](crate::Sandbox::with_options) for all other ways to start a run. The module is not loaded
/// again.
///
/// ```
/// use belljar::{Config, LimitExceeded, RunOptions, Sandbox, StopReason};
///
/// let sandbox = Sandbox::new(Config::default())?;
/// let module = sandbox.load_text("(module (func (export \"_start\") (loop (br 0))))")?;
/// let error = sandbox.run_with(&module, "", &RunOptions::new().with_fuel(1_000)).unwrap_err();
/// assert_eq!(error.stop_reason(), Some(&StopReason::Limit(LimitExceeded::Fuel { limit: 1_000 })));
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOptions {
    /// [`Limits::fuel`](field@crate::Limits::fuel).
    pub fuel: Option<u64>,
    /// [`Config::deadline_ms`].
    pub deadline_ms: Option<u64>,
    /// [`Limits::memory_bytes`](field@crate::Limits::memory_bytes).
    pub memory_bytes: Option<u64>,
    /// [`Limits::table_elements`](field@crate::Limits::table_elements).
    pub table_elements: Option<u64>,
    /// [`Limits::output_bytes`](field@crate::Limits::output_bytes).
    pub output_bytes: Option<u64>,
    /// [`Limits::log_bytes`](field@crate::Limits::log_bytes).
    pub log_bytes: Option<u64>,
    /// [`Limits::host_calls`](field@crate::Limits::host_calls).
    pub host_calls: Option<u64>,
    /// [`Wasi::args`](super::Wasi::args), all of them.
    pub args: Option<Vec<String>>,
    /// [`Wasi::env`](super::Wasi::env), all of it.
    pub env: Option<BTreeMap<String, String>>,
    /// [`Wasi::files`](super::Wasi::files), all of them.
    pub files: Option<BTreeMap<String, FileBytes>>,
    /// [`Wasi::random_seed`](super::Wasi::random_seed).
    pub random_seed: Option<u64>,
    /// [`Wasi::clock_start_ns`](super::Wasi::clock_start_ns).
    pub clock_start_ns: Option<u64>,
    /// [`Config::grants`], all of them. The sandbox has to have each.
    pub grants: Option<BTreeSet<String>>,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $with:ident: $field:ident;)*) => {
        impl RunOptions {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $with(mut self, value: u64) -> Self {
                    self.$field = Some(value);
                    self
                }
            )*

            /// Returns the limits of a run.
            pub(crate) fn limits(&self, limits: &Limits) -> Limits {
                Limits { $($field: self.$field.unwrap_or(limits.$field),)* ..limits.clone() }
            }

            /// Checks the limits and the deadline.
            pub(crate) fn check_limits(&self) -> Result<(), ConfigError> {
                $(check(&Limits::$field, self.$field)?;)*
                check(&DEADLINE, self.deadline_ms)?;
                match self.deadline_ms.is_some() && !cfg!(feature = "std") {
                    true => Err(DEADLINE.error(ConfigProblem::Unenforceable { feature: "std" })),
                    false => Ok(()),
                }
            }
        }
    };
}

limits! {
    /// Sets the fuel of the run.
    with_fuel: fuel;
    /// Sets the limit of all memories, in bytes.
    with_memory_bytes: memory_bytes;
    /// Sets the limit of all tables, in elements.
    with_table_elements: table_elements;
    /// Sets the limit of the output, in bytes.
    with_output_bytes: output_bytes;
    /// Sets the limit of the log, in bytes.
    with_log_bytes: log_bytes;
    /// Sets the limit of calls from the guest into the host.
    with_host_calls: host_calls;
}

/// Replaces a value by the one that is set.
fn set<T: Clone>(value: &mut T, option: &Option<T>) {
    if let Some(option) = option {
        value.clone_from(option);
    }
}

/// Checks a value that is set.
fn check(key: &NumberKey, value: Option<u64>) -> Result<(), ConfigError> {
    let Some(value) = value else { return Ok(()) };
    key.check(value.into()).map_err(|problem| key.error(problem))
}

impl RunOptions {
    /// Returns options that set nothing.
    pub const fn new() -> Self {
        RunOptions {
            fuel: None,
            deadline_ms: None,
            memory_bytes: None,
            table_elements: None,
            output_bytes: None,
            log_bytes: None,
            host_calls: None,
            args: None,
            env: None,
            files: None,
            random_seed: None,
            clock_start_ns: None,
            grants: None,
        }
    }

    /// Sets the deadline, in milliseconds of real time.
    #[must_use]
    pub fn with_deadline_ms(mut self, milliseconds: u64) -> Self {
        self.deadline_ms = Some(milliseconds);
        self
    }

    /// Sets the seed of the random bytes of a WASI program.
    #[must_use]
    pub fn with_random_seed(mut self, seed: u64) -> Self {
        self.random_seed = Some(seed);
        self
    }

    /// Sets where the realtime clock of a WASI program starts, in ns since 1970.
    #[must_use]
    pub fn with_clock_start_ns(mut self, nanoseconds: u64) -> Self {
        self.clock_start_ns = Some(nanoseconds);
        self
    }

    /// Sets the arguments of a WASI program, without its name.
    #[must_use]
    pub fn with_args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args = Some(args.into_iter().map(Into::into).collect());
        self
    }

    /// Sets a variable of a WASI program; those of the sandbox are left out.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.get_or_insert_default().insert(name.into(), value.into());
        self
    }

    /// Gives a WASI program a file; those of the sandbox are left out.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, bytes: impl Into<FileBytes>) -> Self {
        self.files.get_or_insert_default().insert(path.into(), bytes.into());
        self
    }

    /// Sets the capabilities that are granted, which the sandbox has to have.
    #[must_use]
    pub fn with_grants(mut self, capabilities: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.grants = Some(capabilities.into_iter().map(Into::into).collect());
        self
    }

    /// Returns a configuration with these options.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of its range, this build cannot enforce it, or a capability is not granted by
    /// the configuration.
    pub fn apply(&self, config: &Config) -> Result<Config, Error> {
        self.check_limits()?;
        check(&CLOCK_START, self.clock_start_ns)?;
        check(&RANDOM_SEED, self.random_seed)?;
        let mut config = config.clone();
        config.limits = self.limits(&config.limits);
        config.deadline_ms = self.deadline_ms.or(config.deadline_ms);
        if let Some(grants) = &self.grants {
            if let Some(name) = grants.difference(&config.grants).next() {
                let granted = config.grants.iter().cloned().collect();
                let problem = ConfigProblem::Ungranted { name: name.clone(), granted };
                return Err(ConfigError { key: "grants".into(), at: None, problem }.into());
            }
            config.grants.clone_from(grants);
        }
        if self.sets_environment() {
            let Wasi { args, env, files, random_seed, clock_start_ns, .. } = &mut config.wasi;
            set(args, &self.args);
            set(env, &self.env);
            set(files, &self.files);
            set(random_seed, &self.random_seed);
            set(clock_start_ns, &self.clock_start_ns);
            config.wasi.check(&config)?;
        }
        Ok(config)
    }

    /// Returns whether nothing but limits and the deadline is set.
    pub(crate) fn is_of_limits(&self) -> bool {
        self.grants.is_none() && !self.sets_environment()
    }

    /// Returns whether something of the environment of a WASI program is set.
    fn sets_environment(&self) -> bool {
        self.args.is_some()
            || self.env.is_some()
            || self.files.is_some()
            || self.random_seed.is_some()
            || self.clock_start_ns.is_some()
    }
}
