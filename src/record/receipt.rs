//! Receipts of runs: their fields and their canonical form.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    ceiling,
    error::ReceiptError,
    rules::{Entry, Rules},
};
use crate::{
    config::Config,
    data::{
        digest::Digest,
        files::{Change, Changes, FileBytes},
        outcome::{Log, Outcome, Usage},
        value::Value,
    },
    error::{EndClass, Error, GuestFault, StopReason},
};

/// The version of the form of receipts that this build writes and reads.
pub const RECEIPT_VERSION: u32 = 1;

/// The longest receipt that is read, in bytes.
pub const MAX_RECEIPT_BYTES: u64 = 64 << 20;

/// A record of a run: its inputs, its outputs and its rules.
///
/// With the module and the input the run can be repeated on any target, to check that the outputs are the same
/// ([`Receipt::verify`]). A receipt has digests, not the bytes themselves.
///
/// ```
/// use belljar::{Config, record::Receipt};
///
/// let wasm = std::fs::read("fixtures/guests/upper-c.wasm")?;
/// let config = Config::default();
/// let result = belljar::execute(&wasm, b"hello", &config);
/// let receipt = Receipt::of_run(&wasm, b"hello", &config, &result).unwrap();
///
/// let sent = receipt.to_json();
/// Receipt::from_json(&sent)?.verify(&wasm, b"hello")?;
/// assert!(Receipt::from_json(&sent)?.verify(&wasm, b"hallo").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The receipt of a run that used the host environment - custom host functions, the clock, random bytes or directories
/// of the host, servers - is made with its transcript ([`Transcript::receipt`](crate::record::Transcript::receipt)) and
/// verified with it.
///
/// # Form
///
/// [`to_json`](Receipt::to_json) writes canonical JSON: no spaces, keys sorted by their bytes, integers in full, as
/// [RFC 8785](https://www.rfc-editor.org/rfc/rfc8785) has it for the values that occur here. Equal receipts are equal
/// bytes. Unknown fields are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Receipt {
    /// Version of this form: [`RECEIPT_VERSION`].
    pub receipt: u32,
    /// The rules of the run.
    pub rules: Rules,
    /// The module's bytes.
    pub module: Digest,
    /// The input.
    pub input: Digest,
    /// The whole configuration, defaults included; `wasi.files` is empty.
    pub config: Config,
    /// The input files of a WASI program, by path; left out if there were none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, Digest>,
    /// The transcript, as [`Transcript::to_jsonl`](crate::record::Transcript::to_jsonl) writes it; left out for a run
    /// without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Digest>,
    /// The entry point.
    pub entry: Entry,
    /// How it ended: `"done"`; `{"stopped": …}` with the [`StopReason`]; or `{"refused": …}` with the
    /// [`ModuleError`](crate::ModuleError) or [`CallError`](crate::CallError). Both as these types
    /// serialize.
    pub end: Json,
    /// The class of the end; left out if it is deterministic, and in all receipts of 0.2.0.
    #[serde(default, skip_serializing_if = "EndClass::is_deterministic")]
    pub class: EndClass,
    /// The guest's status; 0 if the run was stopped.
    pub status: i32,
    /// Results of a call, as type and value: `i32:5`, and the bits of floating point numbers.
    pub results: Vec<String>,
    /// The output.
    pub output: Digest,
    /// The log: the messages one after the other, each as one byte for the level (0 is error),
    /// eight for the length, the most significant first, and the text.
    pub log: Digest,
    /// The number of messages that were left out of the log.
    pub log_dropped: u64,
    /// The changes that a WASI program made to its files; left out if there were none. For each path in order: one
    /// byte, 0 for a file, 1 for a directory, 2 for a link, 3 for a removal; the path; and the bytes of the file or
    /// the target of the link. The last two each follow eight bytes for their length, the most significant first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Digest>,
    /// The usage.
    pub usage: Usage,
}

impl Receipt {
    /// Makes the receipt of [`Sandbox::run`](crate::Sandbox::run) or [`execute`](crate::execute). Returns `None` if
    /// nothing was run, since the configuration was refused or there was no process to run it in; and if something of
    /// the host is granted, so that the run cannot be repeated from a receipt alone.
    pub fn of_run(wasm: &[u8], input: &[u8], config: &Config, result: &Result<Outcome, Error>) -> Option<Receipt> {
        Receipt::of(Entry::Run, wasm, input, config, None, result)
    }

    /// Makes the receipt of [`Sandbox::call_values`](crate::Sandbox::call_values). Returns `None` as
    /// [`of_run`](Receipt::of_run) does.
    pub fn of_call(
        function: &str,
        arguments: &[Value],
        wasm: &[u8],
        input: &[u8],
        config: &Config,
        result: &Result<Outcome, Error>,
    ) -> Option<Receipt> {
        Receipt::of(Entry::call(function, arguments), wasm, input, config, None, result)
    }

    /// Makes the receipt of a run with or without a transcript.
    pub(super) fn of(
        entry: Entry,
        wasm: &[u8],
        input: &[u8],
        config: &Config,
        transcript: Option<Digest>,
        result: &Result<Outcome, Error>,
    ) -> Option<Receipt> {
        if config.effect().is_some() && transcript.is_none() {
            return None;
        }
        let nothing = Outcome::default();
        let files = match result {
            Ok(outcome) => &outcome.files,
            Err(Error::Stopped(stop)) => &stop.files,
            Err(_) => &nothing.files,
        };
        let (output, log, usage, outcome) = match result {
            Ok(outcome) => (&outcome.output, &outcome.log, outcome.usage, outcome),
            Err(Error::Stopped(stop)) => (&stop.output, &stop.log, stop.usage, &nothing),
            Err(_) => (&nothing.output, &nothing.log, nothing.usage, &nothing),
        };
        let (end, class) = match result {
            Ok(_) => (Json::from("done"), EndClass::Deterministic),
            Err(Error::Stopped(stop)) => (ended("stopped", &stop.reason), stop.reason.class()),
            Err(Error::Module(cause)) => (ended("refused", cause), cause.class()),
            Err(Error::Call(cause)) => (ended("refused", cause), EndClass::Deterministic),
            Err(Error::Config(_) | Error::Isolation(_)) => return None,
        };
        Some(Receipt {
            receipt: RECEIPT_VERSION,
            rules: Rules::current(),
            module: Digest::of(wasm),
            input: Digest::of(input),
            given: given_files(&config.wasi.files),
            config: without_files(config.clone()),
            transcript,
            entry,
            end,
            class,
            status: match result {
                Err(Error::Stopped(stop)) => match stop.reason {
                    StopReason::Guest(GuestFault::Status { code }) => code,
                    _ => 0,
                },
                _ => outcome.status,
            },
            results: outcome.results.iter().map(Value::exact).collect(),
            output: Digest::of(output),
            log: log_digest(log),
            log_dropped: log.dropped,
            files: (!files.is_empty()).then(|| files_digest(files)),
            usage,
        })
    }

    /// Writes the canonical form.
    pub fn to_json(&self) -> String {
        // A map of JSON is sorted by its keys; no field fails to become JSON.
        serde_json::to_value(self).map(|json| json.to_string()).unwrap_or_default()
    }

    /// Reads a receipt from any JSON with the same content.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::TooLong`], [`ReceiptError::Version`] or [`ReceiptError::Syntax`].
    pub fn from_json(text: &str) -> Result<Receipt, ReceiptError> {
        let size = text.len() as u64;
        if size > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLong { size, limit: MAX_RECEIPT_BYTES });
        }
        let syntax = |error: serde_json::Error| ReceiptError::Syntax { message: error.to_string() };
        // The version decides the form of the rest.
        let json: Json = serde_json::from_str(text).map_err(syntax)?;
        match json.get("receipt").and_then(Json::as_u64) {
            Some(found) if found != u64::from(RECEIPT_VERSION) => {
                Err(ReceiptError::Version { found, expected: RECEIPT_VERSION })
            }
            _ => serde_json::from_str(text).map_err(syntax),
        }
    }

    /// Computes the digest of the canonical form, which names the whole run.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }

    /// Checks that no limit of the receipt's configuration is above the ceiling. Only its `limits` and `module` count.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Ceiling`] with each limit that is above.
    pub fn check_ceiling(&self, ceiling: &Config) -> Result<(), ReceiptError> {
        let above = ceiling::above(&self.config, ceiling);
        if above.is_empty() { Ok(()) } else { Err(ReceiptError::Ceiling { above }) }
    }
}

/// Returns the field `end` of a run that did not end by itself.
pub(super) fn ended(how: &str, why: &impl Serialize) -> Json {
    let why = serde_json::to_value(why).unwrap_or_default();
    Json::Object([(how.to_string(), why)].into_iter().collect())
}

/// Computes the digest of each file.
pub(super) fn given_files(files: &BTreeMap<String, FileBytes>) -> BTreeMap<String, Digest> {
    files.iter().map(|(path, bytes)| (path.clone(), Digest::of(bytes))).collect()
}

fn without_files(mut config: Config) -> Config {
    config.wasi.files.clear();
    config
}

fn files_digest(files: &Changes) -> Digest {
    let sized = |bytes: &[u8]| [(bytes.len() as u64).to_be_bytes().as_slice(), bytes].concat();
    Digest::of_parts(files.iter().flat_map(|(path, change)| {
        let (kind, bytes): (u8, &[u8]) = match change {
            Change::File(bytes) => (0, bytes),
            Change::Directory => (1, &[]),
            Change::Link(target) => (2, target.as_bytes()),
            Change::Removed => (3, &[]),
        };
        [[kind].to_vec(), sized(path.as_bytes()), sized(bytes)]
    }))
}

fn log_digest(log: &Log) -> Digest {
    let parts = log.entries.iter().flat_map(|entry| {
        let text = entry.text.as_bytes();
        let head = [[entry.level as u8].as_slice(), &(text.len() as u64).to_be_bytes()].concat();
        [head, text.to_vec()]
    });
    Digest::of_parts(parts)
}
