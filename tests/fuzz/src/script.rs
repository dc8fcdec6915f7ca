//! A guest that calls functions of the ABI one after the other.

use arbitrary::{Arbitrary, Result, Unstructured};
use belljar::abi::{self, Function};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, FunctionSection, ImportSection, MemArg,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// What the guest does, and what it is given.
#[derive(Debug, Clone)]
pub struct Script {
    pub pages: u64,
    /// Stands at the beginning of the memory, and at its end.
    pub data: Vec<u8>,
    pub input: Vec<u8>,
    /// Where its `alloc` wants the input, if it has one.
    pub place: Option<u32>,
    pub calls: Vec<Call>,
    pub status: i32,
    pub limits: Limits,
}

/// A call of a function by one of its names.
#[derive(Debug, Clone)]
pub struct Call {
    pub function: &'static Function,
    pub name: &'static str,
    pub arguments: [u32; 4],
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Limits {
    pub output_bytes: u16,
    pub log_bytes: u8,
    pub log_lines: u8,
    pub host_calls: u8,
}

/// Bytes of a page.
const PAGE: u64 = 65_536;

/// Where a call's result is put.
pub fn slot(call: usize) -> usize {
    1024 + 4 * call
}

impl Script {
    pub fn new(u: &mut Unstructured<'_>) -> Result<Script> {
        let (pages, limits) = (u.int_in_range(0..=2)?, u.arbitrary()?);
        let place = if u.arbitrary()? { Some(argument(u, pages)?) } else { None };
        let status = if u.ratio(1, 4)? { u.arbitrary()? } else { 0 };
        let calls = (0..u.int_in_range(1..=12)?).map(|_| Call::new(u, pages)).collect::<Result<_>>()?;
        let input = bytes(u, 100)?;
        let mut data = bytes(u, 600)?;
        if pages == 0 {
            data.clear();
        }
        Ok(Script { pages, data, input, place, calls, status, limits })
    }

    /// The memory at the start.
    pub fn memory(&self) -> Vec<u8> {
        let mut memory = vec![0; (self.pages * PAGE) as usize];
        memory[..self.data.len()].copy_from_slice(&self.data);
        let end = memory.len() - self.data.len();
        memory[end..].copy_from_slice(&self.data);
        memory
    }

    /// The module that does it.
    pub fn module(&self) -> Vec<u8> {
        let (mut types, mut imports, mut functions) =
            (TypeSection::new(), ImportSection::new(), FunctionSection::new());
        for (index, call) in self.calls.iter().enumerate() {
            let types_of = |count| std::iter::repeat_n(ValType::I32, count);
            types.ty().function(types_of(call.function.params.len()), types_of(call.function.results.len()));
            imports.import(abi::MODULE, call.name, EntityType::Function(index as u32));
        }
        let own = self.calls.len() as u32;
        types.ty().function([ValType::I32; 2], [ValType::I32]);
        types.ty().function([ValType::I32], [ValType::I32]);
        functions.function(own).function(own + 1);

        let mut memories = MemorySection::new();
        let memory =
            MemoryType { minimum: self.pages, maximum: None, memory64: false, shared: false, page_size_log2: None };
        memories.memory(memory);
        let mut exports = ExportSection::new();
        exports.export(abi::MEMORY, ExportKind::Memory, 0).export(abi::EXECUTE, ExportKind::Func, own);
        if self.place.is_some() {
            exports.export(abi::ALLOC, ExportKind::Func, own + 1);
        }
        let mut code = CodeSection::new();
        code.function(&self.execute());
        let mut alloc = wasm_encoder::Function::new([]);
        alloc.instructions().i32_const(self.place.unwrap_or_default() as i32).end();
        code.function(&alloc);
        let mut data = DataSection::new();
        for at in [0, self.pages * PAGE - self.data.len() as u64] {
            data.active(0, &ConstExpr::i32_const(at as i32), self.data.iter().copied());
        }
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories);
        module.section(&exports).section(&code).section(&data);
        module.finish()
    }

    fn execute(&self) -> wasm_encoder::Function {
        let mut execute = wasm_encoder::Function::new([(1, ValType::I32)]);
        let mut to = execute.instructions();
        for (index, call) in self.calls.iter().enumerate() {
            for argument in &call.arguments[..call.function.params.len()] {
                to.i32_const(*argument as i32);
            }
            to.call(index as u32);
            if !call.function.results.is_empty() {
                to.local_set(2);
                if self.pages > 0 {
                    let place =
                        MemArg { offset: slot(index) as u64, align: 0, target: Default::default(), ordering: None };
                    to.i32_const(0).local_get(2).i32_store(place);
                }
            }
        }
        to.i32_const(self.status).end();
        execute
    }
}

impl Call {
    fn new(u: &mut Unstructured<'_>, pages: u64) -> Result<Call> {
        let function = u.choose(abi::FUNCTIONS)?;
        let name = u.choose(function.names)?;
        let mut arguments = [0; 4];
        for argument in &mut arguments {
            *argument = self::argument(u, pages)?;
        }
        Ok(Call { function, name, arguments })
    }
}

/// A small number, one around the end of the memory, one around the end of all, or any.
fn argument(u: &mut Unstructured<'_>, pages: u64) -> Result<u32> {
    let near = u32::from(u8::arbitrary(u)?);
    let end = (pages * PAGE) as u32;
    Ok(match u.int_in_range(0..=7)? {
        0..=2 => near,
        3 => near % 6,
        4 => end.wrapping_sub(near),
        5 => end.wrapping_add(near).wrapping_sub(128),
        6 => 0u32.wrapping_sub(near),
        _ => u.arbitrary()?,
    })
}

fn bytes(u: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let len = u.int_in_range(0..=most)?.min(u.len());
    Ok(u.bytes(len)?.to_vec())
}
