//! Functions that are added to a module, so that what it does not export is seen too.

use belljar::Value;
use wasm_encoder::{Encode, ExportKind, Module, RawSection, ValType};
use wasmparser::{Parser, Payload, TypeRef};

use crate::{arguments, random::Random};

mod code;

/// A module with the calls that are made of it.
#[derive(Debug)]
pub struct Case {
    pub wasm: Vec<u8>,
    /// In order; the first is of a function that calls one of the others and returns what `observe` does, too.
    pub calls: Vec<Call>,
    /// The exported globals with values.
    pub globals: Vec<String>,
    /// Whether there is anything that only `observe` sees.
    pub is_observed: bool,
}

/// A call by values.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    pub arguments: Vec<Value>,
}

/// The name of the function that returns a hash of what the module does not export, and, if its parameter is not
/// 0, of the exported memory as well.
pub const OBSERVE: &str = "observe";

/// The name of the function that calls another and then `observe`.
pub const DRIVE: &str = "drive";

/// How many calls are made of a module at most, and of one function.
const CALLS: (usize, usize) = (9, 3);

/// What is known of a module.
#[derive(Debug, Default)]
struct Facts {
    types: Vec<(Vec<ValType>, Vec<ValType>)>,
    /// The type of each function.
    functions: Vec<u32>,
    tables: Vec<ValType>,
    memories: u32,
    globals: Vec<ValType>,
    /// The functions that it exports.
    exported: Vec<u32>,
}

/// Makes a case of a valid module without imports.
pub fn case(wasm: &[u8], seed: u64) -> Case {
    let mut random = Random::new(!seed);
    let (facts, mut sections) = read(wasm);
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
    let observe = code::observe(&facts, shown);
    let observe = added.function((vec![ValType::I32], vec![ValType::I64]), observe);
    exports.add(OBSERVE, ExportKind::Func, observe);

    let mut calls = Vec::new();
    for (name, _, params) in &callable {
        for _ in 0..if params.is_empty() { 1 } else { CALLS.1 } {
            let arguments = params.iter().map(|ty| arguments::value(&mut random, *ty)).collect();
            calls.push(Call { name: name.clone(), arguments });
        }
    }
    calls.truncate(CALLS.0);
    if !callable.is_empty() {
        let at = random.below(calls.len());
        let (_, index, _) = callable.iter().find(|(name, ..)| *name == calls[at].name).expect("it is called");
        let results = added.type_of(&facts, *index).1;
        let (ty, drive) = code::drive(*index, &results, &calls[at].arguments, observe);
        exports.add(DRIVE, ExportKind::Func, added.function(ty, drive));
        calls.insert(0, Call { name: DRIVE.into(), arguments: Vec::new() });
    }

    if facts.memories > 0 {
        exports.add("memory", ExportKind::Memory, shown);
    }
    let mut globals = Vec::new();
    for (index, ty) in (0..).zip(&facts.globals).filter(|(_, ty)| !is_reference(ty)) {
        let _ = ty;
        globals.push(format!("g{index}"));
        exports.add(&format!("g{index}"), ExportKind::Global, index);
    }
    let is_observed =
        facts.memories > 1 || !facts.tables.is_empty() || facts.globals.iter().any(is_reference);
    append(&mut sections, 1, added.types.len(), &added.type_bytes());
    append(&mut sections, 3, added.functions.len(), &added.function_bytes());
    append(&mut sections, 7, exports.count, &exports.bytes);
    append(&mut sections, 10, added.bodies.len(), &added.body_bytes());
    Case { wasm: join(&sections), calls, globals, is_observed }
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
            Payload::TableSection(tables) => {
                let types = tables.into_iter().map(|table| table.expect(VALID).ty.element_type);
                self.tables.extend(types.map(|ty| value_type(wasmparser::ValType::Ref(ty))));
            }
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
#[derive(Debug, Default)]
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
