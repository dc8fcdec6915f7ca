//! The hostile inputs that are modules, but for the huge ones and those that a clock decides.

use belljar::hostile::{Attack, attacks};
use belljar_targets::{Action, Case};

use crate::json;

const FUEL: u64 = 100_000;
const BYTES: usize = 64 << 10;

pub fn cases() -> Vec<Case> {
    attacks().filter(|attack| !["deadline_ms", "host_panic"].contains(&attack.against)).flat_map(of).collect()
}

fn of(attack: Attack) -> Vec<Case> {
    let input = attack.build().with_fuel_at_most(FUEL);
    let config = json(input.config());
    let modules = input.modules().iter().enumerate().filter(|(_, wasm)| wasm.len() <= BYTES);
    let case = |(i, wasm): (usize, &Vec<u8>)| Case {
        group: "hostile".into(),
        vectors: false,
        name: format!("{} {i}", attack.name),
        config: config.clone(),
        wasm: wasm.clone(),
        slices: vec![1_000],
        actions: vec![Action::Run { input: input.input().to_vec() }],
    };
    modules.take(20).map(case).collect()
}
