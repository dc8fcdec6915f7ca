//! Receipts: what was run, under which limits, and what came of it, in a form that anyone can check.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    abi,
    config::Config,
    error::{Error, StopReason},
    files::{Change, Changes, FileBytes},
    meter,
    outcome::{Log, Outcome, Usage},
    transcript::Transcript,
    value::Value,
};

mod check;
pub(crate) mod excess;
mod given;

pub use self::{
    check::{Difference, ReceiptError},
    excess::Excess,
    given::Given,
};
pub use crate::digest::Digest;

/// The version of the form that is written and read.
pub const RECEIPT_VERSION: u32 = 1;

/// The longest receipt that is read, in bytes.
pub const MAX_RECEIPT_BYTES: u64 = 64 << 20;

/// A record of a run: what went in, what came out, and by which rules.
///
/// Whoever has the module and the input can run it again, on any target, and see that it comes out
/// the same ([`Receipt::verify`]). It holds digests, not the bytes themselves.
///
/// ```
/// use belljar::{Config, Receipt};
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
/// A run that was given something by the world outside of it - by host functions of the embedding program,
/// by the clock, the random bytes or directories of the host, by servers - has one together with its transcript
/// ([`Transcript::receipt`](crate::Transcript::receipt)), and is checked with it.
///
/// # Form
///
/// [`to_json`](Receipt::to_json) gives canonical JSON: no spaces, keys sorted by their bytes, integers
/// as they are, as [RFC 8785](https://www.rfc-editor.org/rfc/rfc8785) has it for the values that occur
/// here. Equal receipts are equal bytes. The fields below are all there are; unknown ones are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Receipt {
    /// Version of this form: [`RECEIPT_VERSION`].
    pub receipt: u32,
    /// Which rules it was run by.
    pub rules: Rules,
    /// The module's bytes.
    pub module: Digest,
    /// The input.
    pub input: Digest,
    /// The whole configuration, defaults included, but for the bytes of `wasi.files`, which is empty.
    pub config: Config,
    /// The files that a program of WASI was given, by path; left out if there were none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, Digest>,
    /// The transcript of what the run was given by the world outside of it, as
    /// [`Transcript::to_jsonl`](crate::Transcript::to_jsonl) writes it; left out for a run without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Digest>,
    /// How the module was entered.
    pub entry: Entry,
    /// How it ended: `"done"`; `{"stopped": …}` with the [`StopReason`]; or `{"refused": …}` with the
    /// [`ModuleError`](crate::ModuleError) or [`CallError`](crate::CallError). Both as these types
    /// serialize.
    pub end: Json,
    /// The guest's status; 0 if it did not come to its end.
    pub status: i32,
    /// Results of a call, as type and value: `i32:5`, and the bits of floating point numbers.
    pub results: Vec<String>,
    /// What it wrote.
    pub output: Digest,
    /// What it logged: the messages one after the other, each as one byte for the level (0 is error),
    /// eight for the length, the most significant first, and the text.
    pub log: Digest,
    /// Messages that were left out of the log.
    pub log_dropped: u64,
    /// What a program of WASI changed of its files; left out if nothing. Each path in order: one byte, 0
    /// for a file, 1 for a directory, 2 for a link, 3 for what is gone; the path; and the bytes of the
    /// file or the target of the link. Each of the two with eight bytes for its length before, the most
    /// significant first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Digest>,
    /// What it used.
    pub usage: Usage,
}

/// What decides results beside module, input and configuration. A receipt of other rules than those
/// of this build cannot be checked by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rules {
    /// Name and exact version of the engine.
    pub engine: String,
    /// Version of the price list ([`meter::PRICES`]).
    pub prices: u32,
    /// Version of the guest ABI ([`abi::VERSION`]).
    pub abi: u32,
}

/// How a module was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Entry {
    /// As a program: `execute` or `_start`.
    Run,
    /// By a call of an export.
    Call {
        /// Its name.
        function: String,
        /// Its arguments, in the form of the results.
        arguments: Vec<String>,
    },
}

impl Rules {
    /// Those of this build.
    pub fn current() -> Rules {
        Rules { engine: "wasmi 2.0.0".into(), prices: meter::PRICES, abi: abi::VERSION }
    }
}

impl Receipt {
    /// The receipt of [`Sandbox::run`](crate::Sandbox::run) or [`execute`](crate::execute). `None` if
    /// nothing was run: the configuration was refused, or there was no process to run it in; and if something
    /// of the host is granted, so that it cannot be run again from a receipt alone.
    pub fn of_run(wasm: &[u8], input: &[u8], config: &Config, result: &Result<Outcome, Error>) -> Option<Receipt> {
        Receipt::of(Entry::Run, wasm, input, config, None, result)
    }

    /// The receipt of [`Sandbox::call_values`](crate::Sandbox::call_values). `None` if nothing
    /// was run.
    pub fn of_call(
        function: &str,
        arguments: &[Value],
        wasm: &[u8],
        input: &[u8],
        config: &Config,
        result: &Result<Outcome, Error>,
    ) -> Option<Receipt> {
        let arguments = arguments.iter().map(Value::exact).collect();
        Receipt::of(Entry::Call { function: function.into(), arguments }, wasm, input, config, None, result)
    }

    pub(crate) fn of(
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
        let (end, output, log, usage, outcome) = match result {
            Ok(outcome) => (Json::from("done"), &outcome.output, &outcome.log, outcome.usage, outcome),
            Err(Error::Stopped(stop)) => {
                (ended("stopped", &stop.reason), &stop.output, &stop.log, stop.usage, &nothing)
            }
            Err(Error::Module(cause)) => {
                (ended("refused", cause), &nothing.output, &nothing.log, nothing.usage, &nothing)
            }
            Err(Error::Call(cause)) => {
                (ended("refused", cause), &nothing.output, &nothing.log, nothing.usage, &nothing)
            }
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
            status: match result {
                Err(Error::Stopped(stop)) => match stop.reason {
                    StopReason::Status { code } => code,
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

    /// The canonical form.
    pub fn to_json(&self) -> String {
        // A map of JSON is sorted by its keys; nothing in here fails to become JSON.
        serde_json::to_value(self).map(|json| json.to_string()).unwrap_or_default()
    }

    /// Reads a receipt, in any form of JSON that has the same content.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::TooLong`], [`ReceiptError::Version`] or [`ReceiptError::Syntax`].
    pub fn from_json(text: &str) -> Result<Receipt, ReceiptError> {
        check::read(text)
    }

    /// The digest of the canonical form: a name for the whole run.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }

    /// Runs the module again with the input, and compares everything. A run that was stopped by its
    /// deadline or cancelled is run again with the fuel it had used as its limit, and has to have
    /// produced the same until there. Any run is stopped where it is going to use more fuel than the receipt says.
    ///
    /// Limits above those of [`Profile::Large`](crate::Profile::Large) are refused before anything is loaded;
    /// [`verify_given`](Receipt::verify_given) takes another ceiling.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Ceiling`] with each limit that is above; [`ReceiptError::Differs`] with each field that is not
    /// the same; [`ReceiptError::Rules`] if it
    /// was run by others than those of this build; [`ReceiptError::NotReproducible`] if the run ended
    /// by a fault of its host; [`ReceiptError::NeedsTranscript`] if it has a transcript.
    pub fn verify(&self, wasm: &[u8], input: &[u8]) -> Result<(), ReceiptError> {
        self.verify_with_files(wasm, input, &BTreeMap::new())
    }

    /// As [`verify`](Receipt::verify), for a program of WASI that was given files.
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

    /// As [`verify`](Receipt::verify), for a run with a transcript, which is played.
    ///
    /// # Errors
    ///
    /// As [`verify`](Receipt::verify); [`ReceiptError::NoTranscript`] if the run had none;
    /// [`ReceiptError::Transcript`] if it cannot be played.
    pub fn verify_with_transcript(
        &self,
        wasm: &[u8],
        input: &[u8],
        transcript: &Transcript,
    ) -> Result<(), ReceiptError> {
        self.verify_given(&Given::new(wasm, input).with_transcript(transcript))
    }

    /// Verifies it against all that is given: files or a transcript, and the most that it may ask for.
    ///
    /// # Errors
    ///
    /// As [`verify`](Receipt::verify) and [`verify_with_transcript`](Receipt::verify_with_transcript).
    pub fn verify_given(&self, given: &Given<'_>) -> Result<(), ReceiptError> {
        check::verify(self, given)
    }

    /// Checks that no limit of the receipt's configuration is above that of the ceiling, of which only `limits` and
    /// `module` count.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Ceiling`] with each limit that is above.
    pub fn check_ceiling(&self, ceiling: &Config) -> Result<(), ReceiptError> {
        let above = excess::above(&self.config, ceiling);
        if above.is_empty() { Ok(()) } else { Err(ReceiptError::Ceiling { above }) }
    }
}

fn ended(how: &str, why: &impl Serialize) -> Json {
    let why = serde_json::to_value(why).unwrap_or_default();
    Json::Object([(how.to_string(), why)].into_iter().collect())
}

fn given_files(files: &BTreeMap<String, FileBytes>) -> BTreeMap<String, Digest> {
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
