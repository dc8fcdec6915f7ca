//! Validation, in one pass over the bodies together with the other checks of operators.
//!
//! The validator is that of the engine, with the same features. Validation is not left to the engine, which would read
//! the operators a second time; and an operator is bounded before the validator spends time and memory on it.

use alloc::boxed::Box;

use wasmparser::{
    BinaryReaderError, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, Parser, ValidPayload,
    Validator, ValidatorResources, VisitOperator, VisitSimdOperator,
};

use super::{
    form::{Context, Form, Function, edit::Edits},
    operators::{Operators, unsupported},
    refusal::{invalid, malformed},
    scan::Scan,
    stack_effect::{Effect, effect},
};
use crate::{config::Config, data::inspect::Inspection, engine::config::parser_features, error::ModuleError};

/// The result of the checks of a valid module within the limits.
#[derive(Debug)]
pub(super) struct ModuleInfo {
    pub(super) inspection: Inspection,
    /// The start function.
    pub(super) start: Option<u32>,
    /// Work of loading.
    pub(super) work: u64,
    /// The changes that bring functions to the normal form, and the charges.
    pub(super) edits: Edits,
    /// Fuel of one instantiation.
    pub(super) instantiation: u64,
}

/// Validates a module whose structure is within the limits.
pub(super) fn validate(bytes: &[u8], config: &Config, scan: Scan) -> Result<ModuleInfo, ModuleError> {
    let size_bytes = bytes.len() as u64;
    let context = Context {
        types: &scan.types,
        functions: &scan.functions,
        tables: &scan.inspection.tables,
        memories: &scan.inspection.memories,
    };
    let mut operators = Operators::new(&config.module, context, scan.work, size_bytes);
    let mut form = Form::new(context, config.module.form_locals);
    // For the bytes of a body the validator takes less memory than half as many units of work do.
    operators.check_memory(scan.work.sum().saturating_add(scan.body_bytes / 2))?;
    let mut validator = Validator::new_with_features(parser_features());
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
    operators.check_memory(operators.sum())?;
    let (work, edits) = (operators.sum(), form.edits);
    let Scan { inspection, start, instantiation, .. } = scan;
    Ok(ModuleInfo { inspection, start, work, edits, instantiation })
}

// Separate, since it would be inlined into the code of each operator.
#[cold]
#[inline(never)]
fn refused(error: ModuleError) -> Box<ModuleError> {
    Box::new(error)
}

type Validating = FuncValidator<ValidatorResources>;

/// Validates a function of this type, and plans its edits to the normal form.
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
    reader.set_features(parser_features());
    let start = reader.original_position();
    form.begin(ty, declared.locals as u32, declared.groups, start);
    let mut visitor = Visitor { operators, form, validator, offset: start };
    while !reader.eof() {
        match reader.visit_operator(&mut visitor) {
            Ok(checked) => checked.map_err(|error| *error)?,
            Err(error) => return Err(read_error(body, visitor.offset, error)),
        }
        visitor.offset = reader.original_position();
        visitor.form.end(visitor.offset);
    }
    visitor.validator.finish(visitor.offset).map_err(invalid)?;
    let added = form.finish(&Function { module, body, header, ty, validator }, declared.cells)?;
    operators.add_form_work(added)
}

/// Returns the error of an operator that cannot be read: it is malformed only if it is invalid in all proposals.
#[cold]
fn read_error(body: &FunctionBody<'_>, offset: usize, error: BinaryReaderError) -> ModuleError {
    let mut reader = body.get_binary_reader();
    let before = offset.saturating_sub(reader.original_position());
    match reader.read_bytes(before).and_then(|_| reader.read_operator()) {
        Ok(_) => invalid(error),
        Err(error) => malformed(error),
    }
}

/// A visitor that passes an operator to the checks of this crate, then to the pass, then to the validator.
struct Visitor<'b, 'm> {
    operators: &'b mut Operators<'m>,
    form: &'b mut Form<'m>,
    validator: &'b mut Validating,
    offset: usize,
}

macro_rules! visit {
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
    ($($operators:tt)*) => { visit! { visitor $($operators)* } };
}

macro_rules! vector {
    ($($operators:tt)*) => { visit! { simd_visitor $($operators)* } };
}

impl<'a> VisitOperator<'a> for Visitor<'_, '_> {
    /// A result, boxed so that it is small: each operator returns one.
    type Output = Result<(), Box<ModuleError>>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(scalar);
}

impl VisitSimdOperator<'_> for Visitor<'_, '_> {
    wasmparser::for_each_visit_simd_operator!(vector);
}
