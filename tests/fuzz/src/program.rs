//! A program that calls functions of WASI one after the other, with arguments that often mean something.

use arbitrary::{Result, Unstructured};
use belljar::{
    ValueType,
    abi::wasi::{FUNCTIONS, Function, Param, Snapshot},
};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, FunctionSection, ImportSection, MemArg,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// What the program does.
#[derive(Debug, Clone)]
pub struct Program {
    snapshot: Snapshot,
    calls: Vec<(&'static Function, Vec<u64>)>,
    /// Stands at the beginning of the memory.
    noise: Vec<u8>,
}

/// Paths that are there, that can be made, and that lead out.
const PATHS: &[&str] = &[
    "a",
    "b",
    "d",
    "d/e",
    "d/e/f",
    "d/new",
    "new",
    "link",
    "loop",
    "up",
    "out",
    "abs",
    "up/out/secret",
    "out/secret",
    "../out/secret",
    "d/../../out/secret",
    "/etc/passwd",
    "abs/etc/passwd",
    ".",
    "..",
    "",
    "/",
    "d/",
    "a/",
    "./a",
    "d//e",
    "link/../a",
    "new/../a",
    "\u{e9}",
    "\0",
];

/// Where things are: paths, each in a slot of its own; lists of buffers; and buffers.
const AT_PATHS: u32 = 4_096;
const SLOT: u32 = 32;
const AT_LISTS: u32 = 8_192;
const AT_BUFFERS: u32 = 16_384;
const AT_ANSWERS: u32 = 32_768;
const PAGE: u32 = 65_536;

impl Program {
    pub fn new(u: &mut Unstructured<'_>) -> Result<Program> {
        let snapshot = if u.ratio(1, 8)? { Snapshot::Unstable } else { Snapshot::Preview1 };
        let known: Vec<_> = FUNCTIONS.iter().filter(|function| function.is_in(snapshot)).collect();
        let mut calls = Vec::new();
        for _ in 0..u.int_in_range(1..=24)? {
            let function = *u.choose(&known)?;
            // One that ends the program is worth a try now and then.
            if function.ty().results.is_empty() && u.ratio(7, 8)? {
                continue;
            }
            let mut arguments = Vec::new();
            for param in function.params {
                argument(u, *param, &mut arguments)?;
            }
            calls.push((function, arguments));
        }
        let noise = u.bytes(u.len().min(256))?.to_vec();
        Ok(Program { snapshot, calls, noise })
    }

    /// The module that does it, and writes all of its memory to its output.
    pub fn module(&self) -> Vec<u8> {
        let (mut types, mut imports, mut functions) =
            (TypeSection::new(), ImportSection::new(), FunctionSection::new());
        let write = FUNCTIONS.iter().find(|function| function.name == "fd_write");
        let called = self.calls.iter().map(|(function, _)| *function).chain(write);
        for (index, function) in called.enumerate() {
            let ty = function.ty();
            types.ty().function(ty.params.iter().map(encoded), ty.results.iter().map(encoded));
            imports.import(self.snapshot.module(), function.name, EntityType::Function(index as u32));
        }
        let own = self.calls.len() as u32 + 1;
        types.ty().function([], []);
        functions.function(own);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0).export("_start", ExportKind::Func, own);
        let mut code = CodeSection::new();
        code.function(&self.start());
        let mut data = DataSection::new();
        let mut put = |at: u32, bytes: &[u8]| {
            data.active(0, &ConstExpr::i32_const(at as i32), bytes.iter().copied());
        };
        put(0, &self.noise);
        for (slot, path) in (0..).zip(PATHS) {
            put(AT_PATHS + slot * SLOT, path.as_bytes());
        }
        // Buffers of 64 bytes each, then one of none, one over the list itself, and one that is too long.
        let buffers = (0..8u32).map(|index| (AT_BUFFERS + index * 64, 64u32));
        for (slot, (ptr, len)) in (0..).zip(buffers.chain([(0, 0), (AT_LISTS, 64), (PAGE - 8, 64)])) {
            put(AT_LISTS + slot * 8, &[ptr.to_le_bytes(), len.to_le_bytes()].concat());
        }
        // All of it, for the end.
        put(AT_LISTS + 256, &[0u32.to_le_bytes(), PAGE.to_le_bytes()].concat());
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories);
        module.section(&exports).section(&code).section(&data);
        module.finish()
    }

    fn start(&self) -> wasm_encoder::Function {
        let mut start = wasm_encoder::Function::new([(1, ValType::I32)]);
        let mut to = start.instructions();
        let last: Vec<u64> = [1, AT_LISTS + 256, 1, AT_ANSWERS - 4].map(u64::from).to_vec();
        let write = FUNCTIONS.iter().find(|function| function.name == "fd_write");
        let last = write.map(|function| (function, last));
        for (index, (function, arguments)) in self.calls.iter().cloned().chain(last).enumerate() {
            let ty = function.ty();
            for (ty, value) in ty.params.iter().zip(&arguments) {
                match ty {
                    ValueType::I64 => to.i64_const(*value as i64),
                    _ => to.i32_const(*value as i32),
                };
            }
            to.call(index as u32);
            if !ty.results.is_empty() {
                let place = MemArg {
                    offset: u64::from(AT_ANSWERS) + 4 * index as u64,
                    align: 2,
                    target: Default::default(),
                    ordering: None,
                };
                to.local_set(0).i32_const(0).local_get(0).i32_store(place);
            }
        }
        to.end();
        start
    }
}

fn encoded(ty: &ValueType) -> ValType {
    if *ty == ValueType::I64 { ValType::I64 } else { ValType::I32 }
}

fn argument(u: &mut Unstructured<'_>, param: Param, to: &mut Vec<u64>) -> Result<()> {
    let wild = u.ratio(1, 24)?;
    let any = |u: &mut Unstructured<'_>| Ok::<_, arbitrary::Error>(u64::from(u.arbitrary::<u32>()?));
    match param {
        Param::I32(_) if wild => to.push(any(u)?),
        Param::I32(name) if name.contains("fd") => to.push(u.int_in_range(0..=8)?),
        Param::I32(_) => to.push(u.int_in_range(0..=15)?),
        // Rights, sizes and places: all, or some.
        Param::I64(_) if wild => to.push(u.arbitrary()?),
        Param::I64(name) if name.contains("rights") => to.push(*u.choose(&[0x1fff_ffff, 0x0fff_ffbf, 2, 0])?),
        Param::I64(_) => to.push(u.int_in_range(0..=200)?),
        Param::Path(_) if !wild => {
            let index = u.choose_index(PATHS.len())?;
            to.extend([u64::from(AT_PATHS + SLOT * index as u32), PATHS[index].len() as u64]);
        }
        Param::Buffers(_) if !wild => {
            to.extend([u64::from(AT_LISTS) + 8 * u.int_in_range(0..=10)?, u.int_in_range(0..=3)?]);
        }
        Param::Buffer(_) if !wild => {
            to.extend([u64::from(AT_BUFFERS) + 8 * u.int_in_range(0..=63)?, u.int_in_range(0..=300)?]);
        }
        Param::Path(_) | Param::Buffers(_) | Param::Buffer(_) => to.extend([any(u)?, any(u)?]),
        _ if wild => to.push(any(u)?),
        _ => to.push(u64::from(AT_BUFFERS) + 8 * u.int_in_range(0..=63)?),
    }
    Ok(())
}
