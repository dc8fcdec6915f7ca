//! Makes the bundle: `belljar-targets-bundle FILE`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use belljar::Config;
use belljar_targets::{Bundle, Case};
use wasmparser::{Validator, WasmFeatures};

#[path = "../../../it/operands/case.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod case;
mod fixtures;
#[path = "../../../it/random/smith.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod generate;
mod generated;
mod guests;
#[path = "../../../it/prices/list.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod list;
mod matrix;
#[path = "../../../it/operands/operator.rs"]
mod operator;
mod operators;
#[path = "../../../it/fixture/parse.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod parse;
mod prices;
mod receipts;
mod selftest;
mod stack;
mod transcripts;

/// Slices of the runs: the shortest, an odd one, a common one, and nearly the longest there is.
const SLICES: [u64; 4] = [1, 7, 1_000, 99_991];

fn main() {
    let path = env::args().nth(1).expect("the path of the file");
    let groups: [Vec<Case>; 10] = [
        fixtures::cases(),
        guests::cases(),
        receipts::cases(),
        transcripts::cases(),
        selftest::cases(),
        stack::cases(),
        prices::cases(),
        operators::cases(),
        matrix::cases(),
        generated::cases(),
    ];
    let mut cases = groups.concat();
    for case in &mut cases {
        case.vectors = has_vectors(&case.wasm);
        if case.vectors {
            case.group += "+v128";
        }
    }
    cases.sort_by_key(|case| case.vectors);
    let bundle = Bundle { cases };
    fs::write(&path, bundle.to_bytes()).unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// Whether a module would be valid with all proposals there are, and is not without vectors.
fn has_vectors(wasm: &[u8]) -> bool {
    let valid = |features| Validator::new_with_features(features).validate_all(wasm).is_ok();
    valid(WasmFeatures::all()) && !valid(WasmFeatures::all() - WasmFeatures::SIMD)
}

/// A folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// A configuration as the bundle has it.
fn json(config: &Config) -> String {
    serde_json::to_string(config).unwrap()
}
