//! The codec of a `ModuleInfo`, with which a cached module is loaded without another scan.
//!
//! The bytes are trusted: they must come from a place that no other user can write to. Bytes that cannot be decoded
//! are harmless.

use alloc::{string::String, vec::Vec};

use super::{
    form::edit::{Charge, Edit, Edits, Insert},
    validation::ModuleInfo,
};
use crate::data::{
    inspect::{CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, TableType},
    value::{FuncType, ValueType},
};

pub(super) fn write(info: &ModuleInfo) -> Vec<u8> {
    let ModuleInfo { inspection, start, work, edits, instantiation } = info;
    let mut out = Writer(Vec::new());
    out.inspection(inspection);
    out.option(start.map(u64::from));
    out.number(*work);
    out.number(*instantiation);
    out.edits(edits);
    out.0
}

/// Decodes what [`write`] returned for a module of this size; returns `None` if the bytes do not decode.
pub(super) fn read(info: &[u8], size: usize) -> Option<ModuleInfo> {
    let mut from = Reader(info);
    let inspection = from.inspection()?;
    let start = from.option()?.map(u32::try_from).transpose().ok()?;
    let (work, instantiation) = (from.number()?, from.number()?);
    let edits = from.edits(size)?;
    let fits = from.0.is_empty() && inspection.size_bytes == size as u64;
    fits.then_some(ModuleInfo { inspection, start, work, edits, instantiation })
}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    fn option(&mut self, number: Option<u64>) {
        match number {
            Some(number) => {
                self.byte(1);
                self.number(number);
            }
            None => self.byte(0),
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn list<T, S>(&mut self, items: &[T], mut state: S, write: impl Fn(&mut Writer, &mut S, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, &mut state, item);
        }
    }

    fn values(&mut self, types: &[ValueType]) {
        self.list(types, (), |out, (), ty| out.byte(value_code(ty)));
    }

    fn memory(&mut self, memory: &MemoryType) {
        self.number(memory.min_pages);
        self.option(memory.max_pages);
    }

    fn table(&mut self, table: &TableType) {
        self.byte(value_code(&table.element));
        self.number(table.min);
        self.option(table.max);
    }

    fn ty(&mut self, ty: &ExternType) {
        match ty {
            ExternType::Function(ty) => {
                self.byte(0);
                self.values(&ty.params);
                self.values(&ty.results);
            }
            ExternType::Memory(ty) => {
                self.byte(1);
                self.memory(ty);
            }
            ExternType::Table(ty) => {
                self.byte(2);
                self.table(ty);
            }
            ExternType::Global(ty) => {
                self.byte(3);
                self.byte(value_code(&ty.value));
                self.byte(ty.mutable.into());
            }
        }
    }

    fn inspection(&mut self, inspection: &Inspection) {
        let Inspection {
            size_bytes,
            name,
            imports,
            exports,
            memories,
            tables,
            functions,
            globals,
            data_segments,
            data_bytes,
            element_segments,
            start_function,
            custom_sections,
        } = inspection;
        for number in [size_bytes, functions, globals, data_segments, data_bytes, element_segments] {
            self.number(*number);
        }
        self.byte((*start_function).into());
        self.list(name.as_slice(), (), |out, (), name| out.text(name));
        self.list(imports, (), |out, (), import| {
            out.text(&import.module);
            out.text(&import.name);
            out.ty(&import.ty);
        });
        self.list(exports, (), |out, (), export| {
            out.text(&export.name);
            out.ty(&export.ty);
        });
        self.list(memories, (), |out, (), memory| out.memory(memory));
        self.list(tables, (), |out, (), table| out.table(table));
        self.list(custom_sections, (), |out, (), section| {
            out.text(&section.name);
            out.number(section.size_bytes);
        });
    }

    fn edits(&mut self, edits: &Edits) {
        self.byte(edits.uses_host_table.into());
        self.bytes(&edits.bytes);
        self.list(&edits.list, 0, |out, from, edit| {
            out.number((edit.at - *from).into());
            *from = edit.at;
            out.number(edit.skip.into());
            match edit.insert {
                Insert::Charge(Charge { fuel, scoped }) => {
                    out.number(u64::from(fuel) << 2 | u64::from(scoped) << 1 | 1)
                }
                Insert::Bytes { from, len } => {
                    out.number(u64::from(len) << 1);
                    out.number(from.into());
                }
            }
        });
    }
}

struct Reader<'f>(&'f [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn option(&mut self) -> Option<Option<u64>> {
        if self.flag()? { self.number().map(Some) } else { Some(None) }
    }

    fn text(&mut self) -> Option<String> {
        Some(core::str::from_utf8(self.bytes()?).ok()?.into())
    }

    fn bytes(&mut self) -> Option<&[u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Reads a list. Its memory grows with the items that are read, not with the count that precedes them.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        for _ in 0..self.number()? {
            items.push(read(self)?);
        }
        Some(items)
    }

    fn value(&mut self) -> Option<ValueType> {
        let code = self.byte()?;
        VALUES.into_iter().find(|ty| value_code(ty) == code)
    }

    fn memory(&mut self) -> Option<MemoryType> {
        Some(MemoryType { min_pages: self.number()?, max_pages: self.option()? })
    }

    fn table(&mut self) -> Option<TableType> {
        Some(TableType { element: self.value()?, min: self.number()?, max: self.option()? })
    }

    fn ty(&mut self) -> Option<ExternType> {
        Some(match self.byte()? {
            0 => {
                let (params, results) = (self.list(Self::value)?, self.list(Self::value)?);
                ExternType::Function(FuncType { params, results })
            }
            1 => ExternType::Memory(self.memory()?),
            2 => ExternType::Table(self.table()?),
            3 => ExternType::Global(GlobalType { value: self.value()?, mutable: self.flag()? }),
            _ => return None,
        })
    }

    fn inspection(&mut self) -> Option<Inspection> {
        Some(Inspection {
            size_bytes: self.number()?,
            functions: self.number()?,
            globals: self.number()?,
            data_segments: self.number()?,
            data_bytes: self.number()?,
            element_segments: self.number()?,
            start_function: self.flag()?,
            name: self.list(Self::text)?.pop(),
            imports: self.list(|from| Some(Import { module: from.text()?, name: from.text()?, ty: from.ty()? }))?,
            exports: self.list(|from| Some(Export { name: from.text()?, ty: from.ty()? }))?,
            memories: self.list(Self::memory)?,
            tables: self.list(Self::table)?,
            custom_sections: self
                .list(|from| Some(CustomSection { name: from.text()?, size_bytes: from.number()? }))?,
        })
    }

    /// Reads the edits of a module of this size, which must be in order and within the module.
    fn edits(&mut self, size: usize) -> Option<Edits> {
        let uses_host_table = self.byte()? != 0;
        let bytes = self.bytes()?.to_vec();
        let (mut at, size) = (0u32, size as u64);
        let list = self.list(|from| {
            at = at.checked_add(from.number()?.try_into().ok()?)?;
            let skip = u32::try_from(from.number()?).ok()?;
            let code = from.number()?;
            let insert = match code & 1 {
                1 => Insert::Charge(Charge { fuel: (code >> 2).try_into().ok()?, scoped: code & 2 != 0 }),
                _ => Insert::Bytes { len: (code >> 1).try_into().ok()?, from: from.number()?.try_into().ok()? },
            };
            (u64::from(at) + u64::from(skip) <= size).then_some(Edit { at, skip, insert })
        })?;
        Some(Edits { list, bytes, uses_host_table })
    }
}

const VALUES: [ValueType; 7] = [
    ValueType::I32,
    ValueType::I64,
    ValueType::F32,
    ValueType::F64,
    ValueType::V128,
    ValueType::FuncRef,
    ValueType::ExternRef,
];

fn value_code(ty: &ValueType) -> u8 {
    match ty {
        ValueType::I32 => 0,
        ValueType::I64 => 1,
        ValueType::F32 => 2,
        ValueType::F64 => 3,
        ValueType::V128 => 4,
        ValueType::FuncRef => 5,
        ValueType::ExternRef => 6,
    }
}
