//! Labels: what branches and blocks hand over, and where it arrives.

use alloc::vec::Vec;

use super::Stack;
use crate::{
    module::{
        encode::{local_get, local_set},
        form::{
            Result,
            edit::Rank,
            locals::Purpose,
            operand::{FROM_LABEL, Made, Operand},
        },
    },
    value::ValueType,
};

impl<'m> Stack<'_, 'm> {
    /// Returns the frame that a branch to this depth leads to.
    pub(super) fn target(&self, depth: u32) -> usize {
        self.frames.len().saturating_sub(1 + depth as usize)
    }

    /// Returns the types of what a branch to this frame takes along.
    pub(super) fn label(&self, target: usize) -> &'m [ValueType] {
        self.frames.get(target).map_or(&[], |open| open.frame.label(&self.form.context))
    }

    /// Notes that a branch leads to a frame.
    pub(super) fn mark(&mut self, target: usize) {
        if let Some(open) = self.frames.get_mut(target) {
            open.frame.is_target = true;
        }
        self.is_wrapped |= target == 0 && !self.label(0).is_empty();
    }

    /// Puts what a branch takes along where its target looks for it.
    pub(super) fn carry(&mut self, target: usize, at: u32, conditions: usize) -> Result {
        self.mark(target);
        self.hand_over(self.label(target), at, conditions)
    }

    /// Puts operands, below a condition or not, into the locals for what comes to a label.
    pub(super) fn hand_over(&mut self, types: &[ValueType], at: u32, conditions: usize) -> Result {
        self.take(conditions)?;
        self.take(types.len())?;
        if types.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let condition = match conditions {
            0 => None,
            _ => Some(self.form.locals.get(Purpose::Through(0), ValueType::I32)?),
        };
        bytes.extend(condition.map(local_set).unwrap_or_default());
        for (number, ty) in types.iter().enumerate().rev() {
            bytes.extend(local_set(self.form.locals.get(Purpose::Label(number as u32), *ty)?));
        }
        bytes.extend(condition.map(local_get).unwrap_or_default());
        self.put(Rank::Before, at, 0, &bytes);
        Ok(())
    }

    /// Begins with operands that come by a label.
    pub(super) fn arrive(&mut self, types: &[ValueType]) -> Result {
        self.segment.first_label = self.operands.len();
        self.segment.labels = types.len();
        for (number, ty) in types.iter().enumerate() {
            let local = self.form.locals.get(Purpose::Label(number as u32), *ty)?;
            self.operands.push(Operand {
                ty: *ty,
                made: Made::Kept { local },
                time: self.now,
                segment: FROM_LABEL,
                stretch: FROM_LABEL,
            });
        }
        Ok(())
    }
}
