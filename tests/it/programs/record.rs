//! What a run came to, to the bit: `tests/programs/RESULTS.toml`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use belljar::{Config, Error, Outcome, record::Receipt};
use serde::{Deserialize, Serialize};

use super::program::Program;

/// What a run came to. The rest of it is in the receipt, of which this has the digest.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub module_bytes: u64,
    pub module_sha256: String,
    pub output_sha256: String,
    pub files_sha256: Option<String>,
    pub fuel: u64,
    pub memory_peak_bytes: u64,
    pub receipt_sha256: String,
}

impl Record {
    pub fn of(program: &Program, wasm: &[u8], config: &Config, result: &Result<Outcome, Error>) -> Record {
        let input = program.input.as_bytes();
        let receipt = match &program.function {
            Some(name) => Receipt::of_call(name, &[], wasm, input, config, result),
            None => Receipt::of_run(wasm, input, config, result),
        };
        let receipt = receipt.expect("a configuration that is in force");
        Record {
            receipt_sha256: receipt.digest().sha256,
            module_bytes: receipt.module.bytes,
            module_sha256: receipt.module.sha256,
            output_sha256: receipt.output.sha256,
            files_sha256: receipt.files.map(|files| files.sha256),
            fuel: receipt.usage.fuel,
            memory_peak_bytes: receipt.usage.memory_peak_bytes,
        }
    }
}

/// By the names of the programs.
pub fn records() -> BTreeMap<String, Record> {
    toml::from_str(&fs::read_to_string(path()).unwrap_or_default()).unwrap()
}

pub fn write_records(records: &BTreeMap<String, Record>) {
    let text = toml::to_string(records).unwrap();
    fs::write(path(), format!("# Made by `tests/programs/run.sh --bless`.\n\n{text}")).unwrap();
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/programs/RESULTS.toml")
}
