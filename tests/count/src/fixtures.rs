//! Modules as text, of the repository and of this package.

use std::{
    fs,
    path::{Path, PathBuf},
};

use belljar::{Config, Value, ValueType};

use crate::{
    host,
    subject::{Run, Subject, limits},
};

/// Fuel that no fixture needs, unless it has no end.
const FUEL: u64 = 20_000_000;

/// The arguments of calls: every parameter has the same.
const ARGUMENTS: [i32; 8] = [0, 1, 2, 3, 5, 20, 1_000, -1];

/// The inputs of entries.
const INPUTS: [&str; 2] = ["", "hello, 12 jars"];

/// Makes the subjects: each entry, and each export that takes numbers.
pub fn fixtures() -> Vec<Subject> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&package.join("../../fixtures"), &mut paths);
    walk(&package.join("fixtures"), &mut paths);
    paths.sort();
    paths.iter().filter_map(|path| subject(path)).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "wat") {
            found.push(path);
        }
    }
}

/// Makes the subject of a text; `None` if it is no module, or none that can be run.
fn subject(path: &Path) -> Option<Subject> {
    let wasm = wat::parse_file(path).ok()?;
    let config = config();
    let inspection = host::sandbox(&config).ok()?.inspect(&wasm).ok()?;
    let is_entry = |name| inspection.function(name).is_some();
    let mut runs = Vec::new();
    if is_entry("execute") || is_entry("_start") {
        runs.extend(INPUTS.map(Run::entry));
    }
    for export in &inspection.exports {
        let Some(function) = inspection.function(&export.name) else { continue };
        let argument = |number: i32| {
            let of = |ty: &ValueType| match ty {
                ValueType::I32 => Some(Value::I32(number)),
                ValueType::I64 => Some(Value::I64(number.into())),
                ValueType::F32 => Some(Value::F32(number as f32)),
                ValueType::F64 => Some(Value::F64(number.into())),
                ValueType::V128 => Some(Value::V128(number as u128)),
                _ => None,
            };
            function.params.iter().map(of).collect::<Option<Vec<_>>>()
        };
        let count = if function.params.is_empty() { 1 } else { ARGUMENTS.len() };
        let calls = ARGUMENTS[..count].iter().filter_map(|number| argument(*number));
        runs.extend(calls.map(|arguments| Run::call(&export.name, arguments)));
    }
    let name = path.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>();
    let name = format!("fixture {}/{}", name[1], name[0]);
    (!runs.is_empty()).then_some(Subject { name, wasm, config, runs })
}

fn config() -> Config {
    limits().with_fuel(FUEL).with_memory_bytes(64 << 20).with_file("/in", b"words in a file".to_vec())
}
