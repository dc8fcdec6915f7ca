//! A module that is written anew: the same, but for the bodies of its functions and for what is added.

use wasm_encoder::{
    CodeSection, DataCountSection, DataSection, ElementSection, ExportSection, Function, FunctionSection,
    GlobalSection, ImportSection, MemorySection, Module, StartSection, TableSection, TypeSection, ValType,
    reencode::{self, Reencode},
};
use wasmparser::{BinaryReaderError, CompositeInnerType, FunctionBody, Parser, Payload, TypeRef};

use crate::wrapper::Imported;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The sections of a module, to which others are added.
#[derive(Debug, Default)]
pub struct Sections {
    pub types: TypeSection,
    pub imports: ImportSection,
    pub functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    pub globals: GlobalSection,
    pub exports: ExportSection,
    pub start: Option<u32>,
    elements: ElementSection,
    data_count: Option<u32>,
    pub code: CodeSection,
    data: DataSection,
}

impl Sections {
    /// Reads a module, each body of which is made by a function of it and of its number among the bodies.
    pub fn new(
        wasm: &[u8],
        moved: &mut Moved,
        mut body: impl FnMut(&mut Moved, &FunctionBody<'_>, usize) -> std::result::Result<Function, reencode::Error>,
    ) -> Result<Sections> {
        let mut to = Sections::default();
        let mut bodies = 0..;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => moved.parse_type_section(&mut to.types, section)?,
                Payload::ImportSection(section) => moved.parse_import_section(&mut to.imports, section)?,
                Payload::FunctionSection(section) => moved.parse_function_section(&mut to.functions, section)?,
                Payload::TableSection(section) => moved.parse_table_section(&mut to.tables, section)?,
                Payload::MemorySection(section) => moved.parse_memory_section(&mut to.memories, section)?,
                Payload::GlobalSection(section) => moved.parse_global_section(&mut to.globals, section)?,
                Payload::ExportSection(section) => moved.parse_export_section(&mut to.exports, section)?,
                Payload::StartSection { func, .. } => to.start = Some(moved.function_index(func)?),
                Payload::ElementSection(section) => moved.parse_element_section(&mut to.elements, section)?,
                Payload::DataCountSection { count, .. } => to.data_count = Some(count),
                Payload::CodeSectionEntry(function) => {
                    let number = bodies.next().expect("there are always more numbers");
                    to.code.function(&body(moved, &function, number)?);
                }
                Payload::DataSection(section) => moved.parse_data_section(&mut to.data, section)?,
                _ => {}
            }
        }
        Ok(to)
    }

    /// Returns the module. Its custom sections are left out.
    pub fn module(&self) -> Vec<u8> {
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions);
        module.section(&self.tables).section(&self.memories).section(&self.globals).section(&self.exports);
        if let Some(function_index) = self.start {
            module.section(&StartSection { function_index });
        }
        module.section(&self.elements);
        if let Some(count) = self.data_count {
            module.section(&DataCountSection { count });
        }
        module.section(&self.code).section(&self.data);
        module.finish()
    }
}

/// The new indices of functions: those that are imported may have others in their place, behind all the rest.
#[derive(Debug, Default)]
pub struct Moved {
    pub imports: u32,
    /// All functions.
    pub functions: u32,
    /// Imports that are added.
    pub added: u32,
    pub is_wrapped: bool,
}

impl Reencode for Moved {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> std::result::Result<u32, reencode::Error> {
        Ok(match index < self.imports {
            true if self.is_wrapped => self.functions + self.added + index,
            true => index,
            false => index + self.added,
        })
    }
}

/// The parts of a module that have to be known before it is written anew.
#[derive(Debug, Default)]
pub struct Facts {
    /// The parameters and results of each type.
    pub types: Vec<(Vec<ValType>, Vec<ValType>)>,
    pub imports: Vec<Imported>,
    /// The types of the functions that are not imported.
    pub defined: Vec<u32>,
    pub globals: u32,
    exports: Vec<String>,
}

impl Facts {
    /// Reads them.
    pub fn read(wasm: &[u8]) -> Result<Facts> {
        let mut facts = Facts::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(types) => {
                    for group in types {
                        facts.types.extend(group?.into_types().map(|ty| match &ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => (value_types(ty.params()), value_types(ty.results())),
                            _ => panic!("belljar has refused types that are not those of functions"),
                        }));
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        let TypeRef::Func(ty) = import.ty else { panic!("belljar has refused what is no function") };
                        let params = facts.types[ty as usize].0.len() as u32;
                        facts.imports.push(Imported::new(import.module, import.name, ty, params));
                    }
                }
                Payload::FunctionSection(functions) => {
                    facts.defined = functions.into_iter().collect::<std::result::Result<_, BinaryReaderError>>()?;
                }
                Payload::GlobalSection(globals) => facts.globals = globals.count(),
                Payload::ExportSection(exports) => {
                    for export in exports {
                        facts.exports.push(export?.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// Returns where functions stand when imports of this number are added.
    pub fn moved(&self, added: u32, is_wrapped: bool) -> Moved {
        let imports = self.imports.len() as u32;
        Moved { imports, functions: imports + self.defined.len() as u32, added, is_wrapped }
    }

    /// Returns a name with which none begins that is exported.
    pub fn fresh(&self, name: &str) -> String {
        let mut name = name.to_owned();
        while self.exports.iter().any(|other| other.starts_with(&name)) {
            name.push('\'');
        }
        name
    }
}

fn value_types(types: &[wasmparser::ValType]) -> Vec<ValType> {
    types.iter().map(|ty| Moved::default().val_type(*ty).expect("it is a type of values")).collect()
}
