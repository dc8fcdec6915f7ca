//! The function bodies, in one pass that checks their operators and plans their normal form.
//!
//! Operators are not validated here. The engine validates the module that it gets, each operator before it translates
//! it, with the same validator; and the plan leaves every operator that is invalid where it is, except in functions
//! that are read a second time, with a validator. So what is invalid is refused later at the latest. Every failure of
//! this pass or of the engine is reported as the first error in the order of the bytes ([`validation`]), as if each
//! operator were validated right after its checks here. An operator is bounded here before a validator spends time and
//! memory on it.

use alloc::boxed::Box;

use wasmparser::{
    FuncToValidate, FunctionBody, Operator, Parser, ValidPayload, Validator, ValidatorResources, VisitOperator,
    VisitSimdOperator,
};

use super::{
    form::{Context, Form, Function, edit::Edits},
    operators::{Operators, unsupported},
    refusal::{invalid, malformed},
    scan::Scan,
    stack_effect::{Effect, effect},
    validation,
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

/// Reads the bodies of a module whose structure is within the limits.
pub(super) fn read(bytes: &[u8], config: &Config, scan: Scan) -> Result<ModuleInfo, ModuleError> {
    let size_bytes = bytes.len() as u64;
    let context = Context {
        types: &scan.types,
        functions: &scan.functions,
        tables: &scan.inspection.tables,
        memories: &scan.inspection.memories,
    };
    let mut operators = Operators::new(&config.module, context, scan.work, size_bytes);
    let form = Form::new(context, config.module.form_locals);
    // For the bytes of a body the validator takes less memory than half as many units of work do.
    operators.check_memory(scan.work.sum().saturating_add(scan.body_bytes / 2))?;
    let mut pass = Pass { operators, form, offset: 0 };
    if let Err(error) = pass.module(bytes) {
        // What this pass finds invalid, validation finds at the same place.
        let before = if matches!(error, ModuleError::Invalid { .. }) { usize::MAX } else { pass.offset };
        return Err(validation::first_error(bytes, before).unwrap_or(error));
    }
    let (work, edits) = (pass.operators.sum(), pass.form.edits);
    let Scan { inspection, start, instantiation, .. } = scan;
    Ok(ModuleInfo { inspection, start, work, edits, instantiation })
}

// Separate, since it would be inlined into the code of each operator.
#[cold]
#[inline(never)]
fn refused(error: ModuleError) -> Box<ModuleError> {
    Box::new(error)
}

/// The pass: it shows an operator to the checks of this crate, then to the normal form.
struct Pass<'m> {
    operators: Operators<'m>,
    form: Form<'m>,
    /// The offset of what is read: a failure there precedes that of validation at the same place.
    offset: usize,
}

impl Pass<'_> {
    fn module(&mut self, bytes: &[u8]) -> Result<(), ModuleError> {
        let mut validator = Validator::new_with_features(parser_features());
        for payload in Parser::new(0).parse_all(bytes) {
            self.offset = usize::MAX;
            let payload = payload.map_err(malformed)?;
            if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
                self.body(bytes, &body, &function)?;
            }
        }
        self.offset = usize::MAX;
        self.operators.check_memory(self.operators.sum())
    }

    /// Checks the operators of a function, and plans its edits to the normal form.
    fn body(
        &mut self,
        module: &[u8],
        body: &FunctionBody<'_>,
        function: &FuncToValidate<ValidatorResources>,
    ) -> Result<(), ModuleError> {
        self.offset = body.range().start;
        let declared = self.operators.begin(function.ty, body)?;
        let mut reader = body.get_binary_reader();
        reader.read_var_u32().map_err(malformed)?;
        let header = reader.original_position() - body.range().start;
        let mut reader = body.get_operators_reader().map_err(malformed)?.get_binary_reader();
        reader.set_features(parser_features());
        self.offset = reader.original_position();
        self.form.begin(function.ty, declared.locals as u32, declared.groups, self.offset);
        while !reader.eof() {
            match reader.visit_operator(self) {
                Ok(checked) => checked.map_err(|error| *error)?,
                Err(error) => return Err(validation::read_error(body, self.offset, error)),
            }
            self.offset = reader.original_position();
            self.form.end(self.offset);
        }
        let added = self.form.finish(&Function { module, body, header, function }, declared.cells)?;
        self.operators.add_form_work(added)
    }
}

macro_rules! visit {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {$(
        fn $visit(&mut self $($(, $arg: $argty)*)?) -> Self::Output {
            let missing = const { unsupported(stringify!($proposal)) };
            let operator = Operator::$op $({ $($arg),* })?;
            let effect = Effect::of(&operator, effect!($($ann)*));
            self.operators
                .check(&operator, missing, self.offset)
                .and_then(|()| self.form.visit(&operator, effect, self.offset))
                .map_err(refused)
        }
    )*};
}

impl<'a> VisitOperator<'a> for Pass<'_> {
    /// A result, boxed so that it is small: each operator returns one.
    type Output = Result<(), Box<ModuleError>>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visit);
}

impl VisitSimdOperator<'_> for Pass<'_> {
    wasmparser::for_each_visit_simd_operator!(visit);
}
