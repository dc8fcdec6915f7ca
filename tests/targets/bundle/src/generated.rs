//! Generated modules, by fixed seeds.

use belljar::Config;
use belljar_targets::{Action, Case};

use crate::{generate::generate, json};

const COUNT: u64 = 4_000;

pub fn cases() -> Vec<Case> {
    let config = json(&Config::default().with_fuel(30_000));
    let case = |seed: u64| Case {
        group: "generated".into(),
        name: seed.to_string(),
        config: config.clone(),
        wasm: generate(seed),
        slices: vec![15 + seed % 50, 1_000],
        actions: vec![Action::Inspect, Action::CallAll],
    };
    (0..COUNT).map(case).collect()
}
