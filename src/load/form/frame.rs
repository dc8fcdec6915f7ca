//! Frames: the open blocks, and the function around them.

use wasmparser::BlockType;

use super::{
    context::Context,
    immediate::Immediates,
    region::{GroupId, RegionId},
};
use crate::data::value::ValueType;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Loop,
    If,
    Else,
}

/// An open block, or the function.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) ty: BlockType,
    /// The region before it.
    pub(super) outer: RegionId,
    /// The edges to its label.
    pub(super) edges: GroupId,
    /// The edges to the arms of an `if`.
    pub(super) arms: GroupId,
    /// The outermost frame that a branch in it targets.
    pub(super) escape: usize,
    /// Whether a branch targets its end.
    pub(super) is_target: bool,
    /// Whether the end of the first arm of an `if` is reachable.
    pub(super) arm_ends: bool,
    /// The number of operands below it, without its parameters.
    pub(super) height: u32,
    /// The immediates among the operands below it.
    pub(super) below: Immediates,
}

impl Frame {
    pub(super) fn new(kind: Kind, ty: BlockType, outer: RegionId, height: u32, below: Immediates) -> Self {
        Frame {
            kind,
            ty,
            outer,
            edges: GroupId::default(),
            arms: GroupId::default(),
            escape: usize::MAX,
            is_target: false,
            arm_ends: false,
            height,
            below,
        }
    }

    /// Returns the types of the values that a branch to it carries.
    pub(super) fn label<'m>(&self, context: &Context<'m>) -> &'m [ValueType] {
        if self.kind == Kind::Loop { context.params(self.ty) } else { context.results(self.ty) }
    }

    /// Checks whether the code after its end is reachable; `ends` is whether the last operator in it falls through.
    pub(super) fn continues(&self, ends: bool) -> bool {
        match self.kind {
            Kind::Loop => ends,
            Kind::Block => ends || self.is_target,
            Kind::If => true,
            Kind::Else => ends || self.arm_ends || self.is_target,
        }
    }
}
