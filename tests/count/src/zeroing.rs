//! The price that belljar takes for zeroing the locals of each function.
//!
//! Not only the locals that a function declares are paid for, but those too that the normal form adds to it, and how
//! many these are does not follow from the price list. So it is measured, where it makes a difference: in a module
//! whose functions return at once.

use belljar::Config;
use wasm_encoder::{BlockType, ConstExpr, ExportKind, Function, GlobalType, HeapType, InstructionSink, ValType};
use wasmparser::FunctionBody;

use crate::{
    body::cells,
    host,
    prices::{CELLS, Prices, zeroing},
    rewrite::{Facts, Moved, Sections},
};

/// Measures what entering each function costs beside [`Prices::entry`]. That has to be the price of some number of
/// cells, not below those that the function declares.
pub fn measure(wasm: &[u8], config: &Config, prices: &Prices) -> Result<Vec<u64>, Box<dyn std::error::Error>> {
    let facts = Facts::read(wasm)?;
    let types: Vec<_> = facts.defined.iter().map(|ty| &facts.types[*ty as usize]).collect();
    let mut moved = facts.moved(0, false);
    let first = moved.imports;
    let mut declared = Vec::new();
    let mut sections = Sections::new(wasm, &mut moved, |moved, body, number| {
        declared.push(zeroing(cells(body)?));
        returning(moved, body, &types[number].1)
    })?;
    let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    sections.globals.global(ty, &ConstExpr::i32_const(1));
    sections.start = None;
    sections.types.ty().function([], [ValType::I32]);
    sections.types.ty().function([], []);
    let prefix = facts.fresh("enter");
    let (asked, driving) = (facts.types.len() as u32, facts.types.len() as u32 + 1);
    sections.functions.function(asked);
    let mut function = Function::new([]);
    function.instructions().global_get(facts.globals).end();
    sections.code.function(&function);
    for (number, (params, results)) in (0..).zip(&types) {
        sections.functions.function(driving);
        let mut function = Function::new([]);
        let code = &mut function.instructions();
        params.iter().for_each(|ty| zero(code, *ty));
        code.call(first + number);
        results.iter().for_each(|_| {
            code.drop();
        });
        code.end();
        sections.code.function(&function);
        sections.exports.export(&format!("{prefix}{number}"), ExportKind::Func, moved.functions + 1 + number);
    }

    let sandbox = host::sandbox(config)?;
    let mut instance = sandbox.instance(&sandbox.load(&sections.module())?)?;
    let mut before = instance.usage().fuel;
    let mut entering = Vec::new();
    for (number, (params, results)) in types.iter().enumerate() {
        instance.call_values(&format!("{prefix}{number}"), &[])?;
        let after = instance.usage().fuel;
        let constants = (params.len() + results.len()) as u64 * prices.operator("i32_const");
        // The function that calls it, itself, the one that it asks, and the arm.
        let entries = 4 * prices.entry;
        let operators = 2 * prices.operator("call") + prices.operator("global_get") + prices.operator("if");
        let price = after - before - constants - entries - operators;
        let least = declared[number];
        if price < least || (1..zeroing(CELLS)).contains(&price) {
            return Err(format!("entering function {number} costs {price}, its own locals alone {least}").into());
        }
        entering.push(price);
        before = after;
    }
    Ok(entering)
}

/// Puts in front of a body what returns at once, if another function says so: belljar adds no local for that.
fn returning(
    moved: &mut Moved,
    body: &FunctionBody<'_>,
    results: &[ValType],
) -> Result<Function, wasm_encoder::reencode::Error> {
    use wasm_encoder::reencode::Reencode;
    let mut function = moved.new_function_with_parsed_locals(body)?;
    let code = &mut function.instructions();
    code.call(moved.functions).if_(BlockType::Empty);
    results.iter().for_each(|ty| zero(code, *ty));
    code.return_().end();
    for operator in body.get_operators_reader()? {
        function.instruction(&moved.instruction(operator?)?);
    }
    Ok(function)
}

fn zero(code: &mut InstructionSink<'_>, ty: ValType) {
    match ty {
        ValType::I32 => code.i32_const(0),
        ValType::I64 => code.i64_const(0),
        ValType::F32 => code.f32_const(0.0.into()),
        ValType::F64 => code.f64_const(0.0.into()),
        ValType::V128 => code.v128_const(0),
        ValType::FUNCREF => code.ref_null(HeapType::FUNC),
        ValType::Ref(_) => code.ref_null(HeapType::EXTERN),
    };
}
