//! The results that an assertion expects.

use belljar::Value;
use wast::{
    WastRet,
    core::{NanPattern, V128Pattern, WastRetCore},
    token::{F32, F64},
};

/// Tells whether results are those that are expected. A reference never is.
pub fn matches(expected: &[WastRet<'_>], found: &[Value]) -> bool {
    expected.len() == found.len()
        && expected.iter().zip(found).all(|(expected, found)| match expected {
            WastRet::Core(expected) => is(expected, *found),
            _ => false,
        })
}

fn is(expected: &WastRetCore<'_>, found: Value) -> bool {
    match (expected, found) {
        (WastRetCore::I32(v), Value::I32(found)) => *v == found,
        (WastRetCore::I64(v), Value::I64(found)) => *v == found,
        (WastRetCore::F32(v), Value::F32(found)) => is_f32(v, found.to_bits()),
        (WastRetCore::F64(v), Value::F64(found)) => is_f64(v, found.to_bits()),
        (WastRetCore::V128(v), Value::V128(found)) => is_vector(v, found),
        (WastRetCore::Either(any), found) => any.iter().any(|one| is(one, found)),
        _ => false,
    }
}

fn is_f32(expected: &NanPattern<F32>, found: u32) -> bool {
    const NAN: u32 = 0x7fc0_0000;
    match expected {
        NanPattern::CanonicalNan => found & 0x7fff_ffff == NAN,
        NanPattern::ArithmeticNan => found & NAN == NAN,
        NanPattern::Value(v) => v.bits == found,
    }
}

fn is_f64(expected: &NanPattern<F64>, found: u64) -> bool {
    const NAN: u64 = 0x7ff8_0000_0000_0000;
    match expected {
        NanPattern::CanonicalNan => found & (u64::MAX >> 1) == NAN,
        NanPattern::ArithmeticNan => found & NAN == NAN,
        NanPattern::Value(v) => v.bits == found,
    }
}

fn is_vector(expected: &V128Pattern, found: u128) -> bool {
    match expected {
        V128Pattern::I8x16(lanes) => all(lanes, 8, found, |v, found| *v as u8 == found as u8),
        V128Pattern::I16x8(lanes) => all(lanes, 16, found, |v, found| *v as u16 == found as u16),
        V128Pattern::I32x4(lanes) => all(lanes, 32, found, |v, found| *v as u32 == found as u32),
        V128Pattern::I64x2(lanes) => all(lanes, 64, found, |v, found| *v as u64 == found),
        V128Pattern::F32x4(lanes) => all(lanes, 32, found, |v, found| is_f32(v, found as u32)),
        V128Pattern::F64x2(lanes) => all(lanes, 64, found, is_f64),
    }
}

/// Compares lanes of this number of bits, the lowest first.
fn all<T>(lanes: &[T], bits: usize, found: u128, is: impl Fn(&T, u64) -> bool) -> bool {
    lanes.iter().enumerate().all(|(at, lane)| is(lane, (found >> (at * bits)) as u64))
}
