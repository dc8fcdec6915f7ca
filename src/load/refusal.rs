//! Refusals of modules, made where they are found.

use alloc::string::ToString;

use wasmparser::BinaryReaderError;

use crate::{
    config::{Limits, keys},
    data::inspect::{Inspection, PAGE},
    error::{Feature, ModuleError, Unit},
};

type Result<T = ()> = core::result::Result<T, ModuleError>;

pub(super) fn malformed(error: BinaryReaderError) -> ModuleError {
    ModuleError::Malformed { offset: error.offset() as u64, message: error.message().into() }
}

/// Checks a quantity, in the unit of its key.
pub(super) fn limit(key: &'static str, limit: u64, found: u64) -> Result {
    if found > limit { Err(exceeded(key, limit, found)) } else { Ok(()) }
}

#[cold]
pub(super) fn exceeded(key: &'static str, limit: u64, found: u64) -> ModuleError {
    ModuleError::Limit { key, limit, found, unit: keys::unit(key) }
}

/// Checks the initial bytes of all memories, which the limit of a run bounds as well.
pub(super) fn initial_memory(limits: &Limits, found: u64) -> Result {
    initial("limits.memory_bytes", limits.memory_bytes, found, Unit::InitialMemoryBytes)
}

/// Checks the initial elements of all tables, which the limit of a run bounds as well.
pub(super) fn initial_elements(limits: &Limits, found: u64) -> Result {
    initial("limits.table_elements", limits.table_elements, found, Unit::InitialTableElements)
}

fn initial(key: &'static str, limit: u64, found: u64, unit: Unit) -> Result {
    if found > limit { Err(ModuleError::Limit { key, limit, found, unit }) } else { Ok(()) }
}

/// Checks the initial sizes of a module that was loaded under other limits, in the order of its sections.
pub(super) fn initial_sizes(inspection: &Inspection, limits: &Limits) -> Result {
    let mut elements = 0_u64;
    for table in &inspection.tables {
        elements = elements.saturating_add(table.min);
        initial_elements(limits, elements)?;
    }
    let mut bytes = 0_u64;
    for memory in &inspection.memories {
        bytes = bytes.saturating_add(memory.min_pages.saturating_mul(PAGE));
        initial_memory(limits, bytes)?;
    }
    Ok(())
}

pub(super) fn unsupported<T>(feature: Feature, offset: usize) -> Result<T> {
    Err(ModuleError::Unsupported { feature, offset: offset as u64 })
}

#[cold]
pub(super) fn invalid(error: BinaryReaderError) -> ModuleError {
    ModuleError::Invalid { offset: error.offset() as u64, message: error.message().to_string() }
}

/// Returns the error of a function that is seen to be invalid before it is validated; validation says more.
#[cold]
pub(super) fn invalid_at(at: u32, message: &str) -> ModuleError {
    ModuleError::Invalid { offset: at.into(), message: message.into() }
}
