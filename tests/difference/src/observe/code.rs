//! The bodies of the functions that are added.

use belljar::Value;
use wasm_encoder::{BlockType, Function, HeapType, Ieee32, Ieee64, InstructionSink, MemArg, MemArgTarget, ValType};

use super::{FACTOR, Facts, Hidden, LANES, SLOTS, is_reference};

type Type = (Vec<ValType>, Vec<ValType>);

/// Makes a function that calls another with null for its references, and tells of each that it gives whether it is
/// null.
pub fn wrapper(callee: u32, params: &[ValType], results: &[ValType]) -> (Type, Function) {
    let own: Vec<ValType> = params.iter().copied().filter(|ty| !is_reference(ty)).collect();
    let mut function = Function::new_with_locals_types(results.iter().copied());
    let mut code = function.instructions();
    let mut next = 0;
    for param in params {
        match param {
            ValType::Ref(_) => {
                code.ref_null(if *param == ValType::FUNCREF { HeapType::FUNC } else { HeapType::EXTERN });
            }
            _ => {
                code.local_get(next);
                next += 1;
            }
        }
    }
    code.call(callee);
    for at in (0..results.len() as u32).rev() {
        code.local_set(next + at);
    }
    let mut gives = Vec::new();
    for (at, result) in (0..).zip(results) {
        code.local_get(next + at);
        if is_reference(result) {
            code.ref_is_null();
            gives.push(ValType::I32);
        } else {
            gives.push(*result);
        }
    }
    code.end();
    ((own, gives), function)
}

/// Makes a function that calls another with these arguments, and gives its results and what `observe` gives.
pub fn drive(callee: u32, results: &[ValType], arguments: &[Value], observe: u32) -> (Type, Function) {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for argument in arguments {
        constant(&mut code, *argument);
    }
    code.call(callee).i32_const(1).call(observe).end();
    let gives = results.iter().copied().chain([ValType::I64]).collect();
    ((Vec::new(), gives), function)
}

fn constant(code: &mut InstructionSink<'_>, value: Value) {
    match value {
        Value::I32(v) => code.i32_const(v),
        Value::I64(v) => code.i64_const(v),
        Value::F32(v) => code.f32_const(Ieee32::new(v.to_bits())),
        Value::F64(v) => code.f64_const(Ieee64::new(v.to_bits())),
        Value::V128(v) => code.v128_const(v as i128),
        other => panic!("a kind of value that is not made here: {other:?}"),
    };
}

/// The locals of `observe`.
const ALL: u32 = 0;
const AT: u32 = 1;
const END: u32 = 2;
const HASH: u32 = 3;
const VECTOR: u32 = 4;

/// Makes the function that hashes memories, tables and references; the memory that is exported only if its parameter
/// is not 0.
pub fn observe(facts: &Facts, hidden: &Hidden, shown: u32) -> Function {
    let locals = [ValType::I32, ValType::I32, ValType::I64, ValType::V128];
    let mut function = Function::new_with_locals_types(locals);
    let mut code = function.instructions();
    for memory in 0..facts.memories {
        if memory == shown {
            code.local_get(ALL).if_(BlockType::Empty);
            self::memory(&mut code, memory);
            code.end();
        } else {
            self::memory(&mut code, memory);
        }
    }
    for index in 0..hidden.tables {
        table(&mut code, index);
    }
    for index in &hidden.globals {
        code.global_get(*index).ref_is_null();
        note(&mut code);
    }
    code.local_get(HASH);
    code.end();
    function
}

/// Takes a number off the stack and into the hash.
fn note(code: &mut InstructionSink<'_>) {
    code.i64_extend_i32_u().local_get(HASH).i64_const(FACTOR).i64_mul().i64_add().local_set(HASH);
}

/// Hashes a memory, all of it unless all memories are looked at: then an eighth.
fn memory(code: &mut InstructionSink<'_>, memory: u32) {
    code.memory_size(memory);
    note(code);
    code.i32_const(0).local_set(AT).memory_size(memory).i32_const(16).i32_shl().local_set(END);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(AT).local_get(END).i32_ge_u().br_if(1);
    for offset in [0, 16] {
        code.local_get(VECTOR);
        code.v128_const(LANES.iter().rev().fold(0, |bits, lane| bits << 32 | i128::from(*lane)));
        code.i32x4_mul().local_get(AT);
        code.v128_load(MemArg { offset, align: 4, target: MemArgTarget::Memory(memory), ordering: None });
        code.i32x4_add().local_set(VECTOR);
    }
    code.i32_const(256).i32_const(32).local_get(ALL).select();
    code.local_get(AT).i32_add().local_set(AT).br(0);
    code.end().end();
    code.local_get(VECTOR).i64x2_extract_lane(0).local_get(VECTOR).i64x2_extract_lane(1).i64_const(3).i64_mul();
    code.i64_xor().local_get(HASH).i64_add().local_set(HASH);
}

/// Hashes a table: its size, and which of its first slots are null.
fn table(code: &mut InstructionSink<'_>, table: u32) {
    let slots = SLOTS as i32;
    code.table_size(table);
    note(code);
    code.i32_const(0).local_set(AT).table_size(table).i32_const(slots).table_size(table).i32_const(slots);
    code.i32_lt_u().select().local_set(END);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(AT).local_get(END).i32_ge_u().br_if(1);
    code.local_get(AT).table_get(table).ref_is_null();
    note(code);
    code.local_get(AT).i32_const(1).i32_add().local_set(AT).br(0);
    code.end().end();
}
