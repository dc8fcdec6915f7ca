//! The price of the start of a run, as the docs have it.

use wasmparser::{
    BinaryReaderError, ConstExpr, DataKind, ElementItems, ElementKind, Operator, Parser, Payload, TableInit,
};

use crate::{
    host::{LATER, OWN},
    prices::{BYTES, ELEMENTS, Prices},
};

/// Returns what the start of a run of a module costs, beside the functions that run in it.
pub fn start(wasm: &[u8], prices: &Prices) -> Result<u64, BinaryReaderError> {
    const PAGE: u64 = 65_536;
    let prices = &prices.start;
    let mut fuel = prices.base;
    let (mut bytes, mut elements) = (0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                let mut waits = false;
                for import in imports.into_imports() {
                    let import = import?;
                    waits |= import.module == OWN && import.name == LATER;
                    fuel += prices.function;
                }
                fuel += if waits { prices.waits } else { 0 };
            }
            Payload::FunctionSection(functions) => fuel += u64::from(functions.count()) * prices.function,
            Payload::MemorySection(memories) => {
                for memory in memories {
                    bytes += memory?.initial * PAGE;
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let table = table?;
                    elements += table.ty.initial;
                    if let TableInit::Expr(expression) = table.init {
                        fuel += operators(&expression)? * prices.operator;
                    }
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    fuel += prices.global + operators(&global?.init_expr)? * prices.operator;
                }
            }
            Payload::ExportSection(exports) => fuel += u64::from(exports.count()) * prices.export,
            Payload::ElementSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    fuel += prices.segment;
                    if let ElementKind::Active { offset_expr, .. } = segment.kind {
                        fuel += operators(&offset_expr)? * prices.operator;
                    }
                    match segment.items {
                        ElementItems::Functions(items) => fuel += u64::from(items.count()) * prices.item,
                        ElementItems::Expressions(_, items) => {
                            for item in items {
                                fuel += prices.item + operators(&item?)? * prices.operator;
                            }
                        }
                    }
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    fuel += prices.segment;
                    bytes += segment.data.len() as u64;
                    if let DataKind::Active { offset_expr, .. } = segment.kind {
                        fuel += operators(&offset_expr)? * prices.operator;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(fuel + bytes.div_ceil(BYTES) + elements.div_ceil(ELEMENTS))
}

/// Returns the number of operators of an expression beyond its first, without its `end`.
fn operators(expression: &ConstExpr<'_>) -> Result<u64, BinaryReaderError> {
    let mut count = 0_u64;
    for operator in expression.get_operators_reader() {
        count += u64::from(!matches!(operator?, Operator::End));
    }
    Ok(count.saturating_sub(1))
}
