//! Operands on the stack: what made them, and when.

use crate::value::ValueType;

/// An operand, from where it is made to where it is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operand {
    pub(super) ty: ValueType,
    pub(super) made: Made,
    /// When it was made.
    pub(super) time: u32,
    /// The segment in which it was made; [`FROM_LABEL`] if it came by a label.
    pub(super) segment: u32,
    /// As that, where bulk operators end no segment.
    pub(super) stretch: u32,
}

/// Before all segments.
pub(super) const FROM_LABEL: u32 = 0;

/// What made an operand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made {
    /// A constant, by the operator there.
    Constant { at: u32, end: u32 },
    /// A local, by the operator there.
    Local { local: u32, at: u32, end: u32 },
    /// An operator that ends there.
    Computed { end: u32 },
    /// It is in a local already.
    Kept { local: u32 },
}
