//! A program, and what it is asked: the files of `tests/programs`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use belljar::Config;
use serde::Deserialize;

use super::expect::Expect;

/// A program, what it is asked, and what it has to answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// What it is.
    pub what: String,
    /// The client of the registry that has it, and the client's name for it: `pip NAME==VERSION` or `npm NAME@VERSION`.
    pub package: String,
    /// The module: a path in the package, or `PROGRAM:PATH` for a file that another program leaves.
    pub module: String,
    /// The export to call; a reactor has no other entry.
    pub function: Option<String>,
    #[serde(default)]
    pub input: String,
    /// Files beside those of `config.wasi.files`, by the path the program finds them by: a path in the package, or
    /// `PROGRAM:PATH`, or `PROGRAM:output`. A path that ends in `/` has all that a folder of the package has.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The configuration, for programs of that size from the profile `large`.
    #[serde(default)]
    config: toml::Table,
    pub expect: Expect,
}

/// All programs, by their names.
pub fn programs() -> BTreeMap<String, Program> {
    let mut programs = BTreeMap::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|e| e == "toml") && name != "RESULTS" {
            let program = toml::from_str(&fs::read_to_string(&path).unwrap());
            programs.insert(name, program.unwrap_or_else(|e| panic!("{}: {e}", path.display())));
        }
    }
    programs
}

impl Program {
    /// The programs that leave what this one takes.
    pub fn takes_from(&self) -> impl Iterator<Item = &str> {
        [&self.module].into_iter().chain(self.files.values()).filter_map(|path| Some(path.split_once(':')?.0))
    }

    pub fn config(&self) -> Config {
        let mut config = self.config.clone();
        config.entry("profile").or_insert("large".into());
        Config::from_toml(&config.to_string()).unwrap_or_else(|e| panic!("{}: {e}", self.what))
    }

    /// A file of the package.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let path = self.package().join(path);
        fs::read(&path).map_err(|e| format!("{}: {e}; run tests/programs/run.sh", path.display()))
    }

    /// All files below a folder of the package, by their paths from there.
    pub fn read_folder(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let base = self.package().join(path);
        let (mut found, mut folders) = (Vec::new(), vec![base.clone()]);
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let below = path.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
                    found.push((below, fs::read(&path).unwrap()));
                }
            }
        }
        Ok(found)
    }

    /// Where the package is unpacked.
    fn package(&self) -> PathBuf {
        let (_, package) = self.package.split_once(' ').expect("a client and a package");
        let all = env::var_os("BELLJAR_PROGRAMS").expect("tests/programs/run.sh says where they are");
        Path::new(&all).join(package.replace('/', "+"))
    }
}
