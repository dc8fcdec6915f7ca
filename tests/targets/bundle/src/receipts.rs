//! The receipts, each with the guest and input it was made of, which are found by their digests.

use std::fs;

use belljar::{
    Config,
    record::{Digest, Receipt},
};
use belljar_targets::{Action, Case};

use crate::{guests, json, root};

/// The inputs of tests/it/receipt.rs.
const INPUTS: [&[u8]; 4] =
    [b"", b"hello, bell jar", br#"{"expr":"1 / 3 + 2 * (3 - 4)"}"#, b"# Title\n\n* one\n* two\n"];

pub fn cases() -> Vec<Case> {
    let mut files: Vec<_> =
        fs::read_dir(root().join("fixtures/receipts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let modules = modules();
    let case = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let receipt = Receipt::from_json(&text).unwrap();
        let wasm = modules.iter().find(|wasm| Digest::of(wasm) == receipt.module).unwrap().clone();
        let input = INPUTS.iter().find(|input| Digest::of(input) == receipt.input).unwrap().to_vec();
        // One that does not hold is not worth comparing.
        receipt.verify(&wasm, &input).unwrap();
        Case {
            group: "receipts".into(),
            vectors: false,
            name: path.file_name().unwrap().to_str().unwrap().into(),
            config: json(&Config::default()),
            wasm,
            slices: Vec::new(),
            actions: vec![Action::Verify { receipt: text, input }],
        }
    };
    files.iter().map(case).collect()
}

fn modules() -> Vec<Vec<u8>> {
    let files = fs::read_dir(root().join("fixtures/guests")).unwrap().map(|entry| entry.unwrap().path());
    let guests = files.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    guests.map(|path| guests::wasm(path.file_stem().unwrap().to_str().unwrap())).collect()
}
