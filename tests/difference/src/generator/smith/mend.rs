//! Modules that start, and that tell what they compute. `wasm-smith` makes most segments such that they are out of
//! bounds, and drops most of what it computes: nobody would see what it was.

use std::{collections::VecDeque, convert::Infallible};

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, GlobalSection, GlobalType, Module,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{
    Data, DataKind, Element, ElementItems, ElementKind, FuncToValidate, FunctionBody, GlobalSectionReader, Operator,
    Parser, Payload, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use super::live::{Live, OWN, Own};
use crate::random::Random;

/// How often blocks are left under a condition at most.
const TURNS: i32 = 1_000;

struct Mend<'r> {
    /// How large memories and tables are at least, in bytes and in elements.
    memories: Vec<u64>,
    tables: Vec<u64>,
    /// How many globals there are; behind them stand two of our own.
    globals: u32,
    /// What knows the types on the stack of each function, in order.
    functions: VecDeque<FuncToValidate<ValidatorResources>>,
    random: &'r mut Random,
}

/// Makes segments passive that may be out of bounds, and has a global tell of values that were to be dropped.
pub fn mended(wasm: &[u8], random: &mut Random) -> Vec<u8> {
    const VALID: &str = "it is valid";
    let (memories, tables, functions) = (Vec::new(), Vec::new(), VecDeque::new());
    let mut mend = Mend { memories, tables, globals: 0, functions, random };
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.expect(VALID);
        if let ValidPayload::Func(function, _) = validator.payload(&payload).expect(VALID) {
            mend.functions.push_back(function);
        }
        match payload {
            Payload::MemorySection(memories) => {
                mend.memories = memories.into_iter().map(|memory| memory.expect(VALID).initial * 65_536).collect();
            }
            Payload::TableSection(tables) => {
                mend.tables = tables.into_iter().map(|table| table.expect(VALID).ty.initial).collect();
            }
            Payload::GlobalSection(globals) => mend.globals = globals.count(),
            _ => {}
        }
    }
    let mut module = Module::new();
    mend.parse_core_module(&mut module, Parser::new(0), wasm).expect(VALID);
    module.finish()
}

/// Returns the place that a constant names, and nothing where it takes more than a constant.
fn place(expression: &wasmparser::ConstExpr<'_>) -> Option<u64> {
    let mut operators = expression.get_operators_reader();
    match (operators.read().ok()?, operators.read().ok()?) {
        (Operator::I32Const { value }, Operator::End) => Some(u64::from(value as u32)),
        _ => None,
    }
}

impl Reencode for Mend<'_> {
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

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_global_section(self, globals, section)?;
        let global = |val_type| GlobalType { val_type, mutable: true, shared: false };
        globals.global(global(OWN[0]), &ConstExpr::i64_const(0));
        globals.global(global(OWN[1]), &ConstExpr::i32_const(TURNS));
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error<Infallible>> {
        let function = self.new_function_with_parsed_locals(&body)?;
        let validator = self.functions.pop_front().expect("each body is validated").into_validator(Default::default());
        let own = Own { told: self.globals, turns: self.globals + 1 };
        let mut random = self.random.clone();
        let live = Live { function, validator, own, random: &mut random };
        code.function(&live.body(&body, self).expect("it is valid"));
        *self.random = random;
        Ok(())
    }
}
