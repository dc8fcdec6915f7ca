//! Generated modules, by fixed seeds.

use belljar::Config;
use belljar_targets::{Action, Case};

use crate::{generate::generate_with, json};

/// Of each kind.
const COUNT: u64 = 2_500;

pub fn cases() -> Vec<Case> {
    let config = json(&Config::default().with_fuel(30_000));
    let case = |vectors: bool, seed: u64| Case {
        group: "generated".into(),
        vectors: false,
        name: if vectors { format!("{seed} with vectors") } else { seed.to_string() },
        config: config.clone(),
        wasm: generate_with(seed, vectors),
        slices: vec![15 + seed % 50, 1_000],
        actions: vec![Action::Inspect, Action::CallAll],
    };
    [false, true].into_iter().flat_map(|vectors| (0..COUNT).map(move |seed| case(vectors, seed))).collect()
}
