//! A whole function: what its body begins and ends with, and how long it is.

use wasm_encoder::{BlockType, Function, Instruction, MemArg, MemArgTarget, ValType};

use super::{
    body::{Body, Use},
    plan::{BUDGET, Plan, Role, Types, value_type},
};
use crate::random::Random;

/// How often guarded functions are called at most, for each call of a root.
const CALLS: i32 = 12;

/// Makes the body of a function.
pub fn function(plan: &Plan, types: &mut Types, random: &mut Random, index: u32) -> Function {
    let planned = &plan.functions[index as usize];
    let mut body = Body::new(plan, types, random, &planned.signature);
    if let Role::Marker(number) = planned.role {
        body.emit(Instruction::I32Const(number));
        return body.finish();
    }
    match planned.role {
        Role::Root => {
            body.emit(Instruction::I32Const(CALLS));
            body.emit(Instruction::GlobalSet(BUDGET));
        }
        _ => guard(&mut body),
    }
    locals(&mut body);
    body.left = match body.random.below(32) {
        0..4 => body.random.range(1, 8),
        4..26 => body.random.range(8, 40),
        26..31 => body.random.range(40, 100),
        _ => body.random.range(100, 400),
    };
    body.fill();
    body.left = 0;
    if !body.frame().dead && body.random.percent(60) {
        spill(&mut body);
    }
    body.fit();
    body.finish()
}

/// Returns zeros where the function has been called too often.
fn guard(body: &mut Body<'_>) {
    body.emit(Instruction::GlobalGet(BUDGET));
    body.emit(Instruction::I32Eqz);
    body.emit(Instruction::If(BlockType::Empty));
    for ty in body.results.clone() {
        body.constant(ty);
    }
    body.emit(Instruction::Return);
    body.emit(Instruction::End);
    body.stack.clear();
    body.emit(Instruction::GlobalGet(BUDGET));
    body.emit(Instruction::I32Const(1));
    body.emit(Instruction::I32Sub);
    body.emit(Instruction::GlobalSet(BUDGET));
}

/// Declares locals: of every type of numbers, and some more.
fn locals(body: &mut Body<'_>) {
    // Far locals are told apart from near ones in the encoding.
    if body.random.percent(4) {
        for _ in 0..body.random.range(100, 300) {
            body.local(ValType::I64, Use::Free);
        }
    }
    body.local(ValType::I32, Use::Pointer);
    for ty in [ValType::I32, ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128] {
        if body.random.percent(70) {
            body.local(ty, Use::Free);
        }
    }
    for _ in 0..body.random.below(5) {
        let ty = value_type(body.random, true);
        body.local(ty, Use::Free);
    }
}

/// Stores some locals, so that what they hold is seen.
fn spill(body: &mut Body<'_>) {
    for _ in 0..body.random.range(1, 4) {
        let ty = value_type(body.random, false);
        let Some(local) = body.local_of(ty, |of| of != Use::Pointer) else { continue };
        let memory = body.memory();
        if body.plan.memories[memory as usize].minimum == 0 {
            continue;
        }
        let place = 16 * body.random.below(1000) as i32;
        body.number(place);
        body.apply(Instruction::LocalGet(local), 0, &[ty]);
        let place = MemArg { offset: 0, align: 2, target: MemArgTarget::Memory(memory), ordering: None };
        let store = match ty {
            ValType::I32 => Instruction::I32Store(place),
            ValType::I64 => Instruction::I64Store(place),
            ValType::F32 => Instruction::F32Store(place),
            ValType::F64 => Instruction::F64Store(place),
            _ => Instruction::V128Store(place),
        };
        body.apply(store, 2, &[]);
    }
}
