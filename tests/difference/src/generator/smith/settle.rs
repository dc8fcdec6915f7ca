//! Modules that start: segments that may be out of bounds are made passive, since a module that traps at its start shows
//! nothing more.

use std::convert::Infallible;

use wasm_encoder::{
    DataSection, ElementSection, Module,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{ConstExpr, Data, DataKind, Element, ElementItems, ElementKind, Operator, Parser, Payload};

/// How large memories and tables are at least, in bytes and in elements.
#[derive(Debug, Default)]
struct Settle {
    memories: Vec<u64>,
    tables: Vec<u64>,
}

/// Makes passive what may be out of bounds.
pub fn settled(wasm: &[u8]) -> Vec<u8> {
    let mut settle = Settle::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("it is valid") {
            Payload::MemorySection(memories) => {
                let sizes = memories.into_iter().map(|memory| memory.expect("it is valid").initial * 65_536);
                settle.memories = sizes.collect();
            }
            Payload::TableSection(tables) => {
                settle.tables = tables.into_iter().map(|table| table.expect("it is valid").ty.initial).collect();
            }
            _ => {}
        }
    }
    let mut module = Module::new();
    settle.parse_core_module(&mut module, Parser::new(0), wasm).expect("it is valid");
    module.finish()
}

/// Returns the place that a constant names, and nothing where it takes more than a constant.
fn place(expression: &ConstExpr<'_>) -> Option<u64> {
    let mut operators = expression.get_operators_reader();
    match (operators.read().ok()?, operators.read().ok()?) {
        (Operator::I32Const { value }, Operator::End) => Some(u64::from(value as u32)),
        _ => None,
    }
}

impl Reencode for Settle {
    type Error = Infallible;

    fn parse_data(&mut self, section: &mut DataSection, data: Data<'_>) -> Result<(), Error<Infallible>> {
        let fits = match &data.kind {
            DataKind::Passive => true,
            DataKind::Active { memory_index, offset_expr } => place(offset_expr)
                .is_some_and(|place| place + data.data.len() as u64 <= self.memories[*memory_index as usize]),
        };
        let data = if fits { data } else { Data { kind: DataKind::Passive, ..data } };
        utils::parse_data(self, section, data)
    }

    fn parse_element(&mut self, section: &mut ElementSection, element: Element<'_>) -> Result<(), Error<Infallible>> {
        let len = u64::from(match &element.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        });
        let fits = match &element.kind {
            ElementKind::Active { table_index, offset_expr } => place(offset_expr)
                .is_some_and(|place| place + len <= self.tables[table_index.unwrap_or_default() as usize]),
            _ => true,
        };
        let element = if fits { element } else { Element { kind: ElementKind::Passive, ..element } };
        utils::parse_element(self, section, element)
    }
}
