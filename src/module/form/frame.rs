//! Blocks that are open, and the function around them.

use wasmparser::BlockType;

use super::{charge::RegionId, context::Context, edges::GroupId, immediate::Immediates};
use crate::value::ValueType;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Loop,
    If,
    Else,
}

/// A block that is open, or the function.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) ty: BlockType,
    /// The region before it.
    pub(super) outer: RegionId,
    /// The edges that lead to its label.
    pub(super) edges: GroupId,
    /// The edges that lead into the arms of an `if`.
    pub(super) arms: GroupId,
    /// The outermost frame that a branch in it leads to.
    pub(super) escape: usize,
    /// Whether a branch leads to its end.
    pub(super) is_target: bool,
    /// Whether the first arm of an `if` comes to its end.
    pub(super) arm_ends: bool,
    /// What is known of the operands below it.
    pub(super) below: Immediates,
}

impl Frame {
    pub(super) fn new(kind: Kind, ty: BlockType, outer: RegionId, below: Immediates) -> Self {
        Frame {
            kind,
            ty,
            outer,
            edges: GroupId::default(),
            arms: GroupId::default(),
            escape: usize::MAX,
            is_target: false,
            arm_ends: false,
            below,
        }
    }

    /// Returns the types of what a branch to it takes along.
    pub(super) fn label<'m>(&self, context: &Context<'m>) -> &'m [ValueType] {
        if self.kind == Kind::Loop { context.params(self.ty) } else { context.results(self.ty) }
    }

    /// Returns whether a run can come to what follows its end, which code in it comes to or not.
    pub(super) fn is_left(&self, ends: bool) -> bool {
        match self.kind {
            Kind::Loop => ends,
            Kind::Block => ends || self.is_target,
            Kind::If => true,
            Kind::Else => ends || self.arm_ends || self.is_target,
        }
    }
}
