//! A module to run, with the ways in which it is entered, and its limits.

use belljar::{Config, Profile, Value};

/// A module with its runs, each in an instance of its own.
#[derive(Debug, Clone)]
pub struct Subject {
    pub name: String,
    pub wasm: Vec<u8>,
    pub config: Config,
    pub runs: Vec<Run>,
}

/// A way to enter a module.
#[derive(Debug, Clone)]
pub struct Run {
    /// An export and its arguments; a run of the entry if there is none.
    pub call: Option<(String, Vec<Value>)>,
    pub input: Vec<u8>,
}

impl Run {
    /// Returns a run of the entry.
    pub fn entry(input: impl Into<Vec<u8>>) -> Run {
        Run { call: None, input: input.into() }
    }

    /// Returns a call of an export.
    pub fn call(name: &str, arguments: Vec<Value>) -> Run {
        Run { call: Some((name.into(), arguments)), input: Vec::new() }
    }
}

/// Returns the limits that programs are run under: clocks stand, since a module that counts uses other fuel.
pub fn limits() -> Config {
    Config::from_toml("profile = \"large\"\n[wasi]\nclock = \"fixed\"").expect("these keys are there")
}

/// Returns the limits for the module that counts, which is several times as long and runs several times as much.
pub fn wider(config: &Config) -> Config {
    const MUCH: u64 = 1_000_000_000;
    let large = Config::profile(Profile::Large);
    let mut wide = config.clone();
    let fuel = (config.limits.fuel * 50).min(MUCH * 1_000_000);
    wide.limits.fuel = fuel;
    wide.limits.call_depth = (config.limits.call_depth + 1_000).min(large.limits.call_depth * 10);
    wide.with_host_calls(MUCH * 1_000)
        .with_module_load_work(MUCH)
        .with_module_form_work(MUCH)
        .with_module_size_bytes(256 << 20)
        .with_module_body_bytes(7_000_000)
}
