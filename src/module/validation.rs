//! Validation, in one pass over the bodies with what is asked of operators beyond it.
//!
//! The validator is the engine's own, with the features the engine is made with. It is not left to the engine,
//! since that reads the operators once more; and an operator is bounded before the validator takes
//! time and memory for it.

use alloc::{boxed::Box, string::ToString};

use wasmparser::{
    BinaryReaderError, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, Parser, ValidPayload,
    Validator, ValidatorResources, VisitOperator, VisitSimdOperator, WasmFeatures,
};

use super::{
    effect::{Effect, effect},
    form::{Context, Form, Function, edit::Edits},
    operators::{Operators, VECTORS, unsupported},
    scan::{Scan, malformed},
};
use crate::{config::Config, error::ModuleError, inspect::Inspection};

/// What is known of a valid module that keeps to the limits.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) inspection: Inspection,
    /// The start function.
    pub(super) start: Option<u32>,
    /// Work of loading.
    pub(super) work: u64,
    /// What brings functions to the normal form, and charges.
    pub(super) edits: Edits,
    /// Fuel of one instantiation.
    pub(super) instantiation: u64,
}

/// Validates a module whose structure keeps to the limits.
pub(super) fn validate(bytes: &[u8], config: &Config, scan: Scan) -> Result<Facts, ModuleError> {
    let size_bytes = bytes.len() as u64;
    let context = Context {
        types: &scan.types,
        functions: &scan.functions,
        tables: &scan.inspection.tables,
        memories: &scan.inspection.memories,
    };
    let mut operators = Operators::new(&config.module, context, scan.work, size_bytes);
    let mut form = Form::new(context, config.module.form_locals);
    // What the validator holds for the bytes of a body is less than for half as many units of work.
    operators.ask(scan.work.sum().saturating_add(scan.body_bytes / 2))?;
    let mut validator = Validator::new_with_features(features());
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(malformed)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
            let ty = function.ty;
            let mut function = function.into_validator(allocations);
            self::body(bytes, &body, ty, &mut operators, &mut form, &mut function)?;
            allocations = function.into_allocations();
        }
    }
    operators.ask(operators.sum())?;
    let (work, edits) = (operators.sum(), form.edits);
    let Scan { inspection, start, instantiation, .. } = scan;
    Ok(Facts { inspection, start, work, edits, instantiation })
}

/// The features that the engine is made with (`engine_config`), whatever features its crate has.
pub(super) fn features() -> WasmFeatures {
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
pub(super) fn invalid(error: BinaryReaderError) -> ModuleError {
    ModuleError::Invalid { offset: error.offset() as u64, message: error.message().to_string() }
}

// Apart, since there is a place for it in the code of each operator.
#[cold]
#[inline(never)]
fn refused(error: ModuleError) -> Box<ModuleError> {
    Box::new(error)
}

type Validating = FuncValidator<ValidatorResources>;

/// Validates a function of this type, and brings it to the normal form.
fn body<'m>(
    module: &[u8],
    body: &FunctionBody<'_>,
    ty: u32,
    operators: &mut Operators<'m>,
    form: &mut Form<'m>,
    validator: &mut Validating,
) -> Result<(), ModuleError> {
    let declared = operators.begin(ty, body)?;
    let mut reader = body.get_binary_reader();
    let header = reader.read_var_u32().map(|_| reader.original_position() - body.range().start).map_err(malformed)?;
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader).map_err(invalid)?;
    reader.set_features(features());
    let start = reader.original_position();
    form.begin(ty, declared.locals as u32, declared.groups, start);
    let mut both = Both { operators, form, validator, offset: start };
    while !reader.eof() {
        match reader.visit_operator(&mut both) {
            Ok(checked) => checked.map_err(|error| *error)?,
            Err(error) => return Err(unread(body, both.offset, error)),
        }
        both.offset = reader.original_position();
        both.form.end(both.offset);
    }
    both.validator.finish(both.offset).map_err(invalid)?;
    let added = form.finish(&Function { module, body, header, ty, validator }, declared.cells)?;
    operators.formed(added)
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

/// Hands an operator to our checks, then to the pass, then to the validator.
struct Both<'b, 'm> {
    operators: &'b mut Operators<'m>,
    form: &'b mut Form<'m>,
    validator: &'b mut Validating,
    offset: usize,
}

macro_rules! both {
    ($visitor:ident $(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {$(
        fn $visit(&mut self $($(, $arg: $argty)*)?) -> Self::Output {
            let missing = const { unsupported(stringify!($proposal)) };
            let operator = Operator::$op $({ $($arg: $arg.clone()),* })?;
            let height = self.validator.operand_stack_height();
            self.operators
                .check(&operator, missing, self.offset)
                .and_then(|()| {
                    self.form.visit(&operator, Effect::of(&operator, effect!($($ann)*)), self.offset, height)
                })
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
