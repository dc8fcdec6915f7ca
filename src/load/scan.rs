//! The scan of the structure of a module, which counts and bounds it before the engine reads it.
//!
//! Every count is checked as soon as it is read, so that an early refusal is cheap. No allocation depends on a count
//! that the module claims: lists grow with the items that are read.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use wasmparser::{
    BinaryReader, CompositeInnerType, ConstExpr, ElementItems, ElementKind, Encoding, ExternalKind, FunctionBody,
    KnownCustom, Parser, Payload, RecGroup, TypeRef,
};

use super::{
    operators::{VECTORS, check_supported},
    sizes,
    work::{self, Work},
};
use crate::{
    config::Config,
    data::{
        inspect::{CustomSection, Export, ExternType, GlobalType, Import, Inspection, MemoryType, PAGE, TableType},
        value::{FuncType, ValueType},
    },
    engine::meter,
    error::{Feature, FileFormat, ModuleError},
    load::refusal::{exceeded, initial_elements, initial_memory, limit, malformed, unsupported},
};

/// The result of the scan of a module within the limits.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) inspection: Inspection,
    /// The start function.
    pub(super) start: Option<u32>,
    pub(super) types: Vec<FuncType>,
    /// Type indices of all functions, imported ones first.
    pub(super) functions: Vec<u32>,
    /// Bytes of all function bodies.
    pub(super) body_bytes: u64,
    /// Work of loading.
    pub(super) work: Work,
    /// Fuel of one instantiation.
    pub(super) instantiation: u64,
}

type Result<T = ()> = core::result::Result<T, ModuleError>;

/// Reads everything except the function bodies, so that most refused modules are refused before an operator is read.
pub(super) fn scan(bytes: &[u8], config: &Config) -> Result<Scan> {
    check_header(bytes)?;
    sizes::check(bytes)?;
    let mut scanner = Scanner {
        bytes,
        config,
        types: Vec::new(),
        functions: Vec::new(),
        globals: Vec::new(),
        counts: Counts::default(),
        work: Work::new(&config.module),
        scan: Scan::default(),
    };
    scanner.scan.inspection.size_bytes = bytes.len() as u64;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(malformed)? {
            Payload::CodeSectionEntry(body) => {
                scanner.check_body_size(&body)?;
                scanner.scan.body_bytes += body.range().len() as u64;
            }
            payload => scanner.payload(payload)?,
        }
    }
    Ok(scanner.finish())
}

fn check_header(bytes: &[u8]) -> Result {
    if bytes.is_empty() {
        return Err(ModuleError::Empty);
    }
    let Some(rest) = bytes.strip_prefix(b"\0asm") else {
        let found = bytes.iter().take(4).copied().collect();
        return Err(ModuleError::NotWasm { found, like: looks_like(bytes) });
    };
    match rest.get(..4) {
        Some([1, 0, 0, 0]) => Ok(()),
        Some([_, _, 1, 0]) => Err(ModuleError::Component),
        Some(version) => {
            Err(ModuleError::Version { found: version.iter().rev().fold(0, |v, b| v << 8 | u32::from(*b)) })
        }
        None => {
            Err(ModuleError::Malformed { offset: bytes.len() as u64, message: "unexpected end of the header".into() })
        }
    }
}

/// Returns the format that bytes without the magic number resemble, for the error message.
fn looks_like(bytes: &[u8]) -> Option<FileFormat> {
    const KNOWN: &[(&[u8], FileFormat)] = &[
        (b"\x7fELF", FileFormat::Elf),
        (b"MZ", FileFormat::WindowsExecutable),
        (b"\xcf\xfa\xed\xfe", FileFormat::MachO),
        (b"BC\xc0\xde", FileFormat::LlvmBitcode),
        (b"!<arch>", FileFormat::StaticLibrary),
        (b"\x1f\x8b", FileFormat::Gzip),
        (b"PK\x03\x04", FileFormat::Zip),
        (b"\x28\xb5\x2f\xfd", FileFormat::Zstd),
        (b"<", FileFormat::Markup),
        (b"{", FileFormat::Json),
    ];
    if let Some((_, like)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(*like);
    }
    let text = bytes.trim_ascii_start();
    (text.starts_with(b"(module")
        || text.starts_with(b"(;")
        || text.starts_with(b";;")
        || text.starts_with(b"(component"))
    .then_some(FileFormat::WasmText)
}

/// Sums over segments and declarations.
#[derive(Default)]
struct Counts {
    element_items: u64,
    initial_memory: u64,
    initial_elements: u64,
    /// Operators of constant expressions, less one for each expression.
    constant_operators: u64,
}

struct Scanner<'c> {
    bytes: &'c [u8],
    config: &'c Config,
    types: Vec<FuncType>,
    /// Type indices of all functions, imported ones first.
    functions: Vec<u32>,
    globals: Vec<GlobalType>,
    counts: Counts,
    work: Work,
    scan: Scan,
}

impl Scanner<'_> {
    fn payload(&mut self, payload: Payload<'_>) -> Result {
        let limits = &self.config.module;
        let inspection = &mut self.scan.inspection;
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } | Payload::End(_) => {}
            Payload::Version { encoding: Encoding::Component, .. } => return Err(ModuleError::Component),
            Payload::TypeSection(section) => {
                limit("module.types", limits.types, section.count().into())?;
                self.types(section.range())?;
            }
            Payload::ImportSection(section) => {
                limit("module.imports", limits.imports, section.count().into())?;
                for import in section.into_iter_with_offsets() {
                    let (offset, import) = import.map_err(malformed)?;
                    self.import(offset, &import)?;
                }
            }
            Payload::FunctionSection(section) => {
                limit("module.functions", limits.functions, section.count().into())?;
                self.work.add(work::PART * u64::from(section.count()))?;
                inspection.functions = section.count().into();
                for ty in section {
                    self.functions.push(ty.map_err(malformed)?);
                }
            }
            Payload::TableSection(section) => {
                for table in section.into_iter_with_offsets() {
                    let (offset, table) = table.map_err(malformed)?;
                    if let wasmparser::TableInit::Expr(expr) = &table.init {
                        self.constant(expr)?;
                    }
                    self.table(offset, &table.ty)?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.into_iter_with_offsets() {
                    let (offset, memory) = memory.map_err(malformed)?;
                    self.memory(offset, &memory)?;
                }
            }
            Payload::GlobalSection(section) => {
                limit("module.globals", limits.globals, section.count().into())?;
                self.work.add(work::PART * u64::from(section.count()))?;
                inspection.globals = section.count().into();
                for global in section.into_iter_with_offsets() {
                    let (offset, global) = global.map_err(malformed)?;
                    self.constant(&global.init_expr)?;
                    let ty = self.global(offset, global.ty)?;
                    self.globals.push(ty);
                }
            }
            Payload::ExportSection(section) => {
                limit("module.exports", limits.exports, section.count().into())?;
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export.map_err(malformed)?;
                    self.export(offset, &export)?;
                }
            }
            Payload::StartSection { func, .. } => {
                inspection.start_function = true;
                self.scan.start = Some(func);
            }
            Payload::ElementSection(section) => {
                let count = u64::from(section.count());
                limit("module.element_segments", limits.element_segments, count)?;
                self.work.add(work::SEGMENT * count)?;
                inspection.element_segments = count;
                for element in section {
                    self.element(&element.map_err(malformed)?)?;
                }
            }
            Payload::DataCountSection { count, .. } => {
                limit("module.data_segments", limits.data_segments, count.into())?;
            }
            Payload::DataSection(section) => {
                let count = u64::from(section.count());
                limit("module.data_segments", limits.data_segments, count)?;
                self.work.add(work::SEGMENT * count)?;
                inspection.data_segments = count;
                for data in section {
                    let data = data.map_err(malformed)?;
                    self.scan.inspection.data_bytes += data.data.len() as u64;
                    if let wasmparser::DataKind::Active { offset_expr, .. } = &data.kind {
                        self.constant(offset_expr)?;
                    }
                }
            }
            Payload::CodeSectionStart { count, .. } => {
                limit("module.functions", limits.functions, count.into())?;
            }
            Payload::CustomSection(section) => self.custom(&section)?,
            Payload::TagSection(section) => return unsupported(Feature::Exceptions, section.range().start),
            Payload::UnknownSection { id, range, .. } => {
                let message = alloc::format!("unknown section {id}");
                return Err(ModuleError::Malformed { offset: range.start as u64, message });
            }
            // Every other payload belongs to a component, which the header check refused.
            _ => return Err(ModuleError::Component),
        }
        Ok(())
    }

    /// Reads the type section group by group. A recursive group is refused by its first byte: the parser would hold the
    /// whole group in memory before its types could be counted.
    fn types(&mut self, section: Range<usize>) -> Result {
        const RECURSIVE: u8 = 0x4e;
        let mut reader = BinaryReader::new(self.bytes.get(section.clone()).unwrap_or_default(), section.start);
        for _ in 0..reader.read_var_u32().map_err(malformed)? {
            let offset = reader.original_position();
            if self.bytes.get(offset) == Some(&RECURSIVE) {
                return unsupported(Feature::Gc, offset);
            }
            for ty in reader.read::<RecGroup>().map_err(malformed)?.into_types() {
                self.ty(offset, &ty)?;
            }
        }
        if !reader.eof() {
            let message = "section size mismatch: unexpected data at the end of the section".into();
            return Err(ModuleError::Malformed { offset: reader.original_position() as u64, message });
        }
        Ok(())
    }

    fn ty(&mut self, offset: usize, ty: &wasmparser::SubType) -> Result {
        let limits = &self.config.module;
        limit("module.types", limits.types, self.types.len() as u64 + 1)?;
        let CompositeInnerType::Func(func) = &ty.composite_type.inner else {
            return unsupported(Feature::Gc, offset);
        };
        if ty.composite_type.shared || ty.supertype_idx.is_some() {
            return unsupported(Feature::Gc, offset);
        }
        limit("module.params", limits.params, func.params().len() as u64)?;
        limit("module.results", limits.results, func.results().len() as u64)?;
        self.work.add(work::PART + (func.params().len() + func.results().len()) as u64)?;
        let list =
            |types: &[wasmparser::ValType]| types.iter().map(|ty| value_type(*ty, offset)).collect::<Result<Vec<_>>>();
        self.types.push(FuncType { params: list(func.params())?, results: list(func.results())? });
        Ok(())
    }

    fn import(&mut self, offset: usize, import: &wasmparser::Import<'_>) -> Result {
        let ty = match import.ty {
            TypeRef::Func(index) => {
                self.functions.push(index);
                ExternType::Function(self.func_type(index, offset)?)
            }
            TypeRef::Table(ty) => ExternType::Table(self.table(offset, &ty)?),
            TypeRef::Memory(ty) => ExternType::Memory(self.memory(offset, &ty)?),
            TypeRef::Global(ty) => {
                let ty = self.global(offset, ty)?;
                self.globals.push(ty);
                ExternType::Global(ty)
            }
            TypeRef::Tag(_) => return unsupported(Feature::Exceptions, offset),
        };
        self.work.add(work::PART + ty.values())?;
        let (module, name) = (self.name(import.module)?, self.name(import.name)?);
        self.scan.inspection.imports.push(Import { module, name, ty });
        Ok(())
    }

    fn export(&mut self, offset: usize, export: &wasmparser::Export<'_>) -> Result {
        let name = self.name(export.name)?;
        let index = export.index as usize;
        let inspection = &self.scan.inspection;
        let ty = match export.kind {
            ExternalKind::Func => {
                self.functions.get(index).map(|ty| self.func_type(*ty, offset)).transpose()?.map(ExternType::Function)
            }
            ExternalKind::Table => inspection.tables.get(index).copied().map(ExternType::Table),
            ExternalKind::Memory => inspection.memories.get(index).copied().map(ExternType::Memory),
            ExternalKind::Global => self.globals.get(index).copied().map(ExternType::Global),
            ExternalKind::Tag => return unsupported(Feature::Exceptions, offset),
        };
        let Some(ty) = ty else {
            let message = alloc::format!("export of an unknown index {index}");
            return Err(ModuleError::Invalid { offset: offset as u64, message });
        };
        self.work.add(work::PART + ty.values())?;
        self.scan.inspection.exports.push(Export { name, ty });
        Ok(())
    }

    fn func_type(&self, index: u32, offset: usize) -> Result<FuncType> {
        self.types.get(index as usize).cloned().ok_or_else(|| ModuleError::Invalid {
            offset: offset as u64,
            message: alloc::format!("unknown type {index}"),
        })
    }

    fn memory(&mut self, offset: usize, ty: &wasmparser::MemoryType) -> Result<MemoryType> {
        if ty.memory64 {
            return unsupported(Feature::Memory64, offset);
        }
        if ty.shared {
            return unsupported(Feature::Threads, offset);
        }
        if ty.page_size_log2.is_some() {
            return unsupported(Feature::CustomPageSizes, offset);
        }
        let memory = MemoryType { min_pages: ty.initial, max_pages: ty.maximum };
        self.scan.inspection.memories.push(memory);
        let count = self.scan.inspection.memories.len() as u64;
        limit("module.memories", self.config.module.memories, count)?;
        self.counts.initial_memory = self.counts.initial_memory.saturating_add(ty.initial.saturating_mul(PAGE));
        initial_memory(&self.config.limits, self.counts.initial_memory)?;
        Ok(memory)
    }

    fn table(&mut self, offset: usize, ty: &wasmparser::TableType) -> Result<TableType> {
        if ty.table64 {
            return unsupported(Feature::Memory64, offset);
        }
        if ty.shared {
            return unsupported(Feature::SharedEverythingThreads, offset);
        }
        let element = value_type(wasmparser::ValType::Ref(ty.element_type), offset)?;
        let table = TableType { element, min: ty.initial, max: ty.maximum };
        self.scan.inspection.tables.push(table);
        let count = self.scan.inspection.tables.len() as u64;
        limit("module.tables", self.config.module.tables, count)?;
        self.counts.initial_elements = self.counts.initial_elements.saturating_add(ty.initial);
        initial_elements(&self.config.limits, self.counts.initial_elements)?;
        Ok(table)
    }

    fn global(&self, offset: usize, ty: wasmparser::GlobalType) -> Result<GlobalType> {
        if ty.shared {
            return unsupported(Feature::SharedEverythingThreads, offset);
        }
        Ok(GlobalType { value: value_type(ty.content_type, offset)?, mutable: ty.mutable })
    }

    fn element(&mut self, element: &wasmparser::Element<'_>) -> Result {
        if let ElementKind::Active { offset_expr, .. } = &element.kind {
            self.constant(offset_expr)?;
        }
        let count = match &element.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        };
        self.counts.element_items += u64::from(count);
        let (max, found) = (self.config.module.element_items, self.counts.element_items);
        limit("module.element_items", max, found)?;
        self.work.add(work::ELEMENT_ITEM * u64::from(count))?;
        if let ElementItems::Expressions(_, items) = element.items.clone() {
            for expr in items {
                self.constant(&expr.map_err(malformed)?)?;
            }
        }
        Ok(())
    }

    /// Checks the size of a constant expression: the engine evaluates and drops extended ones recursively.
    fn constant(&mut self, expr: &ConstExpr<'_>) -> Result {
        let max = self.config.module.constant_operators;
        let mut reader = expr.get_operators_reader();
        let mut count = 0;
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset().map_err(malformed)?;
            check_supported(&operator, offset)?;
            // The closing `end` is not an operator of the expression.
            if count > max {
                return Err(exceeded("module.constant_operators", max, count));
            }
            count += 1;
        }
        self.counts.constant_operators += count.saturating_sub(2);
        self.work.add(count)
    }

    fn custom(&mut self, section: &wasmparser::CustomSectionReader<'_>) -> Result {
        let name = self.name(section.name())?;
        let size_bytes = section.data().len() as u64;
        if let KnownCustom::Name(names) = section.as_known()
            && sizes::names_fit(section.data())
        {
            // An invalid name section is not an error: it changes no run.
            let module = names.into_iter().map_while(core::result::Result::ok).find_map(|name| match name {
                wasmparser::Name::Module { name, .. } => Some(name),
                _ => None,
            });
            if let Some(module) = module {
                self.scan.inspection.name = Some(self.name(module)?);
            }
        }
        self.scan.inspection.custom_sections.push(CustomSection { name, size_bytes });
        self.work.add(work::PART)?;
        let count = self.scan.inspection.custom_sections.len() as u64;
        limit("module.custom_sections", self.config.module.custom_sections, count)
    }

    fn name(&self, name: &str) -> Result<String> {
        limit("module.name_bytes", self.config.module.name_bytes, name.len() as u64)?;
        Ok(name.into())
    }

    fn check_body_size(&self, body: &FunctionBody<'_>) -> Result {
        limit("module.body_bytes", self.config.module.body_bytes, body.range().len() as u64)
    }

    /// Sums the fuel of an instantiation: every part that takes time, at the price of bulk operators.
    fn finish(mut self) -> Scan {
        let i = &self.scan.inspection;
        self.scan.instantiation = meter::INSTANTIATION
            + (self.counts.initial_memory + i.data_bytes).div_ceil(meter::BYTES_PER_FUEL)
            + self.counts.initial_elements.div_ceil(meter::ELEMENTS_PER_FUEL)
            + self.counts.element_items
            + self.counts.constant_operators
            + 10 * (i.data_segments + i.element_segments)
            + self.functions.len() as u64
            + self.globals.len() as u64
            + 10 * i.exports.len() as u64;
        self.scan.types = self.types;
        self.scan.functions = self.functions;
        self.scan.work = self.work;
        self.scan
    }
}

fn value_type(ty: wasmparser::ValType, offset: usize) -> Result<ValueType> {
    match (ValueType::from_parser(ty), VECTORS) {
        (Some(ValueType::V128), Some(missing)) => unsupported(missing, offset),
        (Some(ty), _) => Ok(ty),
        (None, _) if ty == wasmparser::ValType::EXNREF => unsupported(Feature::Exceptions, offset),
        (None, _) => unsupported(Feature::FunctionReferencesOrGc, offset),
    }
}
