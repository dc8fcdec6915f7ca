//! Reading a receipt, and running again what it records.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde_json::Value as Json;
use thiserror::Error;

use super::{Digest, Entry, Excess, Given, MAX_RECEIPT_BYTES, RECEIPT_VERSION, Receipt, Rules, excess, given::World};
use crate::{
    config::Config,
    error::Error,
    outcome::Outcome,
    sandbox::Sandbox,
    text::{escape, quote},
    transcript::TranscriptError,
    value::Value,
};

/// Why a receipt does not hold, or cannot be checked here.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// It is longer than a receipt may be.
    #[error("a receipt of {size} bytes; at most {limit} are read")]
    TooLong {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is not a receipt.
    #[error("not a receipt: {}", escape(.message, 256))]
    Syntax {
        /// What is wrong, with line and column; not part of the stable interface.
        message: String,
    },
    /// It has another form.
    #[error("a receipt of version {found}; this build reads version {expected}")]
    Version {
        /// Its version.
        found: u64,
        /// [`RECEIPT_VERSION`](super::RECEIPT_VERSION).
        expected: u32,
    },
    /// It was run by other rules, under which other results can be right.
    #[error("run by {found}; this build has {expected}")]
    Rules {
        /// The receipt's.
        found: Rules,
        /// This build's.
        expected: Rules,
    },
    /// The run was given something by the world outside of it, which only its transcript has
    /// ([`Receipt::verify_with_transcript`]). A receipt that came from somewhere does not decide what of the
    /// host is asked.
    #[error("a run that was given something by the world outside can only be checked with its transcript")]
    NeedsTranscript,
    /// It is of a run without a transcript.
    #[error("a receipt of a run without a transcript")]
    NoTranscript,
    /// The transcript cannot be played.
    #[error("the transcript: {0}")]
    Transcript(#[from] TranscriptError),
    /// It asks for more than the ceiling that it is checked under. Nothing was loaded or run.
    #[error("its configuration is above the ceiling: {}", excess::list(.above))]
    Ceiling {
        /// Each limit that is above.
        above: Vec<Excess>,
    },
    /// The run ended by a fault of its host, which need not occur again.
    #[error("a run that its host ended cannot be run again: {reason}")]
    NotReproducible {
        /// How it ended, as in the receipt.
        reason: Json,
    },
    /// Something is not what the receipt says.
    #[error("{}", list(.differences))]
    Differs {
        /// Each field, by its path.
        differences: Vec<Difference>,
    },
}

/// A field that is not what the receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Its path: `usage.fuel`.
    pub field: String,
    /// What the receipt says, as JSON.
    pub receipt: String,
    /// The value that was found, as JSON. Of a run that was stopped because it went past the fuel of the receipt, that is
    /// `"more than N"` at `usage.fuel`, and no other field was looked at.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [receipt, found] = [&self.receipt, &self.found].map(|json| escape(json, 128));
        write!(f, "{} is {found}; the receipt says {receipt}", quote(&self.field))
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, prices {}, ABI {}", escape(&self.engine, 64), self.prices, self.abi)
    }
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(super) fn read(text: &str) -> Result<Receipt, ReceiptError> {
    let size = text.len() as u64;
    if size > MAX_RECEIPT_BYTES {
        return Err(ReceiptError::TooLong { size, limit: MAX_RECEIPT_BYTES });
    }
    let syntax = |error: serde_json::Error| ReceiptError::Syntax { message: error.to_string() };
    // The version decides what the rest has to look like.
    let json: Json = serde_json::from_str(text).map_err(syntax)?;
    match json.get("receipt").and_then(Json::as_u64) {
        Some(found) if found != u64::from(RECEIPT_VERSION) => {
            Err(ReceiptError::Version { found, expected: RECEIPT_VERSION })
        }
        _ => serde_json::from_str(text).map_err(syntax),
    }
}

pub(super) fn verify(receipt: &Receipt, given: &Given<'_>) -> Result<(), ReceiptError> {
    let expected = Rules::current();
    let has_effects = receipt.transcript.is_some() || receipt.config.effect().is_some();
    match &given.world {
        World::Nothing | World::Files(_) if has_effects => return Err(ReceiptError::NeedsTranscript),
        World::Transcript(_) if receipt.transcript.is_none() => return Err(ReceiptError::NoTranscript),
        _ => {}
    }
    if receipt.rules != expected {
        return Err(ReceiptError::Rules { found: receipt.rules.clone(), expected });
    }
    receipt.check_ceiling(&given.ceiling)?;
    // Another module or input can only come out otherwise; it is not run.
    let mut found = receipt.clone();
    (found.module, found.input) = (Digest::of(given.wasm), Digest::of(given.input));
    match &given.world {
        World::Nothing => found.given = BTreeMap::new(),
        World::Files(files) => found.given = super::given_files(files),
        World::Transcript(transcript) => found.transcript = Some(transcript.digest()),
    }
    compare(receipt, &found)?;
    match interrupted(&receipt.end) {
        Interruption::None => compare(receipt, &again(receipt, given, None)?),
        Interruption::Fuel => {
            let mut found = again(receipt, given, Some(receipt.usage.fuel.min(receipt.config.limits.fuel).max(1)))?;
            // Until there it has to be the same; the end itself was not the guest's.
            (found.config, found.end) = (receipt.config.clone(), receipt.end.clone());
            (found.status, found.results) = (receipt.status, receipt.results.clone());
            compare(receipt, &found)
        }
        Interruption::Host => Err(ReceiptError::NotReproducible { reason: receipt.end.clone() }),
    }
}

/// What ended a run other than the guest and its limits.
enum Interruption {
    None,
    /// A deadline or a cancel: what fuel was used tells where.
    Fuel,
    Host,
}

fn interrupted(end: &Json) -> Interruption {
    let reason = match end.get("stopped").or_else(|| end.get("refused")) {
        Some(Json::String(word)) => word.as_str(),
        Some(Json::Object(reason)) => reason.keys().next().map_or("", String::as_str),
        _ => return Interruption::None,
    };
    match reason {
        "deadline" | "cancelled" => Interruption::Fuel,
        "host_function" | "host_panic" | "host_memory" | "engine" | "worker" | "replay" | "transcript" => {
            Interruption::Host
        }
        _ => Interruption::None,
    }
}

/// Runs it again without its deadline, with less fuel if so much is given, and to the end unless that takes more fuel
/// than the receipt says.
fn again(receipt: &Receipt, given: &Given<'_>, fuel: Option<u64>) -> Result<Receipt, ReceiptError> {
    let Given { wasm, input, world, ceiling } = given;
    let most = fuel.unwrap_or(receipt.usage.fuel);
    let mut config = receipt.config.clone();
    match world {
        World::Nothing => {}
        World::Files(files) => config.wasi.files.clone_from(files),
        World::Transcript(transcript) => {
            let made = transcript.receipt_again(wasm, input, fuel, most, ceiling)?;
            return made.ok_or_else(|| past(receipt));
        }
    }
    let told = config.clone();
    config.deadline_ms = None;
    config.limits.fuel = fuel.unwrap_or(config.limits.fuel);
    let arguments = match &receipt.entry {
        Entry::Run => Vec::new(),
        Entry::Call { arguments, .. } => values(arguments)?,
    };
    let result = run(&receipt.entry, &arguments, wasm, input, config, most).ok_or_else(|| past(receipt))?;
    let made = Receipt::of(receipt.entry.clone(), wasm, input, &told, None, &result);
    // Only a configuration has none, and this one has been read as one that can be.
    made.ok_or_else(|| ReceiptError::Syntax { message: "its configuration cannot be".into() })
}

/// Runs to the end; `None` if that takes more than `most` fuel.
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
        Ok(mut run) => run.finish_within(most),
        Err(error) => Some(Err(error)),
    }
}

/// Tells of a run that was stopped because it went past the fuel of the receipt.
fn past(receipt: &Receipt) -> ReceiptError {
    let fuel = receipt.usage.fuel;
    let [says, found] = [Json::from(fuel), Json::from(alloc::format!("more than {fuel}"))].map(|json| json.to_string());
    ReceiptError::Differs { differences: alloc::vec![Difference { field: "usage.fuel".into(), receipt: says, found }] }
}

fn values(written: &[String]) -> Result<Vec<Value>, ReceiptError> {
    let wrong = |text: &String| ReceiptError::Syntax { message: alloc::format!("no argument is written {text}") };
    written.iter().map(|text| Value::from_exact(text).ok_or_else(|| wrong(text))).collect()
}

fn compare(receipt: &Receipt, found: &Receipt) -> Result<(), ReceiptError> {
    let json = |receipt: &Receipt| serde_json::to_value(receipt).unwrap_or_default();
    let mut differences = Vec::new();
    differ("", &json(receipt), &json(found), &mut differences);
    if differences.is_empty() { Ok(()) } else { Err(ReceiptError::Differs { differences }) }
}

/// Adds each leaf that is not the same. An end of another kind is one difference, not several.
fn differ(path: &str, receipt: &Json, found: &Json, out: &mut Vec<Difference>) {
    match (receipt, found) {
        (Json::Object(a), Json::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                let path = if path.is_empty() { key.clone() } else { alloc::format!("{path}.{key}") };
                differ(&path, value, &b[key], out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(Difference { field: path.into(), receipt: a.to_string(), found: b.to_string() }),
    }
}
