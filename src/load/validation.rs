//! Validation of function bodies, for the first error of a module that was refused.

use wasmparser::{BinaryReaderError, FuncValidatorAllocations, FunctionBody, Parser, ValidPayload, Validator};

use super::refusal::{invalid, malformed};
use crate::{engine::config::parser_features, error::ModuleError};

/// Returns the first error of validation before an offset, if there is one. The structure of the module must be within
/// the limits, and its operators up to there.
pub(super) fn first_error(bytes: &[u8], before: usize) -> Option<ModuleError> {
    validate(bytes, before).err()
}

/// Validates a module; the bodies up to an offset.
fn validate(bytes: &[u8], before: usize) -> Result<(), ModuleError> {
    let mut validator = Validator::new_with_features(parser_features());
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(malformed)?;
        let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? else { continue };
        if body.range().start >= before {
            return Ok(());
        }
        let mut function = function.into_validator(allocations);
        let mut reader = body.get_binary_reader();
        function.read_locals(&mut reader).map_err(invalid)?;
        reader.set_features(parser_features());
        let mut offset = reader.original_position();
        while !reader.eof() {
            if offset >= before {
                return Ok(());
            }
            match reader.visit_operator(&mut function.visitor(offset)) {
                Ok(valid) => valid.map_err(invalid)?,
                Err(error) => return Err(read_error(&body, offset, error)),
            }
            offset = reader.original_position();
        }
        function.finish(offset).map_err(invalid)?;
        if offset >= before {
            return Ok(());
        }
        allocations = function.into_allocations();
    }
    Ok(())
}

/// Returns the error of an operator that cannot be read: it is malformed only if it is invalid in all proposals.
#[cold]
pub(super) fn read_error(body: &FunctionBody<'_>, offset: usize, error: BinaryReaderError) -> ModuleError {
    let mut reader = body.get_binary_reader();
    let before = offset.saturating_sub(reader.original_position());
    match reader.read_bytes(before).and_then(|_| reader.read_operator()) {
        Ok(_) => invalid(error),
        Err(error) => malformed(error),
    }
}
