//! What is added to a module, so that what it does not export is seen too: exports for Wasmtime, whose interface shows
//! everything, and functions for belljar, whose interface does not.

use belljar::Value;
use wasm_encoder::{Encode, ExportKind, Module, RawSection, ValType};
use wasmparser::{Parser, Payload, TypeRef};

use crate::{arguments, random::Random};

mod code;

/// A module with the calls that are made of it.
#[derive(Debug)]
pub struct Case {
    /// The module for belljar.
    pub wasm: Vec<u8>,
    /// The module for Wasmtime.
    pub reference: Vec<u8>,
    /// In order.
    pub calls: Vec<Call>,
    /// Whether there is a function that makes one of the calls and returns what `observe` does, too.
    pub is_driven: bool,
    /// The exported globals with values.
    pub globals: Vec<String>,
    /// What `observe` sees.
    pub hidden: Hidden,
}

/// What belljar shows by `observe` only.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// Memories but for the one that is exported, in order.
    pub memories: Vec<u32>,
    /// How many tables there are.
    pub tables: u32,
    /// Globals with references, in order.
    pub globals: Vec<u32>,
}

/// A call by values.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    pub arguments: Vec<Value>,
}

/// The name of the function that returns a hash of what the module does not export, and, if its parameter is not
/// 0, of the exported memory as well; but then of a part of each memory only.
pub const OBSERVE: &str = "observe";

/// The name of the function that calls another and then `observe`.
pub const DRIVE: &str = "drive";

/// How many slots of a table `observe` looks at.
pub const SLOTS: u32 = 200;

/// What `observe` multiplies each lane of the hash of memories with.
pub const LANES: [u32; 4] = [0x0100_0193, 0x0100_0195, 0x0100_0197, 0x0100_0199];

/// What `observe` multiplies its hash with.
pub const FACTOR: i64 = 0x100_0000_01b3;

/// How many calls are made of a module at most, and of one function.
const CALLS: (usize, usize) = (9, 3);

/// What is known of a module.
#[derive(Debug, Default)]
struct Facts {
    types: Vec<(Vec<ValType>, Vec<ValType>)>,
    /// The type of each function.
    functions: Vec<u32>,
    tables: u32,
    memories: u32,
    globals: Vec<ValType>,
    /// The functions that it exports.
    exported: Vec<u32>,
}

/// Makes a case of a valid module without imports.
pub fn case(wasm: &[u8], seed: u64) -> Case {
    let mut random = Random::new(!seed);
    let (facts, sections) = read(wasm);
    let mut added = Added::new(&facts);
    let shown = if facts.memories > 0 { random.below(facts.memories as usize) as u32 } else { 0 };

    let mut exports = Exports::default();
    let mut callable = Vec::new();
    for index in facts.exported.iter().copied() {
        let (params, results) = &facts.types[facts.functions[index as usize] as usize];
        exports.add(&format!("f{index}"), ExportKind::Func, index);
        if params.iter().chain(results).any(is_reference) {
            let (ty, wrapper) = code::wrapper(index, params, results);
            let params = ty.0.clone();
            let wrapper = added.function(ty, wrapper);
            exports.add(&format!("w{index}"), ExportKind::Func, wrapper);
            callable.push((format!("w{index}"), wrapper, params));
        } else {
            callable.push((format!("f{index}"), index, params.clone()));
        }
    }
    let mut calls = Vec::new();
    for (name, _, params) in &callable {
        for _ in 0..if params.is_empty() { 1 } else { CALLS.1 } {
            let arguments = params.iter().map(|ty| arguments::value(&mut random, *ty)).collect();
            calls.push(Call { name: name.clone(), arguments });
        }
    }
    calls.truncate(CALLS.0);
    if facts.memories > 0 {
        exports.add("memory", ExportKind::Memory, shown);
    }
    let globals = (0..).zip(&facts.globals);
    let (of_references, of_values): (Vec<_>, Vec<_>) = globals.partition(|(_, ty)| is_reference(ty));
    let indices = |globals: Vec<(u32, &ValType)>| globals.iter().map(|(index, _)| *index).collect::<Vec<_>>();
    let (of_references, of_values) = (indices(of_references), indices(of_values));
    for index in &of_values {
        exports.add(&format!("g{index}"), ExportKind::Global, *index);
    }
    let hidden = Hidden {
        memories: (0..facts.memories).filter(|memory| *memory != shown).collect(),
        tables: facts.tables,
        globals: of_references,
    };

    let reference = added.join(&sections, &exports.with_hidden(&hidden));
    let observe = code::observe(&facts, &hidden, shown);
    let observe = added.function((vec![ValType::I32], vec![ValType::I64]), observe);
    exports.add(OBSERVE, ExportKind::Func, observe);
    let is_driven = !calls.is_empty();
    if is_driven {
        let driven = random.pick(&calls);
        let (_, index, _) = callable.iter().find(|(name, ..)| *name == driven.name).expect("it is called");
        let results = added.type_of(&facts, *index).1;
        let (ty, drive) = code::drive(*index, &results, &driven.arguments, observe);
        exports.add(DRIVE, ExportKind::Func, added.function(ty, drive));
    }
    let wasm = added.join(&sections, &exports);
    let globals = of_values.iter().map(|index| format!("g{index}")).collect();
    Case { wasm, reference, calls, is_driven, globals, hidden }
}

impl Hidden {
    /// Returns whether there is nothing that only `observe` sees.
    pub fn is_empty(&self) -> bool {
        self.memories.is_empty() && self.tables == 0 && self.globals.is_empty()
    }
}

fn is_reference(ty: &ValType) -> bool {
    matches!(ty, ValType::Ref(_))
}

/// The sections of a module in order: number, count of entries, and the bytes behind the count.
type Sections = Vec<(u8, u32, Vec<u8>)>;

/// Reads a module; its exports are left out of the sections.
fn read(wasm: &[u8]) -> (Facts, Sections) {
    let (mut facts, mut sections) = (Facts::default(), Sections::new());
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.expect("it is valid");
        if let Some((id, range)) = payload.as_section() {
            let bytes = &wasm[range.start as usize..range.end as usize];
            let mut reader = wasmparser::BinaryReader::new(bytes, 0);
            let count = if id == 0 || id == 8 { 0 } else { reader.read_var_u32().expect("it is valid") };
            if id != 0 && id != 7 {
                sections.push((id, count, bytes[reader.original_position() as usize..].to_vec()));
            }
        }
        facts.note(payload);
    }
    (facts, sections)
}

impl Facts {
    fn note(&mut self, payload: Payload<'_>) {
        const VALID: &str = "it is valid";
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty.expect(VALID);
                    self.types.push((value_types(ty.params()), value_types(ty.results())));
                }
            }
            Payload::ImportSection(imports) => {
                let function = |import: &wasmparser::Import<'_>| matches!(import.ty, TypeRef::Func(_));
                assert!(!imports.into_imports().any(|import| function(&import.expect(VALID))), "nothing is imported");
            }
            Payload::FunctionSection(functions) => {
                self.functions.extend(functions.into_iter().map(|ty| ty.expect(VALID)));
            }
            Payload::TableSection(tables) => self.tables = tables.count(),
            Payload::MemorySection(memories) => self.memories = memories.count(),
            Payload::GlobalSection(globals) => {
                self.globals.extend(globals.into_iter().map(|global| value_type(global.expect(VALID).ty.content_type)));
            }
            Payload::ExportSection(exports) => {
                let exports = exports.into_iter().map(|export| export.expect(VALID));
                self.exported = exports
                    .filter(|export| export.kind == wasmparser::ExternalKind::Func)
                    .map(|export| export.index)
                    .collect();
                self.exported.sort_unstable();
                self.exported.dedup();
            }
            _ => {}
        }
    }
}

fn value_types(types: &[wasmparser::ValType]) -> Vec<ValType> {
    types.iter().map(|ty| value_type(*ty)).collect()
}

fn value_type(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) if ty.is_func_ref() => ValType::FUNCREF,
        wasmparser::ValType::Ref(_) => ValType::EXTERNREF,
    }
}

/// Where a section stands among the others: that of the count of data segments comes before the code.
fn order(id: u8) -> u8 {
    match id {
        10 | 11 => id + 1,
        12 => 10,
        _ => id,
    }
}

/// Adds entries to a section, which is made if there is none.
fn append(sections: &mut Sections, id: u8, count: usize, bytes: &[u8]) {
    let at = sections.partition_point(|(other, ..)| order(*other) < order(id));
    if sections.get(at).is_none_or(|(other, ..)| *other != id) {
        sections.insert(at, (id, 0, Vec::new()));
    }
    sections[at].1 += count as u32;
    sections[at].2.extend_from_slice(bytes);
}

fn join(sections: &Sections) -> Vec<u8> {
    let mut module = Module::new();
    for (id, count, bytes) in sections {
        let mut data = Vec::with_capacity(bytes.len() + 5);
        // The start section is an index alone.
        if *id != 8 {
            count.encode(&mut data);
        }
        data.extend_from_slice(bytes);
        module.section(&RawSection { id: *id, data: &data });
    }
    module.finish()
}

/// Exports in the making.
#[derive(Debug, Clone, Default)]
struct Exports {
    count: usize,
    bytes: Vec<u8>,
}

impl Exports {
    fn add(&mut self, name: &str, kind: ExportKind, index: u32) {
        self.count += 1;
        name.encode(&mut self.bytes);
        kind.encode(&mut self.bytes);
        index.encode(&mut self.bytes);
    }

    /// Returns them with what only Wasmtime shows.
    fn with_hidden(&self, hidden: &Hidden) -> Exports {
        let mut exports = self.clone();
        hidden.memories.iter().for_each(|memory| exports.add(&format!("m{memory}"), ExportKind::Memory, *memory));
        (0..hidden.tables).for_each(|table| exports.add(&format!("t{table}"), ExportKind::Table, table));
        hidden.globals.iter().for_each(|global| exports.add(&format!("g{global}"), ExportKind::Global, *global));
        exports
    }
}

/// Functions that are added.
#[derive(Debug)]
struct Added {
    first: u32,
    first_type: u32,
    types: Vec<(Vec<ValType>, Vec<ValType>)>,
    functions: Vec<u32>,
    bodies: Vec<wasm_encoder::Function>,
}

impl Added {
    fn new(facts: &Facts) -> Self {
        let (first, first_type) = (facts.functions.len() as u32, facts.types.len() as u32);
        Added { first, first_type, types: Vec::new(), functions: Vec::new(), bodies: Vec::new() }
    }

    fn function(&mut self, ty: (Vec<ValType>, Vec<ValType>), body: wasm_encoder::Function) -> u32 {
        self.functions.push(self.first_type + self.types.len() as u32);
        self.types.push(ty);
        self.bodies.push(body);
        self.first + self.bodies.len() as u32 - 1
    }

    fn type_of(&self, facts: &Facts, function: u32) -> (Vec<ValType>, Vec<ValType>) {
        match function.checked_sub(self.first) {
            Some(own) => self.types[own as usize].clone(),
            None => facts.types[facts.functions[function as usize] as usize].clone(),
        }
    }

    /// Returns the module of these sections with what is added.
    fn join(&self, sections: &Sections, exports: &Exports) -> Vec<u8> {
        let mut sections = sections.clone();
        append(&mut sections, 1, self.types.len(), &self.type_bytes());
        append(&mut sections, 3, self.functions.len(), &self.function_bytes());
        append(&mut sections, 7, exports.count, &exports.bytes);
        append(&mut sections, 10, self.bodies.len(), &self.body_bytes());
        join(&sections)
    }

    fn type_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (params, results) in &self.types {
            bytes.push(0x60);
            params.as_slice().encode(&mut bytes);
            results.as_slice().encode(&mut bytes);
        }
        bytes
    }

    fn function_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.functions.iter().for_each(|ty| ty.encode(&mut bytes));
        bytes
    }

    fn body_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.bodies.iter().for_each(|body| body.encode(&mut bytes));
        bytes
    }
}
