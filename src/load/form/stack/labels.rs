//! Labels: the values that branches and blocks carry, and the locals they arrive in.

use alloc::vec::Vec;

use super::Stack;
use crate::{
    data::{
        binary::{local_get, local_set},
        value::ValueType,
    },
    load::form::{
        Result,
        edit::Rank,
        locals::Purpose,
        operand::{FROM_LABEL, Made, Operand},
    },
};

impl<'m> Stack<'_, 'm> {
    /// Returns the frame that a branch to this depth targets.
    pub(super) fn target(&self, depth: u32) -> usize {
        self.frames.len().saturating_sub(1 + depth as usize)
    }

    /// Returns the types of the values that a branch to this frame carries.
    pub(super) fn label(&self, target: usize) -> &'m [ValueType] {
        self.frames.get(target).map_or(&[], |open| open.frame.label(&self.form.context))
    }

    /// Marks a frame as the target of a branch.
    pub(super) fn mark(&mut self, target: usize) {
        if let Some(open) = self.frames.get_mut(target) {
            open.frame.is_target = true;
        }
        self.is_wrapped |= target == 0 && !self.label(0).is_empty();
    }

    /// Stores the values that a branch carries in the locals of its target.
    pub(super) fn store_branch_values(&mut self, target: usize, at: u32, conditions: usize) -> Result {
        self.mark(target);
        self.store_label_values(self.label(target), at, conditions)
    }

    /// Stores operands, which may be below a condition, in the locals of a label.
    pub(super) fn store_label_values(&mut self, types: &[ValueType], at: u32, conditions: usize) -> Result {
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

    /// Begins a segment with the operands that arrive at a label.
    pub(super) fn push_label_values(&mut self, types: &[ValueType]) -> Result {
        self.segment.first_label = self.operands.len();
        self.segment.labels = types.len();
        for (number, ty) in types.iter().enumerate() {
            let local = self.form.locals.get(Purpose::Label(number as u32), *ty)?;
            self.operands.push(Operand {
                ty: *ty,
                made: Made::InLocal { local },
                time: self.now,
                segment: FROM_LABEL,
                stretch: FROM_LABEL,
            });
        }
        Ok(())
    }
}
