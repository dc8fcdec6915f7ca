//! Function bodies that count what they run.

use wasm_encoder::{
    Function, InstructionSink, ValType,
    reencode::{Error, Reencode},
};
use wasmparser::{BinaryReaderError, FunctionBody, Operator};

use crate::{
    operator::{self, Amount},
    places::places,
    prices::{BYTES, ELEMENTS, Prices, zeroing},
    rewrite::Moved,
};

/// The indices of the counters.
#[derive(Debug, Clone, Copy)]
pub struct Globals {
    pub count: u32,
    pub host: u32,
    pub exits: u32,
}

/// Writes a body anew, of a function with this number of parameters.
pub fn counting(
    moved: &mut Moved,
    body: &FunctionBody<'_>,
    params: u32,
    entering: Option<u64>,
    globals: Globals,
    prices: &Prices,
) -> Result<Function, Error> {
    let (mut locals, mut count) = (Vec::new(), 0);
    for group in body.get_locals_reader()? {
        let (number, ty) = group?;
        locals.push((number, moved.val_type(ty)?));
        count += number;
    }
    let operators = body.get_operators_reader()?.into_iter().collect::<Result<Vec<Operator<'_>>, _>>()?;
    let entering = entering.unwrap_or(zeroing(cells(body)?));
    let places = places(&operators, entering, prices);

    // The number that a bulk operator has, and what a growth gives.
    let (number, result) = (params + count, params + count + 1);
    if operators.iter().any(|op| operator::amount(op).is_some()) {
        locals.push((2, ValType::I32));
    }
    let mut function = Function::new(locals);
    for (op, price) in operators.iter().zip(places) {
        let code = &mut function.instructions();
        add(code, globals.count, price);
        let amount = operator::amount(op);
        if amount.is_some() {
            code.local_tee(number);
        }
        function.instruction(&moved.instruction(op.clone())?);
        let code = &mut function.instructions();
        match amount {
            Some(Amount::Bytes) => part(code, globals.count, number, BYTES),
            Some(Amount::Elements) => part(code, globals.count, number, ELEMENTS),
            Some(Amount::AddedPages) => {
                if_it_grew(code, result);
                code.global_get(globals.count).local_get(number).i64_extend_i32_u();
                code.i64_const(prices.page as i64).i64_mul().i64_add().global_set(globals.count).end();
            }
            Some(Amount::AddedElements) => {
                if_it_grew(code, result);
                part(code, globals.count, number, ELEMENTS);
                code.end();
            }
            None => {}
        }
    }
    Ok(function)
}

/// Returns how many cells the locals take that a body declares: two for a vector, one for any other.
pub fn cells(body: &FunctionBody<'_>) -> Result<u64, BinaryReaderError> {
    let mut cells = 0;
    for group in body.get_locals_reader()? {
        let (number, ty) = group?;
        cells += u64::from(number) * if ty == wasmparser::ValType::V128 { 2 } else { 1 };
    }
    Ok(cells)
}

/// Adds a number to a counter.
pub fn add(code: &mut InstructionSink<'_>, counter: u32, number: u64) {
    if number > 0 {
        code.global_get(counter).i64_const(number as i64).i64_add().global_set(counter);
    }
}

/// Adds to a counter the number in a local, divided by a unit.
fn part(code: &mut InstructionSink<'_>, counter: u32, local: u32, unit: u64) {
    code.global_get(counter).local_get(local).i64_extend_i32_u();
    code.i64_const(unit as i64).i64_div_u().i64_add().global_set(counter);
}

/// Begins what comes only after a growth for which there was room.
fn if_it_grew(code: &mut InstructionSink<'_>, result: u32) {
    code.local_tee(result).local_get(result).i32_const(-1).i32_ne().if_(wasm_encoder::BlockType::Empty);
}
