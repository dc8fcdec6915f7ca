//! The encodings of the types that describe a module.

use super::{enums, structs};
use crate::data::{
    inspect::{CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, TableType},
    value::{FuncType, ValueType},
};

structs! {
    Inspection {
        size_bytes, name, imports, exports, memories, tables, functions, globals, data_segments, data_bytes,
        element_segments, start_function, custom_sections,
    }
    Import { module, name, ty }
    Export { name, ty }
    CustomSection { name, size_bytes }
    MemoryType { min_pages, max_pages }
    TableType { element, min, max }
    GlobalType { value, mutable }
    FuncType { params, results }
}

enums! {
    ExternType { 0 Function(ty), 1 Memory(ty), 2 Table(ty), 3 Global(ty) }
    ValueType { 0 I32, 1 I64, 2 F32, 3 F64, 4 V128, 5 FuncRef, 6 ExternRef }
}
