//! What a call comes to, on either side.

use belljar::{Trap, Value};

/// How many pages all memories may have together, on both sides.
pub const MEMORY_BYTES: u64 = 16 << 16;

/// How many slots all tables may have together, on both sides.
pub const TABLE_ELEMENTS: u64 = 1_000;

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Done(Vec<Value>),
    Trap(Trap),
    /// Something that the other side bounds in another way.
    Bound(Bound),
}

/// What ends a call on one side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Fuel,
    Stack,
}

/// All traps, in the order in which they are counted.
pub const TRAPS: [(Trap, &str); 8] = [
    (Trap::Unreachable, "unreachable"),
    (Trap::MemoryOutOfBounds, "memory"),
    (Trap::TableOutOfBounds, "table"),
    (Trap::IndirectCallToNull, "null"),
    (Trap::BadSignature, "signature"),
    (Trap::IntegerDivisionByZero, "division"),
    (Trap::IntegerOverflow, "overflow"),
    (Trap::BadConversionToInteger, "conversion"),
];
