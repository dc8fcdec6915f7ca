//! Inspection of a module without running it: imports, exports, capabilities.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::Serialize;

use crate::data::value::{FuncType, ValueType};

/// Imports, exports and declarations of a module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Module name in its name section.
    pub name: Option<String>,
    /// Imports in order.
    pub imports: Vec<Import>,
    /// Exports in order.
    pub exports: Vec<Export>,
    /// Memories, imported ones first.
    pub memories: Vec<MemoryType>,
    /// Tables, imported ones first.
    pub tables: Vec<TableType>,
    /// Number of functions, without imported ones.
    pub functions: u64,
    /// Number of globals, without imported ones.
    pub globals: u64,
    /// Number of data segments.
    pub data_segments: u64,
    /// Total size of all data segments in bytes.
    pub data_bytes: u64,
    /// Number of element segments.
    pub element_segments: u64,
    /// Whether it has a start function, which runs on instantiation.
    pub start_function: bool,
    /// Custom sections in order.
    pub custom_sections: Vec<CustomSection>,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Import {
    /// Module name.
    pub module: String,
    /// Name.
    pub name: String,
    /// Kind and type.
    #[serde(flatten)]
    pub ty: ExternType,
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Export {
    /// Name.
    pub name: String,
    /// Kind and type.
    #[serde(flatten)]
    pub ty: ExternType,
}

/// A custom section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CustomSection {
    /// Name.
    pub name: String,
    /// Size of its contents in bytes.
    pub size_bytes: u64,
}

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

/// Size of a page in bytes.
pub(crate) const PAGE: u64 = 65_536;

impl Inspection {
    /// Returns the type of the exported function of this name.
    pub fn function(&self, name: &str) -> Option<&FuncType> {
        self.exports.iter().find(|export| export.name == name).and_then(|export| match &export.ty {
            ExternType::Function(ty) => Some(ty),
            _ => None,
        })
    }
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
