//! Types of imports and exports.

use core::fmt;

use serde::Serialize;

use crate::data::value::{FuncType, ValueType};

/// Type of an import or an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum ExternType {
    /// A function.
    Function(FuncType),
    /// A memory.
    Memory(MemoryType),
    /// A table.
    Table(TableType),
    /// A global.
    Global(GlobalType),
}

impl ExternType {
    /// Returns the number of parameters and results.
    pub(crate) fn values(&self) -> u64 {
        match self {
            ExternType::Function(ty) => (ty.params.len() + ty.results.len()) as u64,
            ExternType::Memory(_) | ExternType::Table(_) | ExternType::Global(_) => 0,
        }
    }
}

/// A memory: sizes in pages of 64 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryType {
    /// Initial pages.
    pub min_pages: u64,
    /// Maximum pages, if declared.
    pub max_pages: Option<u64>,
}

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableType {
    /// Type of its contents.
    pub element: ValueType,
    /// Initial elements.
    pub min: u64,
    /// Maximum elements, if declared.
    pub max: Option<u64>,
}

/// A global.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GlobalType {
    /// Type of its contents.
    pub value: ValueType,
    /// Whether it is mutable.
    pub mutable: bool,
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Function(ty) => write!(f, "function {ty}"),
            ExternType::Memory(ty) => write!(f, "memory {ty}"),
            ExternType::Table(ty) => write!(f, "table {ty}"),
            ExternType::Global(ty) => write!(f, "global {ty}"),
        }
    }
}

fn range(f: &mut fmt::Formatter<'_>, min: u64, max: Option<u64>) -> fmt::Result {
    match max {
        Some(max) => write!(f, "{min} to {max}"),
        None => write!(f, "{min} and more"),
    }
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        range(f, self.min_pages, self.max_pages)?;
        f.write_str(" pages")
    }
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.element)?;
        range(f, self.min, self.max)
    }
}

impl fmt::Display for GlobalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.mutable { "mutable " } else { "" }, self.value)
    }
}
