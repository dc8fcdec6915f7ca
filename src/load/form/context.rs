//! The parts of a module that its functions refer to.

use wasmparser::BlockType;

use crate::data::{
    inspect::{MemoryType, TableType},
    value::{FuncType, ValueType},
};

/// Types, functions, tables and memories, by their indices.
#[derive(Debug, Clone, Copy)]
pub(in crate::load) struct Context<'m> {
    pub(in crate::load) types: &'m [FuncType],
    /// Type indices of all functions.
    pub(in crate::load) functions: &'m [u32],
    pub(in crate::load) tables: &'m [TableType],
    pub(in crate::load) memories: &'m [MemoryType],
}

impl<'m> Context<'m> {
    pub(in crate::load) fn function(&self, index: u32) -> Option<&'m FuncType> {
        self.types.get(*self.functions.get(index as usize)? as usize)
    }

    pub(in crate::load) fn params(&self, ty: BlockType) -> &'m [ValueType] {
        match ty {
            BlockType::Empty | BlockType::Type(_) => &[],
            BlockType::FuncType(ty) => self.types.get(ty as usize).map_or(&[], |ty| &ty.params),
        }
    }

    pub(in crate::load) fn results(&self, ty: BlockType) -> &'m [ValueType] {
        match ty {
            BlockType::Empty => &[],
            BlockType::Type(ty) => ValueType::from_parser(ty).map_or(&[], ValueType::as_slice),
            BlockType::FuncType(ty) => self.types.get(ty as usize).map_or(&[], |ty| &ty.results),
        }
    }
}
