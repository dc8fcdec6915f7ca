//! The price of every operator.

use wasmparser::Operator;

use super::stack_effect::is_load;
use crate::engine::meter;

/// Returns the fuel of one execution of an operator, without the fuel of what it moves, grows or calls.
///
/// Control structure is free; entering a function, an iteration of a `loop` and an arm of an `if` cost
/// [`ENTRY`](crate::engine::cost::ENTRY).
#[inline(always)]
pub(crate) fn price(operator: &Operator<'_>) -> u64 {
    use Operator::{
        Block, Call, CallIndirect, Drop, Else, End, I8x16NarrowI16x8S, I8x16NarrowI16x8U, I8x16Popcnt, I8x16Shuffle,
        I8x16Swizzle, Loop, MemoryCopy, MemoryFill, MemoryGrow, MemoryInit, Nop, Return, ReturnCall,
        ReturnCallIndirect, TableCopy, TableFill, TableGrow, TableInit, Unreachable,
    };
    let price = match operator {
        Nop | Drop | Block { .. } | Loop { .. } | Else | End | Return | Unreachable => 0,
        MemoryGrow { .. } | TableGrow { .. } => meter::GROWTH,
        MemoryInit { .. } | MemoryCopy { .. } | MemoryFill { .. } => meter::BULK,
        TableInit { .. } | TableCopy { .. } | TableFill { .. } => meter::BULK,
        Call { .. } | ReturnCall { .. } => meter::CALL,
        CallIndirect { .. } | ReturnCallIndirect { .. } => meter::CALL_INDIRECT,
        I8x16NarrowI16x8S | I8x16NarrowI16x8U | I8x16Popcnt | I8x16Swizzle | I8x16Shuffle { .. } => meter::WIDE_SIMD,
        operator if is_load(operator) => meter::LOAD,
        _ => 1,
    };
    price.into()
}
