//! Values to call functions with, and constants: more often than not such as stand at the end of a range.

use belljar::Value;
use wasm_encoder::ValType;

use crate::random::Random;

/// The ends of integers, of pages, and of floats: each in every lane of its size.
const ENDS: [u128; 22] = [
    0,
    1,
    u128::MAX,
    8,
    65_532,
    65_536,
    131_068,
    0x7fff_ffff_7fff_ffff_7fff_ffff_7fff_ffff,
    0x8000_0000_8000_0000_8000_0000_8000_0000,
    0x8000_0000_0000_0000_8000_0000_0000_0000,
    0x7fff_ffff_ffff_ffff_7fff_ffff_ffff_ffff,
    0x7fc0_0000_7fc0_0000_7fc0_0000_7fc0_0000,
    0x7f80_0000_ff80_0000_7f80_0000_ff80_0000,
    0x7ff0_0000_0000_0000_fff0_0000_0000_0000,
    0xffa0_0001_ffa0_0001_ffa0_0001_ffa0_0001,
    0x7ff4_0000_0000_0001_fff8_0000_0000_0000,
    0x3f80_0000_bf80_0000_3f00_0000_0000_0001,
    0x0000_0000_0000_0001_8000_0000_0000_0001,
    0x3fe0_0000_0000_0000_bff8_0000_0000_0000,
    0x41df_ffff_ffc0_0000_43e0_0000_0000_0000,
    0x4f00_0000_5f00_0000_cf00_0000_df00_0000,
    0x4b00_0001_cb00_0001_4330_0000_0000_0001,
];

/// Returns the bits of a value.
pub fn bits(random: &mut Random) -> u128 {
    match random.below(8) {
        0..6 => random.pick(&ENDS).rotate_left(32 * random.below(4) as u32),
        6 => random.below(256) as u128,
        _ => random.wide_bits(),
    }
}

/// Returns a value of a type, which is none of references.
pub fn value(random: &mut Random, ty: ValType) -> Value {
    let bits = if random.percent(30) { random.below(40) as u128 } else { bits(random) };
    match ty {
        ValType::I32 => Value::I32(bits as i32),
        ValType::I64 => Value::I64(bits as i64),
        ValType::F32 => Value::F32(f32::from_bits(bits as u32)),
        ValType::F64 => Value::F64(f64::from_bits(bits as u64)),
        _ => Value::V128(bits),
    }
}
