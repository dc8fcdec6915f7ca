//! The verification of a receipt: the run is repeated and compared.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::Value as Json;

use super::{
    error::{Difference, ReceiptError},
    given::{Environment, Given},
    receipt::{Receipt, ended, given_files},
    rules::{Entry, Rules},
    transcript::Transcript,
};
use crate::{
    config::Config,
    data::{digest::Digest, files::FileBytes, outcome::Outcome, value::Value},
    error::{EndClass, Error, HostStop},
    sandbox::Sandbox,
};

impl Receipt {
    /// Repeats the run and compares every field. A run that was stopped by its deadline or cancelled is repeated with
    /// the fuel it had used as its limit, and has to have produced the same up to there. Every run is stopped where it
    /// would use more fuel than the receipt has.
    ///
    /// Limits above those of [`Profile::Large`](crate::Profile::Large) are refused before anything is loaded;
    /// [`verify_given`](Receipt::verify_given) takes another ceiling.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Ceiling`] with each limit that is above; [`ReceiptError::Differs`] with each field that differs;
    /// [`ReceiptError::Rules`] if its rules are not those of this build; [`ReceiptError::NotReproducible`] if a fault
    /// of the host ended the run; [`ReceiptError::NeedsTranscript`] if it has a transcript.
    pub fn verify(&self, wasm: &[u8], input: &[u8]) -> Result<(), ReceiptError> {
        self.verify_with_files(wasm, input, &BTreeMap::new())
    }

    /// Verifies the receipt of a WASI program with these input files.
    ///
    /// # Errors
    ///
    /// As [`verify`](Receipt::verify).
    pub fn verify_with_files(
        &self,
        wasm: &[u8],
        input: &[u8],
        files: &BTreeMap<String, FileBytes>,
    ) -> Result<(), ReceiptError> {
        self.verify_given(&Given::new(wasm, input).with_files(files))
    }

    /// Verifies the receipt of a run by replaying its transcript.
    ///
    /// # Errors
    ///
    /// As [`verify`](Receipt::verify); [`ReceiptError::NoTranscript`] if the run had none;
    /// [`ReceiptError::Transcript`] if it cannot be replayed.
    pub fn verify_with_transcript(
        &self,
        wasm: &[u8],
        input: &[u8],
        transcript: &Transcript,
    ) -> Result<(), ReceiptError> {
        self.verify_given(&Given::new(wasm, input).with_transcript(transcript))
    }

    /// Verifies the receipt with files or a transcript, and under a ceiling.
    ///
    /// # Errors
    ///
    /// As [`verify`](Receipt::verify) and [`verify_with_transcript`](Receipt::verify_with_transcript).
    pub fn verify_given(&self, given: &Given<'_>) -> Result<(), ReceiptError> {
        verify(self, given)
    }
}

fn verify(receipt: &Receipt, given: &Given<'_>) -> Result<(), ReceiptError> {
    let expected = Rules::current();
    let has_effects = receipt.transcript.is_some() || receipt.config.effect().is_some();
    match &given.environment {
        Environment::Nothing | Environment::Files(_) if has_effects => return Err(ReceiptError::NeedsTranscript),
        Environment::Transcript(_) if receipt.transcript.is_none() => return Err(ReceiptError::NoTranscript),
        _ => {}
    }
    if receipt.rules != expected {
        return Err(ReceiptError::Rules { found: receipt.rules.clone(), expected });
    }
    receipt.check_ceiling(&given.ceiling)?;
    // Another module, input or environment cannot give the same outputs; it is not run.
    let mut found = receipt.clone();
    (found.module, found.input) = (Digest::of(given.wasm), Digest::of(given.input));
    match &given.environment {
        Environment::Nothing => found.given = BTreeMap::new(),
        Environment::Files(files) => found.given = given_files(files),
        Environment::Transcript(transcript) => found.transcript = Some(transcript.digest()),
    }
    compare(receipt, &found)?;
    match class(receipt) {
        EndClass::Deterministic => compare(receipt, &repeat(receipt, given, None)?),
        EndClass::Interrupted => {
            let mut found = repeat(receipt, given, Some(receipt.usage.fuel.min(receipt.config.limits.fuel).max(1)))?;
            // Up to there it has to be the same; the end itself was not the guest's.
            found.config = receipt.config.clone();
            (found.end, found.class) = (receipt.end.clone(), receipt.class);
            (found.status, found.results) = (receipt.status, receipt.results.clone());
            compare(receipt, &found)
        }
        EndClass::NotReproducible => Err(ReceiptError::NotReproducible { reason: receipt.end.clone() }),
    }
}

/// Returns the class by which a receipt is checked.
///
/// The end of an interrupted run is not repeated. So that no other end passes unchecked, it has to be one of the two
/// interruptions, whatever the field `class` says: receipts of 0.2.0 do not have it. A fault of the host in one of those
/// is repeated, and differs.
fn class(receipt: &Receipt) -> EndClass {
    let limit_ms = receipt.config.deadline_ms.unwrap_or_default();
    let interruptions = [HostStop::Cancelled, HostStop::Deadline { limit_ms }];
    match receipt.class {
        EndClass::NotReproducible => EndClass::NotReproducible,
        EndClass::Deterministic | EndClass::Interrupted => {
            let is_interrupted = interruptions.iter().any(|stop| receipt.end == ended("stopped", stop));
            if is_interrupted { EndClass::Interrupted } else { EndClass::Deterministic }
        }
    }
}

/// Repeats the run without its deadline, with another fuel limit if there is one, and up to the fuel of the receipt.
fn repeat(receipt: &Receipt, given: &Given<'_>, fuel: Option<u64>) -> Result<Receipt, ReceiptError> {
    let Given { wasm, input, environment, ceiling } = given;
    let most = fuel.unwrap_or(receipt.usage.fuel);
    let mut config = receipt.config.clone();
    match environment {
        Environment::Nothing => {}
        Environment::Files(files) => config.wasi.files.clone_from(files),
        Environment::Transcript(transcript) => {
            let found = transcript.replayed_receipt(wasm, input, fuel, most, ceiling)?;
            return found.ok_or_else(|| more_fuel(receipt));
        }
    }
    let recorded = config.clone();
    config.deadline_ms = None;
    config.limits.fuel = fuel.unwrap_or(config.limits.fuel);
    let arguments = receipt.entry.values().map_err(|message| ReceiptError::Syntax { message })?;
    let result = run(&receipt.entry, &arguments, wasm, input, config, most).ok_or_else(|| more_fuel(receipt))?;
    let found = Receipt::of(receipt.entry.clone(), wasm, input, &recorded, None, &result);
    // Only a refused configuration has no receipt.
    found.ok_or_else(|| ReceiptError::Syntax { message: "its configuration is invalid".into() })
}

/// Runs to the end; returns `None` if that takes more than `most` fuel.
fn run(
    entry: &Entry,
    arguments: &[Value],
    wasm: &[u8],
    input: &[u8],
    config: Config,
    most: u64,
) -> Option<Result<Outcome, Error>> {
    let started = || {
        let sandbox = Sandbox::new(config)?;
        let module = sandbox.load(wasm)?;
        match entry {
            Entry::Run => sandbox.start(&module, input),
            Entry::Call { function, .. } => sandbox.start_call(&module, function, arguments, input, ()),
        }
    };
    match started() {
        Ok(mut run) => run.finish_within(most).transpose(),
        Err(error) => Some(Err(error)),
    }
}

/// Returns the error of a run that goes past the fuel of the receipt.
fn more_fuel(receipt: &Receipt) -> ReceiptError {
    let fuel = receipt.usage.fuel;
    let [says, found] = [Json::from(fuel), Json::from(alloc::format!("more than {fuel}"))].map(|json| json.to_string());
    ReceiptError::Differs { differences: alloc::vec![Difference { field: "usage.fuel".into(), receipt: says, found }] }
}

/// Compares every field of two receipts.
fn compare(receipt: &Receipt, found: &Receipt) -> Result<(), ReceiptError> {
    let json = |receipt: &Receipt| serde_json::to_value(receipt).unwrap_or_default();
    let mut differences = Vec::new();
    differ("", &json(receipt), &json(found), &mut differences);
    if differences.is_empty() { Ok(()) } else { Err(ReceiptError::Differs { differences }) }
}

/// Adds each leaf that differs. An end of another kind is one difference, not several; a field of the receipt that one
/// of the two leaves out is null.
fn differ(path: &str, receipt: &Json, found: &Json, out: &mut Vec<Difference>) {
    match (receipt, found) {
        (Json::Object(a), Json::Object(b)) if path.is_empty() || a.keys().eq(b.keys()) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let path = if path.is_empty() { key.clone() } else { alloc::format!("{path}.{key}") };
                let [a, b] = [a, b].map(|fields| fields.get(key).unwrap_or(&Json::Null));
                differ(&path, a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(Difference { field: path.into(), receipt: a.to_string(), found: b.to_string() }),
    }
}
