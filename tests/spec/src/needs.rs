//! The parts of WebAssembly that a module needs and that belljar does not run.

use wasmparser::{Validator, WasmFeatures};

use crate::reason::Reason;

/// The parts of WebAssembly 3.0 that belljar does not run. What builds on another one comes before it.
const MISSING: [(WasmFeatures, Reason); 5] = [
    (WasmFeatures::MEMORY64, Reason::Memory64),
    (WasmFeatures::RELAXED_SIMD, Reason::RelaxedSimd),
    (WasmFeatures::EXCEPTIONS, Reason::Exceptions),
    (WasmFeatures::GC, Reason::Gc),
    (WasmFeatures::FUNCTION_REFERENCES, Reason::FunctionReferences),
];

/// Tells the first part that a module needs, valid or not: one without which a validator says something else of it.
///
/// The validator is not belljar's, so that a module that belljar refuses by mistake needs nothing.
pub fn needs(wasm: &[u8]) -> Option<Reason> {
    let all = MISSING.iter().fold(supported(), |features, (part, _)| features | *part);
    let judged = judge(wasm, all);
    if judge(wasm, supported()) == judged {
        return None;
    }
    let without = MISSING.iter().find(|(part, _)| judge(wasm, all - *part) != judged);
    // References to functions of one type, and the like, are in more than one part: they are of the simplest.
    let with = || MISSING.iter().rev().find(|(part, _)| judge(wasm, supported() | *part) == judged);
    Some(without.or_else(with).map_or(Reason::Several, |(_, reason)| *reason))
}

/// The features that belljar runs.
fn supported() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
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
        | WasmFeatures::FLOATS
        | WasmFeatures::SIMD
}

fn judge(wasm: &[u8], features: WasmFeatures) -> Result<(), (u64, String)> {
    let judged = Validator::new_with_features(features).validate_all(wasm);
    judged.map(drop).map_err(|error| (error.offset(), error.message().into()))
}
