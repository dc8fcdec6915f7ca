//! The words of the suite for traps.

use belljar::Trap;

/// Tells the trap that these words are for.
pub fn trap(message: &str) -> Option<Trap> {
    TRAPS.iter().find(|(words, _)| message.starts_with(words)).map(|(_, trap)| *trap)
}

/// The words that an assertion begins with. Some add an index.
const TRAPS: [(&str, Trap); 9] = [
    ("unreachable", Trap::Unreachable),
    ("out of bounds memory access", Trap::MemoryOutOfBounds),
    ("out of bounds table access", Trap::TableOutOfBounds),
    ("undefined element", Trap::TableOutOfBounds),
    ("uninitialized element", Trap::IndirectCallToNull),
    ("indirect call type mismatch", Trap::BadSignature),
    ("integer divide by zero", Trap::IntegerDivisionByZero),
    ("integer overflow", Trap::IntegerOverflow),
    ("invalid conversion to integer", Trap::BadConversionToInteger),
];
