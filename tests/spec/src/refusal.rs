//! A module that belljar refuses.

use belljar::{Error, ModuleError, error::Feature, error::ImportProblem};

use crate::{needs::needs, reason::Reason, subject::HOST, verdict::Verdict};

/// Tells why a module that is valid for the suite is refused.
pub fn refused(wasm: &[u8], error: &Error) -> Verdict {
    if let Some(reason) = needs(wasm) {
        return Verdict::Left(reason);
    }
    match error {
        Error::Module(error) => match &**error {
            ModuleError::Imports { imports, .. } => Verdict::Left(absent(imports)),
            ModuleError::Limit { .. } => Verdict::Left(Reason::Limit),
            other => Verdict::Failed(format!("a valid module: {other}")),
        },
        other => Verdict::Failed(format!("a valid module: {other}")),
    }
}

/// Judges the refusal of a module that is invalid for the suite.
pub fn invalid(wasm: &[u8], error: &Error) -> Result<(), Verdict> {
    let Error::Module(error) = error else { return Err(Verdict::Failed(format!("refused for {error}"))) };
    match (&**error, needs(wasm).or(part(error))) {
        (_, Some(reason)) => Err(Verdict::Left(reason)),
        // A module that is too large for any limit is refused for that.
        (
            ModuleError::Invalid { .. }
            | ModuleError::Malformed { .. }
            | ModuleError::Empty
            | ModuleError::NotWasm { .. }
            | ModuleError::Component
            | ModuleError::Version { .. }
            | ModuleError::Limit { .. },
            None,
        ) => Ok(()),
        (other, None) => Err(Verdict::Failed(format!("refused for {other}"))),
    }
}

/// Tells the part of WebAssembly 3.0 that a module is refused for before it is seen that it is invalid.
fn part(error: &ModuleError) -> Option<Reason> {
    match error {
        ModuleError::Unsupported { feature: Feature::Memory64, .. } => Some(Reason::Memory64),
        ModuleError::Unsupported { feature: Feature::Exceptions, .. } => Some(Reason::Exceptions),
        ModuleError::Unsupported { feature: Feature::Gc, .. } => Some(Reason::Gc),
        ModuleError::Unsupported { .. } => Some(Reason::Several),
        _ => None,
    }
}

/// Tells what the suite has and belljar cannot give.
fn absent(imports: &[ImportProblem]) -> Reason {
    match imports.iter().all(|import| import.module == HOST) {
        true => Reason::HostState,
        false => Reason::OtherModule,
    }
}
