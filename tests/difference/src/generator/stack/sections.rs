//! A module from what was planned and made.

use std::borrow::Cow;

use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, HeapType, MemorySection, MemoryType, Module, RefType,
    TableSection, TableType, TypeSection, ValType,
};

use super::plan::{Plan, Role, Types};
use crate::{arguments, random::Random};

/// Encodes a module. It exports its roots, and now and then one of its other functions.
pub fn module(plan: &Plan, types: &Types, random: &mut Random, bodies: &[Function]) -> Vec<u8> {
    let (mut of_types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    for (params, results) in &types.0 {
        of_types.ty().function(params.iter().copied(), results.iter().copied());
    }
    let mut exports = ExportSection::new();
    for (index, (planned, body)) in (0..).zip(plan.functions.iter().zip(bodies)) {
        functions.function(planned.signature.index);
        code.function(body);
        if planned.role == Role::Root || planned.role == Role::Guarded && random.percent(20) {
            exports.export(&format!("f{index}"), ExportKind::Func, index);
        }
    }
    let mut tables = TableSection::new();
    for table in &plan.tables {
        tables.table(TableType {
            element_type: table.ty,
            table64: false,
            minimum: table.slots.len() as u64,
            maximum: table.maximum,
            shared: false,
        });
    }
    let mut memories = MemorySection::new();
    for memory in &plan.memories {
        memories.memory(MemoryType {
            minimum: memory.minimum,
            maximum: memory.maximum,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
    }
    let mut module = Module::new();
    module.section(&of_types).section(&functions).section(&tables).section(&memories);
    module.section(&globals(plan, random)).section(&exports).section(&elements(plan));
    let data = data(plan, random);
    module.section(&DataCountSection { count: data.len() }).section(&code).section(&data);
    module.finish()
}

fn globals(plan: &Plan, random: &mut Random) -> GlobalSection {
    let mut globals = GlobalSection::new();
    let inner = plan.inner();
    for global in &plan.globals {
        let bits = arguments::bits(random);
        let value = match global.ty {
            ValType::I32 if random.percent(20) => ConstExpr::extended([
                wasm_encoder::Instruction::I32Const(bits as i32),
                wasm_encoder::Instruction::I32Const(3),
                wasm_encoder::Instruction::I32Mul,
            ]),
            ValType::I32 => ConstExpr::i32_const(bits as i32),
            ValType::I64 => ConstExpr::i64_const(bits as i64),
            ValType::F32 => ConstExpr::f32_const(wasm_encoder::Ieee32::new(bits as u32)),
            ValType::F64 => ConstExpr::f64_const(wasm_encoder::Ieee64::new(bits as u64)),
            ValType::V128 => ConstExpr::v128_const(bits as i128),
            ValType::FUNCREF if random.percent(60) => ConstExpr::ref_func(*random.pick(&inner)),
            ValType::FUNCREF => ConstExpr::ref_null(HeapType::FUNC),
            _ => ConstExpr::ref_null(HeapType::EXTERN),
        };
        globals.global(GlobalType { val_type: global.ty, mutable: global.mutable, shared: false }, &value);
    }
    globals
}

/// The passive segments, then what the tables hold at the start, then the functions that code may name.
fn elements(plan: &Plan) -> ElementSection {
    let mut elements = ElementSection::new();
    for functions in &plan.elements {
        elements.passive(Elements::Functions(Cow::Borrowed(functions)));
    }
    for (index, table) in (0..).zip(&plan.tables).filter(|(_, table)| table.ty == RefType::FUNCREF) {
        let slots: Vec<ConstExpr> = table
            .slots
            .iter()
            .map(|slot| slot.map_or(ConstExpr::ref_null(HeapType::FUNC), ConstExpr::ref_func))
            .collect();
        let items = Elements::Expressions(RefType::FUNCREF, Cow::Owned(slots));
        elements.active(Some(index), &ConstExpr::i32_const(0), items);
    }
    elements.declared(Elements::Functions(Cow::Owned(plan.inner())));
    elements
}

fn data(plan: &Plan, random: &mut Random) -> DataSection {
    let mut data = DataSection::new();
    for (at, len) in plan.data.iter().enumerate() {
        let bytes = random.bytes(*len);
        let memory = random.below(plan.memories.len());
        let room = (plan.memories[memory].minimum * 65_536) as usize;
        if at + 2 < plan.data.len() && room > 0 {
            let place = random.below((room - len).min(4096)) as i32;
            data.active(memory as u32, &ConstExpr::i32_const(place), bytes);
        } else {
            data.passive(bytes);
        }
    }
    data
}
