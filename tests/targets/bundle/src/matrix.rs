//! Every operator on numbers, with each pair of special ones: what it makes of them is the output.

use belljar::{Config, Value};
use belljar_targets::{Action, Case};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, MemArg, MemArgTarget, MemorySection, MemoryType, Module, TypeSection, ValType,
};

use crate::{
    SLICES, json,
    operator::{Immediates, Operator, operators},
};

/// NaNs quiet and signalling, of both signs and with payloads, infinities, zeros, the smallest and largest
/// numbers, and halves, which show how a number is rounded.
const F32: [u32; 12] = [
    0x7fc0_0000,
    0xffc0_0001,
    0x7fa0_0001,
    0xff80_0001,
    0x7f80_0000,
    0xff80_0000,
    0x0000_0000,
    0x8000_0000,
    0x0000_0001,
    0xff7f_ffff,
    0x3fc0_0000,
    0xcf00_0000,
];
const F64: [u64; 12] = [
    0x7ff8_0000_0000_0000,
    0xfff8_0000_0000_0001,
    0x7ff4_0000_0000_0001,
    0xfff0_0000_0000_0001,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x0000_0000_0000_0000,
    0x8000_0000_0000_0000,
    0x0000_0000_0000_0001,
    0xffef_ffff_ffff_ffff,
    0x3ff8_0000_0000_0000,
    0xc3e0_0000_0000_0000,
];

const COUNT: i32 = 24;
const SIZE: i32 = 16;
/// Where a result is put.
const RESULT: i32 = 1024;

pub fn cases() -> Vec<Case> {
    let config = json(&Config::default().with_fuel(1_000_000));
    let numbers = |operator: &Operator| {
        matches!(operator.immediates, Immediates::Bytes { .. })
            && operator.result.is_some_and(|ty| ty != ValType::FUNCREF)
            && !operator.params.contains(&ValType::FUNCREF)
            // Not those of memories and tables, nor the call.
            && !matches!(operator.code[..], [0x11 | 0x25 | 0x26 | 0x40] | [0xfc, 8..=255])
    };
    let case = |operator: Operator| Case {
        group: "matrix".into(),
        vectors: false,
        name: format!("{:02x?} {:?}", operator.code, operator.params),
        config: config.clone(),
        wasm: module(&operator),
        slices: SLICES[2..].into(),
        actions: actions(&operator),
    };
    operators().into_iter().filter(numbers).map(case).collect()
}

/// A trap ends a run: where there is one, numbers are also asked for one by one.
fn actions(operator: &Operator) -> Vec<Action> {
    let traps = matches!(operator.code[..], [0x6d..=0x70 | 0x7f..=0x82 | 0xa8..=0xb1]);
    let call = |(one, other): (i32, i32)| Action::Call {
        name: "at".into(),
        arguments: vec![Value::I32(one * SIZE), Value::I32(other * SIZE)],
        input: Vec::new(),
    };
    let others = if operator.params.len() > 1 { COUNT } else { 1 };
    let pairs =
        (0..if traps { COUNT } else { 0 }).flat_map(|one| (0..others).step_by(5).map(move |other| (one, other)));
    [Action::Run { input: Vec::new() }].into_iter().chain(pairs.map(call)).collect()
}

/// The numbers as vectors: each in all lanes but one, in which the next one is.
fn values() -> Vec<u8> {
    let wide = |at: usize| F32[at % F32.len()].to_le_bytes();
    let wider = |at: usize| F64[at % F64.len()].to_le_bytes();
    let f32s = (0..F32.len()).flat_map(|at| [wide(at), wide(at), wide(at + 1), wide(at)].concat());
    let f64s = (0..F64.len()).flat_map(|at| [wider(at), wider(at + 1)].concat());
    f32s.chain(f64s).collect()
}

/// `at` writes what the operator makes of the numbers at two places; `_start` goes through all pairs of them.
fn module(operator: &Operator) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], []);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import("env", "write_output", EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(0).function(1);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("at", ExportKind::Func, 1).export("_start", ExportKind::Func, 2);
    let mut code = CodeSection::new();
    code.function(&at(operator)).function(&all());
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), values());
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&exports);
    module.section(&code).section(&data);
    module.finish()
}

fn at(operator: &Operator) -> Function {
    let mut function = Function::new([]);
    function.instructions().i32_const(RESULT);
    for (at, ty) in operator.params.iter().enumerate() {
        // The third is the first.
        load(*ty, at as u32 % 2, &mut function);
    }
    let Immediates::Bytes { count, max } = operator.immediates else { unreachable!("it has no memory") };
    let lanes = (0..count as u8).map(|lane| lane.wrapping_mul(7) % (max + 1));
    function.raw(operator.code.iter().copied().chain(lanes));
    store(operator.result.expect("only operators with a result are here"), &mut function);
    function.instructions().i32_const(RESULT).i32_const(SIZE).call(0).end();
    function
}

fn all() -> Function {
    let mut function = Function::new([(2, ValType::I32)]);
    let mut to = function.instructions();
    to.loop_(BlockType::Empty).i32_const(0).local_set(1).loop_(BlockType::Empty);
    to.local_get(0).local_get(1).call(1);
    for local in [1, 0] {
        to.local_get(local)
            .i32_const(SIZE)
            .i32_add()
            .local_tee(local)
            .i32_const(COUNT * SIZE)
            .i32_lt_u()
            .br_if(0)
            .end();
    }
    to.end();
    function
}

fn memory() -> MemArg {
    MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None }
}

fn load(ty: ValType, local: u32, to: &mut Function) {
    let mut to = to.instructions();
    to.local_get(local);
    match ty {
        ValType::I32 => to.i32_load(memory()),
        ValType::I64 => to.i64_load(memory()),
        ValType::F32 => to.f32_load(memory()),
        ValType::F64 => to.f64_load(memory()),
        _ => to.v128_load(memory()),
    };
}

fn store(ty: ValType, to: &mut Function) {
    let mut to = to.instructions();
    match ty {
        ValType::I32 => to.i32_store(memory()),
        ValType::I64 => to.i64_store(memory()),
        ValType::F32 => to.f32_store(memory()),
        ValType::F64 => to.f64_store(memory()),
        _ => to.v128_store(memory()),
    };
}
