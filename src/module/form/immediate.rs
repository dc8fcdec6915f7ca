//! Operands that an engine may know when it translates: constants, and what is computed of constants alone.

/// What is known of the operands on the stack, the last 64 of them, each a bit.
///
/// What has sunk deeper may be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Immediates {
    /// Operands that are certainly not known to an engine.
    unknown: u64,
    /// Operands that are a literal `i32.const` of 0 or more.
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

    /// Forgets that the operand on top is a literal: it is known at most.
    #[inline(always)]
    pub(super) fn forget_literal(&mut self) {
        self.literal &= !1;
    }

    #[inline(always)]
    pub(super) fn pop(&mut self, count: u32) {
        self.unknown = self.unknown.checked_shr(count).unwrap_or(0);
        self.literal = self.literal.checked_shr(count).unwrap_or(0);
    }

    /// Replaces operands by what is computed of them.
    #[inline(always)]
    pub(super) fn compute(&mut self, operands: u32) {
        let any = self.unknown & ((1 << operands) - 1) != 0;
        self.pop(operands);
        self.push_known(false);
        self.unknown |= u64::from(any);
    }

    /// Returns whether the operand at this depth may be known to an engine.
    #[inline(always)]
    pub(super) fn may_be_known(&self, depth: u32) -> bool {
        self.unknown >> depth & 1 == 0
    }

    /// Returns whether the operand at this depth is a literal `i32.const` of 0 or more.
    #[inline(always)]
    pub(super) fn is_literal(&self, depth: u32) -> bool {
        self.literal >> depth & 1 == 1
    }
}
