//! Our side: a sandbox with the highest limits, and the functions of the suite's host.

use belljar::{Builder, Config, Sandbox, config::OnGrowthLimit};

/// The name of the suite's host.
pub const HOST: &str = "spectest";

/// The names that the suite's host has beside functions, with their kinds: belljar cannot give them.
pub const HOST_STATE: [(&str, &str); 8] = [
    ("global_i32", "global"),
    ("global_i64", "global"),
    ("global_f32", "global"),
    ("global_f64", "global"),
    ("table", "table"),
    ("table64", "table"),
    ("memory", "memory"),
    ("shared_memory", "memory"),
];

/// The sandbox of modules that import nothing from each other.
pub struct Subject(pub Sandbox);

impl Subject {
    /// Makes the sandbox.
    pub fn new() -> Self {
        Subject(builder().build().expect("it is within the ranges"))
    }
}

/// Returns a builder with the highest limits, and the functions of the suite's host. What they print is dropped.
pub fn builder() -> Builder {
    Sandbox::builder()
        .config(config())
        .host_function(HOST, "print", || {})
        .host_function(HOST, "print_i32", |_: i32| {})
        .host_function(HOST, "print_i64", |_: i64| {})
        .host_function(HOST, "print_f32", |_: f32| {})
        .host_function(HOST, "print_f64", |_: f64| {})
        .host_function(HOST, "print_i32_f32", |_: i32, _: f32| {})
        .host_function(HOST, "print_f64_f64", |_: f64, _: f64| {})
}

/// All limits as high as they go, so that they refuse as little as they can of what is valid.
fn config() -> Config {
    let mut config = Config::default().with_on_growth_limit(OnGrowthLimit::Refuse);
    for key in Config::keys().filter(|key| key.path.starts_with("limits.") || key.path.starts_with("module.")) {
        config.set(key.path, key.max).expect("it is a key of numbers");
    }
    config
}
