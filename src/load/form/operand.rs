//! Operands on the stack, with the operator and the time that produced them.

use crate::data::value::ValueType;

/// An operand between its production and its use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operand {
    pub(super) ty: ValueType,
    pub(super) made: Made,
    /// The time at which it was produced.
    pub(super) time: u32,
    /// The segment that produced it; [`FROM_LABEL`] if it arrived at a label.
    pub(super) segment: u32,
    /// The same if bulk operators were no boundaries.
    pub(super) stretch: u32,
}

/// The number before that of the first segment.
pub(super) const FROM_LABEL: u32 = 0;

/// The producer of an operand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made {
    /// A constant operator at these offsets.
    Constant { at: u32, end: u32 },
    /// A `local.get` at these offsets.
    Local { local: u32, at: u32, end: u32 },
    /// Another operator, which ends at this offset.
    Computed { end: u32 },
    /// An operand that is in a local already.
    InLocal { local: u32 },
}
