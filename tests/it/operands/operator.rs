//! Every operator that takes values from the stack, with the types it takes and gives.
//!
//! There is no table of them: the validator is asked, code by code.

use wasm_encoder::ValType;
use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidator, FuncValidatorAllocations, Parser, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};

/// An operator, with the types of one of the ways in which it can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its code, with the prefix if it has one.
    pub code: Vec<u8>,
    pub immediates: Immediates,
    pub params: Vec<ValType>,
    pub result: Option<ValType>,
}

/// What follows the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Immediates {
    /// So many bytes, each of which is valid up to a number.
    Bytes { count: usize, max: u8 },
    /// Memory and offset, and perhaps a lane.
    Memory { lane: bool },
}

/// All of them. Those that branch, and those of locals and globals, are what operands are made by.
pub fn operators() -> Vec<Operator> {
    let asked = Asked::new();
    let plain = (0x11..=0x11).chain(0x1a..=0x1b).chain(0x25..=0xd2).map(|code| vec![code as u8]);
    let bulk = (0..32).map(|code| vec![0xfc, code]);
    // The codes of vectors are numbers of one byte or two.
    let vectors = (0..276u32).map(|code| match code {
        0..128 => vec![0xfd, code as u8],
        _ => vec![0xfd, code as u8 | 0x80, (code >> 7) as u8],
    });
    plain.chain(bulk).chain(vectors).flat_map(|code| asked.uses_of(&code)).collect()
}

const TYPES: [(ValType, wasmparser::ValType); 6] = [
    (ValType::I32, wasmparser::ValType::I32),
    (ValType::I64, wasmparser::ValType::I64),
    (ValType::F32, wasmparser::ValType::F32),
    (ValType::F64, wasmparser::ValType::F64),
    (ValType::V128, wasmparser::ValType::V128),
    (ValType::FUNCREF, wasmparser::ValType::FUNCREF),
];

/// The operator that puts a value of each of them on the stack, whatever the value.
const CONSTANTS: [&[u8]; 6] = [
    &[0x41, 0],
    &[0x42, 0],
    &[0x43, 0, 0, 0, 0],
    &[0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    &[0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[0xd0, 0x70],
];

/// One of everything that an operator may name, or two where the second can be named too.
const SURROUNDINGS: &str = r#"(module (table 1 funcref) (table 1 funcref) (memory 1) (memory 1)
    (elem funcref) (elem funcref) (data "") (data "") (func (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 0))))"#;

/// A function's validator, as it is at the first operator.
struct Asked {
    resources: ValidatorResources,
    features: WasmFeatures,
}

impl Asked {
    fn new() -> Self {
        let features = WasmFeatures::WASM2 | WasmFeatures::TAIL_CALL | WasmFeatures::MULTI_MEMORY;
        let wasm = wat::parse_str(SURROUNDINGS).unwrap();
        let mut validator = Validator::new_with_features(features);
        for payload in Parser::new(0).parse_all(&wasm) {
            if let ValidPayload::Func(function, _) = validator.payload(&payload.unwrap()).unwrap() {
                return Asked { resources: function.resources, features };
            }
        }
        unreachable!("it has a function")
    }

    fn validator(&self) -> FuncValidator<&ValidatorResources> {
        let (resources, features) = (&self.resources, self.features);
        FuncToValidate { resources, index: 0, ty: 0, features }.into_validator(FuncValidatorAllocations::default())
    }

    /// All ways to use it with as few values as it needs; none if it needs none, or is no operator.
    fn uses_of(&self, code: &[u8]) -> Vec<Operator> {
        // No immediates are longer than 16 bytes.
        let bytes = [code, &[0; 16]].concat();
        let mut reader = BinaryReader::new_features(&bytes, 0, self.features);
        let Ok(operator) = reader.read_operator() else { return Vec::new() };
        let count = reader.original_position() - code.len();
        let immediates = match code {
            [0x28..=0x3e] | [0xfd, 0..=11 | 92..=93] => Immediates::Memory { lane: false },
            [0xfd, 84..=91] => Immediates::Memory { lane: true },
            // The type of an indirect call; the lanes of `i8x16.shuffle`.
            [0x11] => Immediates::Bytes { count, max: 0 },
            [0xfd, 13] => Immediates::Bytes { count, max: 31 },
            _ => Immediates::Bytes { count, max: 1 },
        };
        for arity in 0..=3 {
            let uses: Vec<_> = (0..TYPES.len().pow(arity))
                .filter_map(|index| {
                    let types = (0..arity).map(|at| index / TYPES.len().pow(at) % TYPES.len()).collect::<Vec<_>>();
                    let result = self.result(&operator, &types)?;
                    let params = types.iter().map(|ty| TYPES[*ty].0).collect();
                    Some(Operator { code: code.into(), immediates, params, result })
                })
                .collect();
            if !uses.is_empty() {
                return if arity == 0 { Vec::new() } else { uses };
            }
        }
        Vec::new()
    }

    /// What the operator leaves of values of these types, if it takes them all.
    fn result(&self, operator: &wasmparser::Operator<'_>, types: &[usize]) -> Option<Option<ValType>> {
        let mut validator = self.validator();
        for ty in types {
            let constant = BinaryReader::new_features(CONSTANTS[*ty], 0, self.features).read_operator().unwrap();
            validator.op(0, &constant).unwrap();
        }
        validator.op(0, operator).ok()?;
        match validator.operand_stack_height() {
            0 => Some(None),
            _ => {
                let found = validator.get_operand_type(0)??;
                TYPES.iter().find(|(_, ty)| *ty == found).map(|(ty, _)| Some(*ty))
            }
        }
    }
}
