//! A transcript of one machine - its clock, its random bytes and a directory - to be replayed on all.

use std::fs;

use belljar::{
    Config, Sandbox,
    record::{Receipt, Transcript},
};
use belljar_targets::{Action, Case};

use crate::{json, root};

pub fn cases() -> Vec<Case> {
    let read = |name: &str| fs::read_to_string(root().join("fixtures/transcripts").join(name)).unwrap();
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let wasm = sandbox.assemble(&read("effects.wat")).unwrap();
    let (receipt, transcript, input) = (read("effects.json"), read("effects.jsonl"), b"input".to_vec());
    // One that does not hold is not worth comparing.
    let made = Transcript::from_jsonl(&transcript).unwrap();
    Receipt::from_json(&receipt).unwrap().verify_with_transcript(&wasm, &input, &made).unwrap();
    vec![Case {
        group: "transcripts".into(),
        vectors: false,
        name: "effects".into(),
        config: json(sandbox.config()),
        wasm,
        slices: Vec::new(),
        actions: vec![Action::Replay { receipt, transcript, input }],
    }]
}
