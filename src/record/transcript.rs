//! Transcripts of runs: their fields and their text form.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    error::TranscriptError,
    rules::{Entry, Rules},
};
use crate::{
    config::Config,
    data::{
        digest::Digest,
        value::{FuncType, Value},
    },
    recorder::effect::Effect,
    sandbox::Sandbox,
};

/// The version of the form of transcripts that this build writes and reads.
pub const TRANSCRIPT_VERSION: u32 = 1;

/// The longest transcript that is read, in bytes.
pub const MAX_TRANSCRIPT_BYTES: u64 = 1 << 30;

/// A record of a run with all that it received from the host environment: from custom host functions and servers,
/// and for a WASI program from the clock, the random bytes and the directories of the host. With its transcript, a
/// run is a pure function of module and input: it is replayed anywhere, and asks nothing of any host.
///
/// ```
/// use belljar::{Sandbox, record::Transcript};
///
/// let wasm = wat::parse_str(r#"(module (import "dice" "roll" (func $roll (result i32)))
///     (func (export "f") (result i32) (i32.add (call $roll) (call $roll))))"#)?;
/// let sandbox = Sandbox::builder().host_function("dice", "roll", || 4).build()?;
/// let module = sandbox.load(&wasm)?;
/// let mut run = sandbox.start_call(&module, "f", &[], b"", ())?;
/// run.record(1 << 20);
/// let outcome = run.finish()?;
/// let transcript = Transcript::of_call("f", &[], &sandbox, &wasm, b"", run.take_effects());
///
/// // Where there are no dice:
/// let read = Transcript::from_jsonl(&transcript.to_jsonl())?;
/// assert_eq!(read.replay(&wasm, b"")?.finish()?, outcome);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Form
///
/// [`to_jsonl`](Transcript::to_jsonl) writes lines of JSON: the first is the [`TranscriptHeader`], each other an [`Effect`], in
/// the order of the requests. It is also the log of everything that the guest did outside its memory.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Transcript {
    /// The module, the input and the configuration.
    pub header: TranscriptHeader,
    /// The requests of the run, with the answers.
    pub effects: Vec<Effect>,
}

/// The module, the input and the configuration of a recorded run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TranscriptHeader {
    /// Version of this form: [`TRANSCRIPT_VERSION`].
    pub transcript: u32,
    /// The rules of the run.
    pub rules: Rules,
    /// The module's bytes.
    pub module: Digest,
    /// The input.
    pub input: Digest,
    /// The whole configuration, defaults included.
    pub config: Config,
    /// The entry point.
    pub entry: Entry,
    /// The custom host functions.
    pub functions: Vec<Declared>,
}

/// A custom host function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Declared {
    /// The module it is imported from.
    pub module: String,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(flatten)]
    pub ty: FuncType,
    /// `true` if it is async.
    pub waits: bool,
    /// The capabilities that it requires; left out if it requires none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
}

impl Transcript {
    /// Makes the transcript of [`Sandbox::start`] from the effects that
    /// [`Execution::record`](crate::Execution::record) recorded.
    pub fn of_run(sandbox: &Sandbox, wasm: &[u8], input: &[u8], effects: Vec<Effect>) -> Transcript {
        Transcript::of(Entry::Run, sandbox, wasm, input, effects)
    }

    /// Makes the transcript of [`Sandbox::start_call`].
    pub fn of_call(
        function: &str,
        arguments: &[Value],
        sandbox: &Sandbox,
        wasm: &[u8],
        input: &[u8],
        effects: Vec<Effect>,
    ) -> Transcript {
        Transcript::of(Entry::call(function, arguments), sandbox, wasm, input, effects)
    }

    fn of(entry: Entry, sandbox: &Sandbox, wasm: &[u8], input: &[u8], effects: Vec<Effect>) -> Transcript {
        let header = TranscriptHeader {
            transcript: TRANSCRIPT_VERSION,
            rules: Rules::current(),
            module: Digest::of(wasm),
            input: Digest::of(input),
            config: sandbox.config().clone(),
            entry,
            functions: sandbox
                .functions()
                .map(|function| Declared {
                    module: (*function.name.module).into(),
                    name: (*function.name.function).into(),
                    ty: function.ty.clone(),
                    waits: function.is_async,
                    requires: function.requires.iter().map(|capability| (**capability).into()).collect(),
                })
                .collect(),
        };
        Transcript { header, effects }
    }

    /// Writes it as lines of JSON.
    pub fn to_jsonl(&self) -> String {
        // No field fails to become JSON.
        let line = |json: Option<Json>| json.unwrap_or_default().to_string() + "\n";
        let effects = self.effects.iter().map(|effect| line(serde_json::to_value(effect).ok()));
        core::iter::once(line(serde_json::to_value(&self.header).ok())).chain(effects).collect()
    }

    /// Reads a transcript.
    ///
    /// # Errors
    ///
    /// [`TranscriptError::TooLong`], [`TranscriptError::Version`] or [`TranscriptError::Syntax`].
    pub fn from_jsonl(text: &str) -> Result<Transcript, TranscriptError> {
        let size = text.len() as u64;
        if size > MAX_TRANSCRIPT_BYTES {
            return Err(TranscriptError::TooLong { size, limit: MAX_TRANSCRIPT_BYTES });
        }
        let wrong = |line: u64, error: &serde_json::Error| TranscriptError::Syntax { line, message: error.to_string() };
        let mut lines = (1..).zip(text.lines());
        let first = lines.next().map_or("", |(_, line)| line);
        // The version decides the form of the rest.
        let json: Json = serde_json::from_str(first).map_err(|error| wrong(1, &error))?;
        if let Some(found) = json.get("transcript").and_then(Json::as_u64)
            && found != u64::from(TRANSCRIPT_VERSION)
        {
            return Err(TranscriptError::Version { found, expected: TRANSCRIPT_VERSION });
        }
        let header = serde_json::from_value(json).map_err(|error| wrong(1, &error))?;
        let effect = |(line, text)| serde_json::from_str(text).map_err(|error| wrong(line, &error));
        Ok(Transcript { header, effects: lines.map(effect).collect::<Result<_, _>>()? })
    }

    /// Computes the digest of its text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_jsonl().as_bytes())
    }
}
