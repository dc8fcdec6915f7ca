//! Every operator, its operands from everywhere and its result going everywhere: those of vectors are a
//! group of their own.

use belljar::Config;
use belljar_targets::{Action, Case};

use crate::{
    case::{self, PLAIN, SHAPED, Then, Way},
    json,
    operator::operators,
};

/// Zeros, small numbers, the numbers at the ends of ranges, and NaNs that no operator makes.
const VALUES: [[u128; 3]; 4] = [
    [8, 0x0807_0605_0403_0201_1122_3344_5566_7788, 3],
    [0, 0, 0],
    [u128::MAX, 1, u128::MAX],
    [0x8000_0000_0000_0000_ffff_fffe_8000_0000, 0x7ff8_0000_0000_0001_7fc0_0000_7fa0_0001, 2],
];

pub fn cases() -> Vec<Case> {
    let config = json(&Config::default().with_fuel(100_000));
    let operators = operators();
    let (vectors, others): (Vec<_>, Vec<_>) = operators.iter().partition(|operator| operator.code[0] == 0xfd);
    let mut cases = Vec::new();
    for (group, operators) in [("operators", others), ("vectors", vectors)] {
        for (at, operator) in operators.into_iter().enumerate() {
            for (i, values) in VALUES.into_iter().enumerate() {
                // Out of step, so that all ways are met with each kind of operator.
                let n = VALUES.len() * at + i;
                let way = |n: usize| Way::ALL[n % Way::ALL.len()];
                let case = case::Case {
                    operator,
                    memory: (n % 2) as u32,
                    offset: [0, 65_528][i % 2],
                    immediates: [n as u8; 16],
                    ways: [way(n), way(n / 10 + i), way(n / 3)],
                    values,
                    then: Then::ALL[n % Then::ALL.len()],
                };
                let call = |name: &str| Action::Call { name: name.into(), arguments: Vec::new(), input: Vec::new() };
                cases.push(Case {
                    group: group.into(),
                    vectors: false,
                    name: format!("{:02x?} {i} {:?}", operator.code, operator.params),
                    config: config.clone(),
                    wasm: case.module(),
                    slices: vec![7],
                    actions: vec![call(SHAPED), call(PLAIN)],
                });
            }
        }
    }
    cases
}
