//! Modules of any size, for other tests.

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection, MemArg, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};

/// `functions` functions of some 400 bytes, each of which works on a memory of 17 pages and calls one of another;
/// the last is `_start`. A run comes to one in a hundred of them.
pub fn module(functions: u32) -> Vec<u8> {
    let (mut types, mut declared, mut memories) = (TypeSection::new(), FunctionSection::new(), MemorySection::new());
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([], []);
    memories.memory(MemoryType { minimum: 17, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut code = CodeSection::new();
    for n in 0..functions {
        declared.function(0);
        let mut body = Function::new([(2, ValType::I32)]);
        let mut sink = body.instructions();
        for step in 0..24 {
            let number = (n.wrapping_mul(2_654_435_761) >> 12) as i32 + step;
            sink.local_get(0).i32_const(number).i32_add().local_tee(1).i32_const(0xffff).i32_and();
            sink.local_get(1).i32_store(MemArg { offset: 64, align: 2, target: Default::default(), ordering: None });
            sink.local_get(1).i32_const(step % 13 + 1).i32_rotl().local_set(0);
        }
        match n.checked_sub(100) {
            Some(callee) => drop(sink.local_get(0).call(callee).end()),
            None => drop(sink.local_get(0).end()),
        }
        code.function(&body);
    }
    declared.function(1);
    let mut start = Function::new([]);
    start.instructions().i32_const(1).call(functions - 1).drop().end();
    code.function(&start);
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("_start", ExportKind::Func, functions);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(1 << 20), [7; 4096]);
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories).section(&exports).section(&code).section(&data);
    module.finish()
}
