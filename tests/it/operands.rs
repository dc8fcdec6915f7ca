//! Operators with operands that come in every way: what an operator does must not depend on where
//! its operands come from, nor on where its result goes.

use belljar::{Config, Sandbox};
use wasm_encoder::ValType;

mod case;
mod check;
mod operator;

use case::{Case, Then, Way};
use check::check;
use operator::{Immediates, Operator, operators};

/// Unoptimized code takes twenty times as long: it sees a part of the same list.
const STEP: usize = if cfg!(debug_assertions) { 53 } else { 1 };

/// Zeros, small numbers, the numbers at the ends of ranges, and a NaN of each size.
const VALUES: [[u128; 3]; 4] = [
    [8, 0x0807_0605_0403_0201_1122_3344_5566_7788, 3],
    [0, 0, 0],
    [u128::MAX, 1, u128::MAX],
    [0x8000_0000_0000_0000_ffff_fffe_8000_0000, 0x7ff8_0000_0000_0001_7fc0_0000_7fc0_0001, 2],
];

fn sandbox() -> Sandbox {
    Sandbox::new(Config::default().with_fuel(100_000)).unwrap()
}

/// All ways of two operands; the third one goes through them too, out of step.
fn ways() -> impl Iterator<Item = [Way; 3]> {
    let count = Way::ALL.len();
    (0..count * count).map(move |i| [Way::ALL[i % count], Way::ALL[i / count], Way::ALL[(i + i / count) % count]])
}

/// Checks each of these; returns how many ended and how many trapped.
fn all<'a>(cases: impl Iterator<Item = Case<'a>>) -> (usize, usize) {
    let sandbox = sandbox();
    cases.step_by(STEP).fold((0, 0), |(ended, trapped), case| match check(&sandbox, &case) {
        Ok(_) => (ended + 1, trapped),
        Err(_) => (ended, trapped + 1),
    })
}

#[test]
fn all_operators_are_found() {
    let all = operators();
    let mut codes: Vec<_> = all.iter().map(|operator| &operator.code).collect();
    codes.dedup();
    let memory = |lane| all.iter().filter(|operator| operator.immediates == Immediates::Memory { lane }).count();
    // Of one byte: 23 loads and stores, 128 of numbers, `memory.grow`, `drop`, `select`, `call_indirect`
    // and 3 of references; with the prefix 0xfc: 8 conversions and 7 bulk operators; and vectors, all
    // but `v128.const`.
    assert_eq!(codes.len(), (23 + 128 + 4 + 3) + (8 + 7) + 235);
    assert_eq!((memory(false), memory(true)), (23 + 14, 8));
}

#[test]
fn every_load_and_store() {
    let operators = operators();
    let in_memory = |operator: &&Operator| matches!(operator.immediates, Immediates::Memory { .. });
    let places = [0, 65_535, 65_536, u32::MAX].into_iter().flat_map(|offset| [(0, offset), (1, offset)]);
    let places: Vec<_> = places.collect();
    let cases = operators.iter().filter(in_memory).flat_map(|operator| {
        let places = &places;
        ways().enumerate().flat_map(move |(i, ways)| {
            places.iter().map(move |(memory, offset)| Case {
                operator,
                memory: *memory,
                offset: *offset,
                immediates: [i as u8; 16],
                ways,
                values: VALUES[0],
                then: Then::ALL[i % Then::ALL.len()],
            })
        })
    });
    let (ended, trapped) = all(cases);
    assert!(ended > trapped && trapped > 0, "{ended} ended, {trapped} trapped");
}

#[test]
fn every_operator() {
    let operators = operators();
    let cases = operators.iter().flat_map(|operator| {
        // A condition is met in all ways; other results go one way for each way in which operands come.
        let ends = if operator.result == Some(ValType::I32) { Then::ALL.len() } else { 1 };
        ways().enumerate().flat_map(move |(i, ways)| {
            (0..ends).map(move |end| Case {
                operator,
                memory: 0,
                offset: 0,
                immediates: [i as u8; 16],
                ways,
                values: VALUES[(i + i / Way::ALL.len() + end) % VALUES.len()],
                then: Then::ALL[(i + end) % Then::ALL.len()],
            })
        })
    });
    let (ended, trapped) = all(cases);
    assert!(ended > trapped && trapped > 0, "{ended} ended, {trapped} trapped");
}
