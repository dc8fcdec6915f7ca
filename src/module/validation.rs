//! Validation, in one pass over the bodies with what is asked of operators beyond it.
//!
//! The validator is the engine's own, with the features the engine is made with. It is not left to the engine,
//! since that reads the operators once more; and an operator is bounded before the validator takes
//! time and memory for it.

use alloc::{boxed::Box, string::ToString, vec::Vec};

use wasmparser::{
    BinaryReaderError, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, Parser, ValidPayload,
    Validator, ValidatorResources, VisitOperator, VisitSimdOperator, WasmFeatures,
};

use super::{
    operators::{Operators, VECTORS, unsupported},
    rewrite::Patch,
    scan::{Scan, malformed},
};
use crate::{config::Config, error::ModuleError, inspect::Inspection};

/// What is known of a valid module that keeps to the limits.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) inspection: Inspection,
    /// The start function.
    pub(super) start: Option<u32>,
    /// How many types there are.
    pub(super) types: u32,
    /// Work of loading.
    pub(super) work: u64,
    /// Where the engine needs help, in order.
    pub(super) patches: Vec<Patch>,
    /// Fuel of one instantiation.
    pub(super) instantiation: u64,
}

/// Validates a module whose structure keeps to the limits.
pub(super) fn validate(bytes: &[u8], config: &Config, scan: Scan) -> Result<Facts, ModuleError> {
    let size_bytes = bytes.len() as u64;
    let mut operators = Operators::new(&config.module, &scan.types, &scan.functions, scan.work, size_bytes);
    // What the validator holds for the bytes of a body is less than for half as many units of work.
    operators.ask(scan.work.sum().saturating_add(scan.body_bytes / 2))?;
    let mut validator = Validator::new_with_features(features());
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(malformed)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
            let mut function = function.into_validator(allocations);
            self::body(&body, &mut operators, &mut function)?;
            allocations = function.into_allocations();
        }
    }
    operators.ask(operators.work.sum())?;
    let (work, patches) = (operators.work.sum(), operators.patches);
    let Scan { inspection, start, types, instantiation, .. } = scan;
    Ok(Facts { inspection, start, types: types.len() as u32, work, patches, instantiation })
}

/// The features that the engine is made with (`engine_config`), whatever features its crate has.
fn features() -> WasmFeatures {
    let mut features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        // Reference types need them.
        | WasmFeatures::GC_TYPES
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::FLOATS;
    features.set(WasmFeatures::SIMD, VECTORS.is_none());
    features
}

#[cold]
fn invalid(error: BinaryReaderError) -> ModuleError {
    ModuleError::Invalid { offset: error.offset() as u64, message: error.message().to_string() }
}

// Apart, since there is a place for it in the code of each operator.
#[cold]
#[inline(never)]
fn refused(error: ModuleError) -> Box<ModuleError> {
    Box::new(error)
}

type Validating = FuncValidator<ValidatorResources>;

fn body(body: &FunctionBody<'_>, operators: &mut Operators<'_>, validator: &mut Validating) -> Result<(), ModuleError> {
    operators.begin(validator.index() as usize, body)?;
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader).map_err(invalid)?;
    reader.set_features(features());
    let mut both = Both { operators, validator, offset: reader.original_position() };
    while !reader.eof() {
        match reader.visit_operator(&mut both) {
            Ok(checked) => checked.map_err(|error| *error)?,
            Err(error) => return Err(unread(body, both.offset, error)),
        }
        both.offset = reader.original_position();
        both.operators.end(both.offset);
    }
    both.validator.finish(both.offset).map_err(invalid)
}

/// What is wrong with an operator that cannot be read: malformed is only what no proposal could read.
#[cold]
fn unread(body: &FunctionBody<'_>, offset: usize, error: BinaryReaderError) -> ModuleError {
    let mut reader = body.get_binary_reader();
    let before = offset.saturating_sub(reader.original_position());
    match reader.read_bytes(before).and_then(|_| reader.read_operator()) {
        Ok(_) => invalid(error),
        Err(error) => malformed(error),
    }
}

/// Hands an operator to our checks, then to the validator.
struct Both<'b, 'm> {
    operators: &'b mut Operators<'m>,
    validator: &'b mut Validating,
    offset: usize,
}

macro_rules! both {
    ($visitor:ident $(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {$(
        fn $visit(&mut self $($(, $arg: $argty)*)?) -> Self::Output {
            let missing = const { unsupported(stringify!($proposal)) };
            self.operators
                .check(&Operator::$op $({ $($arg: $arg.clone()),* })?, missing, self.offset)
                .map_err(refused)?;
            self.validator.$visitor(self.offset).$visit($($($arg),*)?).map_err(|error| refused(invalid(error)))
        }
    )*};
}

macro_rules! scalar {
    ($($operators:tt)*) => { both! { visitor $($operators)* } };
}

macro_rules! vector {
    ($($operators:tt)*) => { both! { simd_visitor $($operators)* } };
}

impl<'a> VisitOperator<'a> for Both<'_, '_> {
    /// Small, since it is handed on for each operator.
    type Output = Result<(), Box<ModuleError>>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(scalar);
}

impl VisitSimdOperator<'_> for Both<'_, '_> {
    wasmparser::for_each_visit_simd_operator!(vector);
}
