//! Immediates: operands that an engine may know at translation, which are constants and what is computed from constants
//! only.

/// The state of the last 64 operands on the stack, one bit each.
///
/// Deeper operands may be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Immediates {
    /// The operands that an engine certainly does not know.
    unknown: u64,
    /// The operands that are a literal `i32.const` of 0 or more.
    literal: u64,
}

impl Immediates {
    /// Pushes operands that no engine knows.
    #[inline(always)]
    pub(super) fn push_unknown(&mut self, count: u32) {
        self.unknown = !(!self.unknown).checked_shl(count).unwrap_or(0);
        self.literal = self.literal.checked_shl(count).unwrap_or(0);
    }

    /// Pushes an operand that an engine may know.
    #[inline(always)]
    pub(super) fn push_known(&mut self, literal: bool) {
        self.unknown <<= 1;
        self.literal = self.literal << 1 | u64::from(literal);
    }

    /// Clears that the operand on top is a literal; it may still be known.
    #[inline(always)]
    pub(super) fn forget_literal(&mut self) {
        self.literal &= !1;
    }

    #[inline(always)]
    pub(super) fn pop(&mut self, count: u32) {
        self.unknown = self.unknown.checked_shr(count).unwrap_or(0);
        self.literal = self.literal.checked_shr(count).unwrap_or(0);
    }

    /// Replaces operands by the result that is computed from them.
    #[inline(always)]
    pub(super) fn compute(&mut self, operands: u32) {
        let any = self.unknown & ((1 << operands) - 1) != 0;
        self.pop(operands);
        self.push_known(false);
        self.unknown |= u64::from(any);
    }

    /// Checks whether an engine may know the operand at this depth.
    #[inline(always)]
    pub(super) fn may_be_known(&self, depth: u32) -> bool {
        self.unknown >> depth & 1 == 0
    }

    /// Checks whether the operand at this depth is a literal `i32.const` of 0 or more.
    #[inline(always)]
    pub(super) fn is_literal(&self, depth: u32) -> bool {
        self.literal >> depth & 1 == 1
    }
}
