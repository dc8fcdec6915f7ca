//! What the engine charges for operators.

use wasmi::OperatorCost;

use crate::meter;

/// The engine's prices, except for operators that take several times as long as the others.
pub(super) fn prices() -> OperatorCost {
    OperatorCost {
        i32_load: meter::LOAD,
        i64_load: meter::LOAD,
        f32_load: meter::LOAD,
        f64_load: meter::LOAD,
        i32_load8_s: meter::LOAD,
        i32_load8_u: meter::LOAD,
        i32_load16_s: meter::LOAD,
        i32_load16_u: meter::LOAD,
        i64_load8_s: meter::LOAD,
        i64_load8_u: meter::LOAD,
        i64_load16_s: meter::LOAD,
        i64_load16_u: meter::LOAD,
        i64_load32_s: meter::LOAD,
        i64_load32_u: meter::LOAD,
        v128_load: meter::LOAD,
        v128_load8x8_s: meter::LOAD,
        v128_load8x8_u: meter::LOAD,
        v128_load16x4_s: meter::LOAD,
        v128_load16x4_u: meter::LOAD,
        v128_load32x2_s: meter::LOAD,
        v128_load32x2_u: meter::LOAD,
        v128_load8_splat: meter::LOAD,
        v128_load16_splat: meter::LOAD,
        v128_load32_splat: meter::LOAD,
        v128_load64_splat: meter::LOAD,
        v128_load32_zero: meter::LOAD,
        v128_load64_zero: meter::LOAD,
        v128_load8_lane: meter::LOAD,
        v128_load16_lane: meter::LOAD,
        v128_load32_lane: meter::LOAD,
        v128_load64_lane: meter::LOAD,
        memory_init: meter::BULK,
        memory_copy: meter::BULK,
        memory_fill: meter::BULK,
        table_init: meter::BULK,
        table_copy: meter::BULK,
        table_fill: meter::BULK,
        memory_grow: meter::GROWTH,
        table_grow: meter::GROWTH,
        call: meter::CALL,
        return_call: meter::CALL,
        call_indirect: meter::CALL_INDIRECT,
        return_call_indirect: meter::CALL_INDIRECT,
        i8x16_narrow_i16x8_s: meter::WIDE_SIMD,
        i8x16_narrow_i16x8_u: meter::WIDE_SIMD,
        i8x16_popcnt: meter::WIDE_SIMD,
        i8x16_swizzle: meter::WIDE_SIMD,
        i8x16_shuffle: meter::WIDE_SIMD,
        ..OperatorCost::default()
    }
}
