//! Configuration of a sandbox: every key with its default, its range and how it is enforced.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use self::{
    http::Http,
    keys::{ConfigKey, ScalarKey, number},
    lines::SourceLines,
    log::LogLevel,
    preset::Preset,
    wasi::Wasi,
    word::words,
};
use crate::error::{ConfigError, ConfigProblem};

pub(crate) mod bound;
pub(crate) mod dirs;
pub(crate) mod draft;
mod faults;
pub(crate) mod http;
pub(crate) mod keys;
pub(crate) mod lines;
pub(crate) mod log;
pub(crate) mod preset;
pub(crate) mod setting;
pub(crate) mod toml;
mod top_level;
pub(crate) mod wasi;
pub(crate) mod word;

pub use faults::Faults;

/// The longest TOML text that is read, in bytes.
pub const MAX_TEXT_BYTES: u64 = 256 << 10;

/// The configuration of a sandbox. Plain data: change a field, or use the `with_*` methods.
///
/// The default is [`Profile::Plugin`], the same in debug and release builds. Every limit has a
/// value; there is no "unlimited". [`Config::from_toml`] reads it from TOML; an error has line, column
/// and what is valid there:
///
/// ```
/// let config = belljar::Config::from_toml("[limits]\nfuel = 1_000_000\n")?;
/// assert_eq!(config.limits.fuel, 1_000_000);
///
/// let error = belljar::Config::from_toml("[limits]\nfule = 1\n").unwrap_err();
/// assert_eq!(error.hint().as_deref(), Some("did you mean `fuel`?"));
/// # Ok::<(), belljar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "draft::Draft")]
#[non_exhaustive]
pub struct Config {
    /// The profile that gave the defaults.
    pub profile: Profile,
    /// Most time that a run takes, in milliseconds of real time. Off by default: it is the one limit that is not
    /// deterministic. It acts between slices of at most 100,000 fuel and pieces of 256 KiB.
    pub deadline_ms: Option<u64>,
    /// Most memory of the modules that [`execute`](crate::execute) keeps loaded, in bytes; 0 keeps none.
    /// Default: 128 MiB. It changes no outcome. [`docs::limits`](crate::docs::limits) has the size of a module.
    #[serde(skip_serializing_if = "top_level::is_default_module_cache")]
    pub module_cache_bytes: u64,
    /// Effect of a `memory.grow` or `table.grow` beyond the limit.
    pub on_growth_limit: OnGrowthLimit,
    /// Limits of a run.
    pub limits: Limits,
    /// Limits of a module's size and structure, checked before the engine sees it.
    pub module: ModuleLimits,
    /// Faults to inject; none by default.
    pub faults: Faults,
    /// Least severe messages that the log keeps. Default: all.
    #[serde(skip_serializing_if = "LogLevel::is_default")]
    pub log: LogLevel,
    /// Capabilities that host functions of the embedding program need
    /// ([`HostFunction::requires`](crate::HostFunction::requires)): a call of one that needs another stops the run with
    /// [`StopReason::Denied`](crate::StopReason::Denied). Default: none.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<String>,
    /// Environment of a WASI program.
    #[serde(skip_serializing_if = "Wasi::is_default")]
    pub wasi: Wasi,
    /// HTTP requests that a guest may make.
    #[serde(skip_serializing_if = "Http::is_default")]
    pub http: Http,
}

words! {
    /// Defaults that a configuration starts from.
    #[derive(Default)]
    pub enum Profile {
        /// Small untrusted modules: a host stays below half a second and 64 MiB for any of them.
        #[default]
        Plugin = "plugin",
        /// Whole programs, such as a language runtime of 30 MB.
        Large = "large",
    }
}

words! {
    /// Effect of growth beyond `memory_bytes` or `table_elements`.
    #[derive(Default)]
    pub enum OnGrowthLimit {
        /// The run stops with [`StopReason::Memory`](crate::StopReason::Memory) or
        /// [`StopReason::Table`](crate::StopReason::Table).
        #[default]
        Stop = "stop",
        /// The operator returns -1 to the guest, which goes on.
        Refuse = "refuse",
    }
}

/// A number key of a configuration, with its range, its defaults and how it is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Key {
    /// Path in TOML, such as `limits.fuel`.
    pub path: &'static str,
    /// Unit of the number.
    pub unit: &'static str,
    /// The smallest valid value.
    pub min: u64,
    /// The largest valid value.
    pub max: u64,
    /// Default of [`Profile::Plugin`].
    pub plugin: u64,
    /// Default of [`Profile::Large`].
    pub large: u64,
    /// How it is enforced.
    pub enforced: &'static str,
}

macro_rules! settings {
    (
        $(#[$struct_doc:meta])*
        $struct:ident at $field:ident, keys $keys:ident {
            $(
                $(#[doc = $doc:literal])*
                $name:ident, $with:ident: $plugin:expr, $large:expr, $min:literal ..= $max:expr, $unit:literal, $enforced:literal;
            )*
        }
    ) => {
        $(#[$struct_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct $struct {
            $(
                $(#[doc = $doc])*
                #[doc = ""]
                #[doc = concat!("Unit: ", $unit, ". Range: `", stringify!($min), "` to `", stringify!($max),
                    "`. Default: `", stringify!($plugin), "` (plugin), `", stringify!($large), "` (large).")]
                pub $name: u64,
            )*
        }

        impl $struct {
            pub(crate) const fn of(profile: Profile) -> Self {
                match profile {
                    Profile::Plugin => $struct { $($name: $plugin),* },
                    Profile::Large => $struct { $($name: $large),* },
                }
            }

        }

        impl Config {
            $(
                #[doc = concat!("Sets `", stringify!($field), ".", stringify!($name), "`, in ", $unit, ".")]
                #[must_use]
                pub fn $with(mut self, value: u64) -> Self {
                    self.$field.$name = value;
                    self
                }
            )*
        }

        static $keys: &[ConfigKey] = &[$(ConfigKey::Scalar(number!(Key {
            path: concat!(stringify!($field), ".", stringify!($name)),
            unit: $unit,
            min: $min,
            max: $max,
            plugin: $plugin,
            large: $large,
            enforced: $enforced,
        }, $field.$name))),*];
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

settings! {
    /// Limits of one run. Each has a unit in its name or in its documentation, and a separate stop reason.
    Limits at limits, keys RUN_KEYS {
        /// Fuel of the whole run: operators, bulk operations, host calls and bytes moved.
        fuel, with_fuel: 10_000_000, 1_000_000_000_000, 1 ..= 1_000_000_000_000_000,
            "fuel", "the meter: each basic block, bulk operation and host call is charged before it runs";
        /// Sum of all linear memories. The maximum fits a 32-bit host.
        memory_bytes, with_memory_bytes: 16 * MIB, 1024 * MIB, 0 ..= 1024 * MIB,
            "bytes", "the load scan for initial sizes; the engine's limiter for every growth";
        /// Sum of all tables.
        table_elements, with_table_elements: 100_000, 10_000_000, 0 ..= 10_000_000,
            "elements", "the load scan for initial sizes; the engine's limiter for every growth";
        /// Nested calls.
        call_depth, with_call_depth: 10_000, 100_000, 1 ..= 1_000_000,
            "calls", "the engine's call stack";
        /// Parameters, locals and operands of all nested calls.
        value_stack_bytes, with_value_stack_bytes: MIB, 64 * MIB, 4096 ..= 256 * MIB,
            "bytes", "the engine's value stack";
        /// Output.
        output_bytes, with_output_bytes: 4 * MIB, 1024 * MIB, 0 ..= 1024 * MIB,
            "bytes", "write_output, before it copies";
        /// Log text kept; later messages are dropped and counted.
        log_bytes, with_log_bytes: 256 * KIB, 16 * MIB, 0 ..= 256 * MIB,
            "bytes", "log and log_at, before they copy";
        /// Log messages kept; later ones are dropped and counted.
        log_lines, with_log_lines: 10_000, 1_000_000, 0 ..= 10_000_000,
            "messages", "log and log_at, before they copy";
        /// Calls from the guest into the host.
        host_calls, with_host_calls: 10_000_000, 1_000_000_000_000, 0 ..= 1_000_000_000_000_000,
            "calls", "every host function, before its body";
        /// Sum of all files of a WASI program, and of the targets of its links.
        file_bytes, with_file_bytes: 4 * MIB, 256 * MIB, 0 ..= 1024 * MIB,
            "bytes", "whatever makes a file larger, which is answered with `nospc`";
        /// Names of files, directories and links of a WASI program, and the root.
        files, with_file_names: 1_000, 100_000, 1 ..= 1_000_000,
            "names", "whatever makes a name, which is answered with `nospc`";
        /// Open descriptors of a WASI program, the standard streams included.
        open_files, with_open_files: 100, 1_000, 5 ..= 65_536,
            "descriptors", "path_open, which answers `mfile`";
    }
}

// The largest values are below the limits of the engine's validator (100 tables, a million types,
// functions and exports, 100,000 segments), so that the normal form can add to a module.
settings! {
    /// Limits of a module's size and structure, which bound the cost of loading it.
    ModuleLimits at module, keys MODULE_KEYS {
        /// The whole module.
        size_bytes, with_module_size_bytes: 4 * MIB, 64 * MIB, 8 ..= 256 * MIB,
            "bytes", "before anything is parsed";
        /// The text form, where it is used.
        text_bytes, with_module_text_bytes: 512 * KIB, 16 * MIB, 0 ..= 64 * MIB,
            "bytes of text", "before anything is parsed";
        /// Types.
        types, with_module_types: 2_000, 100_000, 0 ..= 900_000,
            "types", "the load scan";
        /// Parameters of a function type.
        params, with_module_params: 100, 1_000, 0 ..= 1_000,
            "parameters of a function", "the load scan";
        /// Results of a function or block type.
        results, with_module_results: 16, 100, 0 ..= 1_000,
            "results of a function", "the load scan";
        /// Imports.
        imports, with_module_imports: 1_000, 10_000, 0 ..= 100_000,
            "imports", "the load scan";
        /// Functions with a body.
        functions, with_module_functions: 20_000, 200_000, 0 ..= 900_000,
            "functions", "the load scan";
        /// Bytes of one function's body.
        body_bytes, with_module_body_bytes: MIB, 7_000_000, 0 ..= 7_000_000,
            "bytes of one function body", "the load scan";
        /// Declared locals of one function, without its parameters.
        locals, with_module_locals: 1_000, 30_000, 0 ..= 50_000,
            "locals of a function", "the load scan";
        /// Declared locals of all functions.
        locals_total, with_module_locals_total: 500_000, 20_000_000, 0 ..= 100_000_000,
            "locals of all functions", "the load scan";
        /// Nested blocks in a function.
        nesting, with_module_nesting: 500, 5_000, 0 ..= 50_000,
            "nested blocks", "the load scan";
        /// Work of loading: one unit for each operator (five for an `if`), and one for each value that the
        /// engine copies for it (values that a branch takes along, once for each target; arguments and
        /// results). A type, import, function, global, export or custom section is 10, and one for each
        /// value in its type; a segment is 20, an item of an element segment 2.
        load_work, with_module_load_work: 1_000_000, 100_000_000, 1 ..= 1_000_000_000,
            "units of load work", "the load scan";
        /// Work of bringing functions to the normal form: one unit for each addition or removal, one for each 16 operators of charges, and one for each 4 operators of a function whose
        /// operands have to leave the stack.
        form_work, with_module_form_work: 400_000, 50_000_000, 1 ..= 1_000_000_000,
            "units of work added to functions", "the load scan";
        /// Locals that are added to one function to bring it to the normal form.
        form_locals, with_module_form_locals: 1_000, 10_000, 0 ..= 10_000,
            "locals added to a function", "the load scan";
        /// Globals.
        globals, with_module_globals: 2_000, 100_000, 0 ..= 1_000_000,
            "globals", "the load scan";
        /// Memories, imported ones included.
        memories, with_module_memories: 4, 16, 0 ..= 100,
            "memories", "the load scan";
        /// Tables, imported ones included.
        tables, with_module_tables: 4, 99, 0 ..= 99,
            "tables", "the load scan";
        /// Element segments.
        element_segments, with_module_element_segments: 1_000, 100_000, 0 ..= 100_000,
            "element segments", "the load scan";
        /// Items of all element segments.
        element_items, with_module_element_items: 100_000, 1_000_000, 0 ..= 10_000_000,
            "items of element segments", "the load scan";
        /// Data segments.
        data_segments, with_module_data_segments: 20_000, 100_000, 0 ..= 100_000,
            "data segments", "the load scan";
        /// Exports.
        exports, with_module_exports: 2_000, 200_000, 0 ..= 900_000,
            "exports", "the load scan";
        /// One name of an import, an export or a custom section.
        name_bytes, with_module_name_bytes: 512, 8_192, 0 ..= 65_536,
            "bytes of one name", "the load scan";
        /// Operators of one constant expression.
        constant_operators, with_module_constant_operators: 64, 64, 1 ..= 256,
            "operators of a constant expression", "the load scan";
        /// Custom sections.
        custom_sections, with_module_custom_sections: 100, 1_000, 0 ..= 10_000,
            "custom sections", "the load scan";
    }
}

impl Default for Config {
    fn default() -> Self {
        Config::profile(Profile::default())
    }
}

impl Config {
    /// Returns the defaults of a profile.
    pub const fn profile(profile: Profile) -> Self {
        Config {
            profile,
            deadline_ms: None,
            module_cache_bytes: top_level::MODULE_CACHE_BYTES,
            on_growth_limit: OnGrowthLimit::Stop,
            limits: Limits::of(profile),
            module: ModuleLimits::of(profile),
            faults: Faults::NONE,
            log: LogLevel::Trace,
            grants: BTreeSet::new(),
            wasi: Wasi::new(),
            http: Http::new(),
        }
    }

    /// Reads a configuration from TOML text of at most 256 KiB.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) with the key, its line and column, and the names,
    /// type or range that are valid there.
    pub fn from_toml(text: &str) -> Result<Self, crate::Error> {
        Ok(toml::read(text, None, None)?.0)
    }

    /// Reads a configuration over the defaults of this profile instead of the one that the text names: for a
    /// program whose user chose a profile elsewhere.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Config::from_toml).
    pub fn from_toml_with_profile(text: &str, profile: Profile) -> Result<Self, crate::Error> {
        Ok(toml::read(text, Some(profile), None)?.0)
    }

    /// Reads a configuration with the line of each key. Profile and preset, if any, replace those that the text
    /// names.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Config::from_toml).
    pub fn from_toml_with_lines(
        text: &str,
        profile: Option<Profile>,
        preset: Option<Preset>,
    ) -> Result<(Self, SourceLines), crate::Error> {
        Ok(toml::read(text, profile, preset)?)
    }

    /// Sets a numeric key by its path, as [`keys`](Config::keys) lists them.
    ///
    /// ```
    /// let mut config = belljar::Config::default();
    /// config.set("limits.fuel", 1_000)?;
    /// assert_eq!(config.limits.fuel, 1_000);
    /// assert!(config.set("limits.fuel", 0).is_err());
    /// # Ok::<(), belljar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if there is no such key, or the value is outside its
    /// range; the configuration is then as it was.
    pub fn set(&mut self, path: &str, value: u64) -> Result<(), crate::Error> {
        let key = keys::scalars().find(|key| key.path == path).filter(|key| key.as_number().is_some());
        let Some(key) = key else {
            let all = || Config::keys().map(|key| key.path);
            let section = path.rfind('.').map_or("", |dot| &path[..=dot]);
            let mut valid: Vec<_> = all().filter(|key| key.starts_with(section)).collect();
            if valid.is_empty() {
                valid = all().collect();
            }
            let problem = ConfigProblem::UnknownKey { valid };
            return Err(ConfigError { key: path.into(), at: None, problem }.into());
        };
        key.check(value).map_err(|problem| ConfigError { key: path.into(), at: None, problem })?;
        (key.set)(self, value);
        Ok(())
    }

    /// Grants a capability that host functions of the embedding program need.
    #[must_use]
    pub fn with_grant(mut self, capability: impl Into<String>) -> Self {
        self.grants.insert(capability.into());
        self
    }

    /// Lists all number keys, in the order of the documentation.
    pub fn keys() -> impl Iterator<Item = Key> {
        keys::scalars().filter_map(ScalarKey::as_number).copied()
    }

    /// Lists every number key with its value in this configuration (`None`: off).
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (&'static Key, Option<u64>)> {
        keys::scalars().filter_map(|key| Some((key.as_number()?, (key.get)(self))))
    }

    /// Checks every value against its range, and that this build can enforce every limit.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.numbers().try_for_each(|(key, value)| match value {
            Some(value) => key.check(i128::from(value)).map_err(|problem| key.error(problem)),
            None => Ok(()),
        })?;
        if self.deadline_ms.is_some() && !cfg!(feature = "std") {
            return Err(top_level::DEADLINE.error(ConfigProblem::Unenforceable { feature: "std" }));
        }
        self.wasi.check(self)?;
        self.http.check()
    }

    /// Checks that this build has the granted effects of the host. A replay needs none of them.
    pub(crate) fn check_effects(&self) -> Result<(), ConfigError> {
        self.wasi.check_effects()?;
        self.http.check_effects()
    }
}

impl Key {
    pub(crate) fn check(&self, value: i128) -> Result<(), ConfigProblem> {
        if (i128::from(self.min)..=i128::from(self.max)).contains(&value) {
            return Ok(());
        }
        Err(ConfigProblem::OutOfRange { value, min: self.min, max: self.max, unit: self.unit })
    }

    /// Returns whether it is a limit of a run or of a module. The profile gives the defaults of these.
    pub fn is_limit(&self) -> bool {
        keys::is_limit(self.path)
    }

    fn error(&self, problem: ConfigProblem) -> ConfigError {
        ConfigError { key: String::from(self.path), at: None, problem }
    }
}
