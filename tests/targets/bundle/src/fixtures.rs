//! The fixtures, but for those of text that is none, of deadlines and of the host's clock: these need `std`, and not
//! every target has it.

use std::{fs, path::PathBuf};

use belljar::{Config, Sandbox};
use belljar_targets::{Action, Case};

use crate::{
    json,
    parse::{self, Fixture, Kind},
    root,
};

const FOLDERS: [&str; 7] = ["run", "limits", "abi", "invalid", "errors", "regression", "wasi"];

pub fn cases() -> Vec<Case> {
    FOLDERS.iter().flat_map(|folder| files(folder).into_iter().filter_map(|path| case(folder, path))).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("fixtures").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn case(folder: &str, path: PathBuf) -> Option<Case> {
    let name = path.file_name().unwrap().to_str().unwrap().to_string();
    let fixture = Fixture::read(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let sandbox = Sandbox::new(Config::from_toml(&fixture.config).unwrap()).unwrap();
    let (wasm, actions) = match fixture.kind {
        Kind::Toml if ["deadline", "development"].iter().any(|word| fixture.body.contains(word)) => return None,
        Kind::Toml => (Vec::new(), vec![Action::Configure { text: fixture.body }]),
        Kind::Hex => (parse::hex(&fixture.body).unwrap(), actions(fixture.actions)),
        Kind::Wat => (sandbox.assemble(&fixture.body).ok()?, actions(fixture.actions)),
    };
    let slices = (1..=16).chain([1_000, 99_991]).collect();
    Some(Case { group: folder.into(), vectors: false, name, config: json(sandbox.config()), wasm, slices, actions })
}

fn actions(actions: Vec<(String, parse::Action)>) -> Vec<Action> {
    let action = |action| match action {
        parse::Action::Run { input } => Action::Run { input },
        parse::Action::Call { name, arguments, input } => Action::Call { name, arguments, input },
        parse::Action::Inspect => Action::Inspect,
    };
    actions.into_iter().map(|(_, it)| action(it)).collect()
}
