//! The work of loading, in units of about 20 bytes and 100 nanoseconds.

use super::refusal::limit;
use crate::{config::ModuleLimits, error::ModuleError};

/// Work of a type, import, function, global, export or custom section, without the values in its type.
pub(super) const PART: u64 = 10;

/// Work of an element or data segment.
pub(super) const SEGMENT: u64 = 20;

/// Work of an item of an element segment.
pub(super) const ELEMENT_ITEM: u64 = 2;

/// Additional work of an `if`: the engine stores both of its arms.
pub(super) const IF: u64 = 4;

/// A sum with a limit.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Work {
    key: &'static str,
    limit: u64,
    left: u64,
}

impl Work {
    /// Starts the sum of the work of what the guest's module contains.
    pub(super) fn new(limits: &ModuleLimits) -> Self {
        Work { key: "module.load_work", limit: limits.load_work, left: limits.load_work }
    }

    /// Starts the sum of the work of what is added to functions.
    pub(super) fn of_form(limits: &ModuleLimits) -> Self {
        Work { key: "module.form_work", limit: limits.form_work, left: limits.form_work }
    }

    pub(super) fn sum(self) -> u64 {
        self.limit - self.left
    }

    #[inline]
    pub(super) fn add(&mut self, units: u64) -> Result<(), ModuleError> {
        match self.left.checked_sub(units) {
            Some(left) => self.left = left,
            None => return self.exceeded(units),
        }
        Ok(())
    }

    // Separate, since `add` is called for each operator.
    #[cold]
    #[inline(never)]
    fn exceeded(self, units: u64) -> Result<(), ModuleError> {
        limit(self.key, self.limit, self.sum().saturating_add(units))
    }
}
