//! Programs of WASI that others wrote, as `tests/programs` has them.

use std::{collections::BTreeMap, fs, path::Path};

use belljar::Config;
use serde::Deserialize;

use crate::{
    host::with_clock,
    prices::Prices,
    subject::{Run, Subject},
    tally::Tally,
    work,
};

/// A program and what it is asked; what it has to answer is another test's.
#[derive(Debug, Deserialize)]
struct Program {
    /// The client of a registry and the name of the package there.
    package: String,
    module: String,
    /// The export to call; a reactor has no other entry.
    function: Option<String>,
    #[serde(default)]
    input: String,
    /// Files of the package, by the paths that the program finds them by.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    config: toml::Table,
}

/// Compares the programs of these names, which take no files of others; `None` if one of them is not there. Packages
/// lie unpacked in the folder.
pub fn programs(folder: &Path, names: &[&str], prices: &Prices) -> Option<Tally> {
    let mut tally = Tally::default();
    for name in names {
        let subject = subject(folder, name)?;
        let start = std::time::Instant::now();
        let one = work::one(subject, prices);
        one.differing.iter().for_each(|(name, why)| eprintln!("{name}: {why}"));
        println!("{name}: {one} ({} s)", start.elapsed().as_secs());
        tally.add(one);
    }
    Some(tally)
}

fn subject(folder: &Path, name: &str) -> Option<Subject> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [package.join("programs"), package.join("../programs")].map(|base| base.join(format!("{name}.toml")));
    let text = files.iter().find_map(|file| fs::read_to_string(file).ok())?;
    let program: Program = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let package = folder.join(program.package.split_once(' ')?.1.replace('/', "+"));
    let read = |path: &str| fs::read(package.join(path)).unwrap_or_else(|error| panic!("{name}: {path}: {error}"));

    let mut table = program.config;
    table.entry("profile").or_insert("large".into());
    // Files get their times from a clock that goes by fuel, of which a module that counts uses more, unless it stands.
    let wasi = table.entry("wasi").or_insert(toml::Table::new().into());
    wasi.as_table_mut()?.insert("clock".into(), "fixed".into());
    let mut config = Config::from_toml(&table.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (path, from) in &program.files {
        config = config.with_file(path, read(from));
    }
    let run = Run { call: program.function.map(|name| (name, Vec::new())), input: program.input.into_bytes() };
    Some(Subject { name: (*name).into(), wasm: with_clock(&read(&program.module)), config, runs: vec![run] })
}
