//! Modules of any size, the same bytes everywhere: functions of some 600 bytes with the operators that
//! compilers emit, of which a run enters one.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    InstructionSink, MemArg, MemArgTarget, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// Of a module, one tenth is data, as in what compilers make.
const DATA: usize = 10;

const PARAMS: u32 = 2;
/// Locals of type `i32`, parameters among them; those of type `i64` and `f64` follow.
const I32: u32 = 6;
const I64: u32 = 2;
const F64: u32 = 2;

/// A module of about so many bytes, another one for each seed.
pub fn module(bytes: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0xbf58_476d_1ce4_e5b9));
    let mut bodies = Vec::new();
    let mut size = bytes / DATA;
    while size < bytes {
        let body = body(&mut random, bodies.len() as u32);
        size += body.byte_len() + 2;
        bodies.push(body);
    }
    let count = bodies.len() as u32;

    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([ValType::I32; PARAMS as usize], [ValType::I32]);
    types.ty().function([], [ValType::I32]);
    for body in &bodies {
        functions.function(0);
        code.function(body);
    }
    // Every entry makes one call, and returns 0 whatever comes of it.
    for ty in [0, 1] {
        functions.function(ty);
        let mut entry = Function::new([]);
        entry.instructions().i32_const(3).i32_const(5).call(0).i32_const(0).i32_and().end();
        code.function(&entry);
    }

    let mut memories = MemorySection::new();
    let minimum = 1 + (bytes as u64 >> 16);
    memories.memory(MemoryType { minimum, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("execute", ExportKind::Func, count);
    exports.export("go", ExportKind::Func, count + 1);
    let mut data = DataSection::new();
    let text: Vec<u8> = (0..bytes / DATA).map(|_| random.below(96) as u8 + 32).collect();
    data.active(0, &ConstExpr::i32_const(1024), text);

    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports).section(&code).section(&data);
    module.finish()
}

/// A function that may call those before it; the first ones call none.
fn body(random: &mut Random, number: u32) -> Function {
    let mut function = Function::new([(I32 - PARAMS, ValType::I32), (I64, ValType::I64), (F64, ValType::F64)]);
    let mut to = function.instructions();
    for _ in 0..10 {
        statement(random, &mut to, number, 3);
    }
    to.local_get(random.below(I32));
    to.end();
    function
}

fn statement(random: &mut Random, to: &mut InstructionSink, number: u32, depth: u32) {
    let nested = if depth == 0 { 0 } else { 3 };
    match random.below(8 + nested) {
        0..=2 => {
            i32(random, to, depth);
            to.local_set(random.below(I32));
        }
        3 => {
            i64(random, to, depth);
            to.local_set(I32 + random.below(I64));
        }
        4 => {
            f64(random, to, depth);
            to.local_set(I32 + I64 + random.below(F64));
        }
        5 | 6 => {
            address(random, to);
            i32(random, to, depth);
            to.i32_store(at(random, 2));
        }
        7 if number > 8 => {
            i32(random, to, 1);
            to.local_get(random.below(I32));
            to.call(random.below(number));
            to.local_set(random.below(I32));
        }
        7 => {
            address(random, to);
            i64(random, to, depth);
            to.i64_store(at(random, 3));
        }
        8 => {
            i32(random, to, 1);
            to.if_(BlockType::Empty);
            statement(random, to, number, depth - 1);
            statement(random, to, number, depth - 1);
            to.else_();
            statement(random, to, number, depth - 1);
            to.end();
        }
        9 => {
            to.block(BlockType::Empty);
            i32(random, to, 1);
            to.br_if(0);
            statement(random, to, number, depth - 1);
            statement(random, to, number, depth - 1);
            to.end();
        }
        _ => {
            // A loop whose counter no statement in it sets: it is in memory, below all addresses.
            to.i32_const(0).i32_const(random.below(8) as i32 + 1).i32_store(COUNTER);
            to.loop_(BlockType::Empty);
            statement(random, to, 0, depth - 1);
            to.i32_const(0);
            to.i32_const(0).i32_load(COUNTER).i32_const(1).i32_sub().i32_store(COUNTER);
            to.i32_const(0).i32_load(COUNTER).i32_const(0).i32_gt_s();
            to.br_if(0);
            to.end();
        }
    }
}

const COUNTER: MemArg = MemArg { offset: 0, align: 2, target: MemArgTarget::Memory(0), ordering: None };

fn i32(random: &mut Random, to: &mut InstructionSink, depth: u32) {
    if depth == 0 {
        match random.below(3) {
            0 => to.i32_const(random.below(1 << 20) as i32),
            _ => to.local_get(random.below(I32)),
        };
        return;
    }
    match random.below(7) {
        0 => {
            address(random, to);
            to.i32_load(at(random, 2));
        }
        1 => {
            address(random, to);
            to.i32_load8_u(at(random, 0));
        }
        2 => {
            i64(random, to, depth - 1);
            to.i32_wrap_i64();
        }
        3 => {
            i32(random, to, depth - 1);
            i32(random, to, depth - 1);
            [InstructionSink::i32_lt_s, InstructionSink::i32_eq, InstructionSink::i32_ge_u][random.below(3) as usize](
                to,
            );
        }
        _ => {
            i32(random, to, depth - 1);
            i32(random, to, depth - 1);
            [
                InstructionSink::i32_add,
                InstructionSink::i32_sub,
                InstructionSink::i32_mul,
                InstructionSink::i32_and,
                InstructionSink::i32_xor,
                InstructionSink::i32_shl,
                InstructionSink::i32_shr_u,
            ][random.below(7) as usize](to);
        }
    }
}

fn i64(random: &mut Random, to: &mut InstructionSink, depth: u32) {
    match random.below(if depth == 0 { 2 } else { 5 }) {
        0 => {
            to.i64_const(i64::from(random.below(1 << 30)));
        }
        1 => {
            to.local_get(I32 + random.below(I64));
        }
        2 => {
            i32(random, to, depth - 1);
            to.i64_extend_i32_u();
        }
        _ => {
            i64(random, to, depth - 1);
            i64(random, to, depth - 1);
            [InstructionSink::i64_add, InstructionSink::i64_mul, InstructionSink::i64_or][random.below(3) as usize](to);
        }
    }
}

fn f64(random: &mut Random, to: &mut InstructionSink, depth: u32) {
    match random.below(if depth == 0 { 1 } else { 3 }) {
        0 => {
            to.local_get(I32 + I64 + random.below(F64));
        }
        1 => {
            i32(random, to, depth - 1);
            to.f64_convert_i32_s();
        }
        _ => {
            f64(random, to, depth - 1);
            f64(random, to, depth - 1);
            [InstructionSink::f64_add, InstructionSink::f64_mul][random.below(2) as usize](to);
        }
    }
}

/// An address in the first page, not the lowest.
fn address(random: &mut Random, to: &mut InstructionSink) {
    to.local_get(random.below(I32)).i32_const(0x7ff8).i32_and();
}

/// An offset from there.
fn at(random: &mut Random, align: u32) -> MemArg {
    MemArg { offset: 8 + 8 * u64::from(random.below(64)), align, ..COUNTER }
}

/// Numbers that look random (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % u64::from(end)) as u32
    }
}
