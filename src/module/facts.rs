//! What was learned of a module, as bytes: whoever kept them need not scan it again.
//!
//! They are believed, so they have to come from where nobody else can write. What cannot be read is no harm.

use alloc::{string::String, vec::Vec};

use super::{
    rewrite::{Patch, PatchKind},
    validation::Facts,
};
use crate::{
    inspect::{CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, TableType},
    value::{FuncType, ValueType},
};

pub(super) fn write(facts: &Facts) -> Vec<u8> {
    let Facts { inspection, start, types, work, patches, instantiation } = facts;
    let mut out = Writer(Vec::new());
    out.inspection(inspection);
    out.option(start.map(u64::from));
    out.number((*types).into());
    out.number(*work);
    out.number(*instantiation);
    out.list(patches, 0, |out, from, patch| {
        out.number((patch.at.start - *from) as u64);
        out.number((patch.at.end - patch.at.start) as u64);
        out.patch(patch.kind);
        *from = patch.at.end;
    });
    out.0
}

/// `None` if they are not what [`write`] made of a module of this size.
pub(super) fn read(facts: &[u8], size: usize) -> Option<Facts> {
    let mut from = Reader(facts);
    let inspection = from.inspection()?;
    let start = from.option()?.map(u32::try_from).transpose().ok()?;
    let types = from.number()?.try_into().ok()?;
    let (work, instantiation) = (from.number()?, from.number()?);
    let mut last = 0;
    let patches = from.list(|from| {
        let start = usize::try_from(from.number()?).ok()?.checked_add(last)?;
        let end = usize::try_from(from.number()?).ok()?.checked_add(start)?;
        last = end;
        Some(Patch { at: start..end, kind: from.patch()? })
    })?;
    let fits = from.0.is_empty() && last <= size && inspection.size_bytes == size as u64;
    fits.then_some(Facts { inspection, start, types, work, patches, instantiation })
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
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
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

    fn patch(&mut self, kind: PatchKind) {
        let (code, number) = match kind {
            PatchKind::Reserve(table) => (0, Some(table)),
            PatchKind::Charge(fuel) => (1, Some(fuel)),
            PatchKind::Fresh32 => (2, None),
            PatchKind::Fresh64 => (3, None),
            PatchKind::Condition => (4, None),
            PatchKind::StoreLane8 => (5, None),
            PatchKind::StoreLane16 => (6, None),
        };
        self.byte(code);
        if let Some(number) = number {
            self.number(number.into());
        }
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
        let len = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(core::str::from_utf8(text).ok()?.into())
    }

    /// It grows with what is there, whatever the count says.
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

    fn patch(&mut self) -> Option<PatchKind> {
        Some(match self.byte()? {
            0 => PatchKind::Reserve(self.number()?.try_into().ok()?),
            1 => PatchKind::Charge(self.number()?.try_into().ok()?),
            2 => PatchKind::Fresh32,
            3 => PatchKind::Fresh64,
            4 => PatchKind::Condition,
            5 => PatchKind::StoreLane8,
            6 => PatchKind::StoreLane16,
            _ => return None,
        })
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
