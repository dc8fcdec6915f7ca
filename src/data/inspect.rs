//! Inspection of a module without running it: imports, exports, capabilities.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use crate::data::value::FuncType;

pub use crate::data::extern_type::{ExternType, GlobalType, MemoryType, TableType};

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
