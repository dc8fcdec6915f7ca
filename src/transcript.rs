//! Transcripts: what a run was given by the world outside of it, so that it can be run again without one.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error as ThisError;

pub use crate::recorder::effect::{Bytes, Effect, HostAction, HostEnd};
use crate::{
    config::Config,
    digest::Digest,
    error::Error,
    execution::Execution,
    outcome::Outcome,
    receipt::{Entry, Excess, Receipt, Rules, excess},
    sandbox::Sandbox,
    text::escape,
    value::{FuncType, Value},
};

/// The version of the form that is written and read.
pub const TRANSCRIPT_VERSION: u32 = 1;

/// The longest transcript that is read, in bytes.
pub const MAX_TRANSCRIPT_BYTES: u64 = 1 << 30;

/// A run with all that it was given by the world outside of it: by host functions of the embedding program,
/// and for a program of WASI by the clock, the random bytes and the directories of the host. With the module
/// and the input it is a pure function again, which runs anywhere, and asks nothing of any world.
///
/// ```
/// use belljar::{Sandbox, Transcript};
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
/// [`to_jsonl`](Transcript::to_jsonl) gives lines of JSON: the first is the [`Header`], each other an
/// [`Effect`], in the order in which they were asked for. It is the log of all that the guest had done
/// outside of its own memory, too.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Transcript {
    /// What was run.
    pub header: Header,
    /// What it asked for, and was given.
    pub effects: Vec<Effect>,
}

/// What was run when a transcript was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Header {
    /// Version of this form: [`TRANSCRIPT_VERSION`].
    pub transcript: u32,
    /// Which rules it was run by.
    pub rules: Rules,
    /// The module's bytes.
    pub module: Digest,
    /// The input.
    pub input: Digest,
    /// The whole configuration, defaults included.
    pub config: Config,
    /// How the module was entered.
    pub entry: Entry,
    /// The host functions of the embedding program.
    pub functions: Vec<Declared>,
}

/// A host function of the embedding program.
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
    /// Whether it is async.
    pub waits: bool,
    /// The capabilities that it needs; left out if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
}

/// Why a transcript cannot be played.
#[derive(Debug, Clone, PartialEq, ThisError)]
#[non_exhaustive]
pub enum TranscriptError {
    /// It is longer than a transcript may be.
    #[error("a transcript of {size} bytes; at most {limit} are read")]
    TooLong {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A line is none of a transcript.
    #[error("line {line} is none of a transcript: {}", escape(.message, 256))]
    Syntax {
        /// Its number; the first is 1.
        line: u64,
        /// What is wrong; not part of the stable interface.
        message: String,
    },
    /// It has another form.
    #[error("a transcript of version {found}; this build reads version {expected}")]
    Version {
        /// Its version.
        found: u64,
        /// [`TRANSCRIPT_VERSION`].
        expected: u32,
    },
    /// It was made by other rules, under which other results can be right.
    #[error("made by {found}; this build has {expected}")]
    Rules {
        /// The transcript's.
        found: Rules,
        /// This build's.
        expected: Rules,
    },
    /// It is of another module or input.
    #[error("a transcript of another {what}: SHA-256 {} expected, {} found", .expected.sha256, .found.sha256)]
    Other {
        /// `module` or `input`.
        what: &'static str,
        /// The transcript's.
        expected: Digest,
        /// That of the bytes given.
        found: Digest,
    },
    /// It asks for more than the ceiling that it is played under. Nothing was loaded or run.
    #[error("its configuration is above the ceiling: {}", excess::list(.above))]
    Ceiling {
        /// Each limit that is above.
        above: Vec<Excess>,
    },
    /// The module cannot be run with it.
    #[error(transparent)]
    Run(#[from] Error),
}

impl Transcript {
    /// The transcript of [`Sandbox::start`], from what it noted ([`Execution::record`]).
    pub fn of_run(sandbox: &Sandbox, wasm: &[u8], input: &[u8], effects: Vec<Effect>) -> Transcript {
        Transcript::of(Entry::Run, sandbox, wasm, input, effects)
    }

    /// The transcript of [`Sandbox::start_call`].
    pub fn of_call(
        function: &str,
        arguments: &[Value],
        sandbox: &Sandbox,
        wasm: &[u8],
        input: &[u8],
        effects: Vec<Effect>,
    ) -> Transcript {
        let arguments = arguments.iter().map(Value::exact).collect();
        Transcript::of(Entry::Call { function: function.into(), arguments }, sandbox, wasm, input, effects)
    }

    fn of(entry: Entry, sandbox: &Sandbox, wasm: &[u8], input: &[u8], effects: Vec<Effect>) -> Transcript {
        let header = Header {
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
                    waits: function.waits,
                    requires: function.requires.iter().map(|capability| (**capability).into()).collect(),
                })
                .collect(),
        };
        Transcript { header, effects }
    }

    /// As text: lines of JSON.
    pub fn to_jsonl(&self) -> String {
        // Nothing in here fails to become JSON.
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
        // The version decides what the rest has to look like.
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

    /// The digest of its text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_jsonl().as_bytes())
    }

    /// The receipt of the run that this is a transcript of, or of what comes of playing it: both are the
    /// same. `None` if nothing was run.
    pub fn receipt(&self, wasm: &[u8], input: &[u8], result: &Result<Outcome, Error>) -> Option<Receipt> {
        let Header { config, entry, .. } = &self.header;
        Receipt::of(entry.clone(), wasm, input, config, Some(self.digest()), result)
    }

    /// Returns the receipt of playing it, with less fuel if so much is given; `None` if that takes more than `most`.
    pub(crate) fn receipt_again(
        &self,
        wasm: &[u8],
        input: &[u8],
        fuel: Option<u64>,
        most: u64,
        ceiling: &Config,
    ) -> Result<Option<Receipt>, TranscriptError> {
        let result = match self.play(wasm, input, fuel, ceiling) {
            Ok(mut run) => match run.finish_within(most) {
                Some(result) => result,
                None => return Ok(None),
            },
            Err(TranscriptError::Run(error)) => Err(error),
            Err(error) => return Err(error),
        };
        let wrong = || TranscriptError::Syntax { line: 1, message: "its configuration cannot be".into() };
        self.receipt(wasm, input, &result).map(Some).ok_or_else(wrong)
    }

    /// The run that this is a transcript of, to be run again: nothing of the world is asked, and what was
    /// done is done. It comes to the same, but for a run that was ended by its deadline or cancelled, which goes
    /// on to where it asks for what is not in here ([`StopReason::Replay`](crate::StopReason::Replay)).
    ///
    /// Limits above those of [`Profile::Large`](crate::Profile::Large) are refused before anything is loaded;
    /// [`replay_within`](Transcript::replay_within) takes another ceiling.
    ///
    /// # Errors
    ///
    /// [`TranscriptError::Rules`], [`TranscriptError::Ceiling`], [`TranscriptError::Other`], or what loading and
    /// starting answer.
    pub fn replay(&self, wasm: &[u8], input: &[u8]) -> Result<Execution, TranscriptError> {
        self.replay_within(wasm, input, &excess::usual_ceiling())
    }

    /// As [`replay`](Transcript::replay), with the most that it may ask for: of the ceiling `limits` and `module` count.
    ///
    /// # Errors
    ///
    /// As [`replay`](Transcript::replay).
    pub fn replay_within(&self, wasm: &[u8], input: &[u8], ceiling: &Config) -> Result<Execution, TranscriptError> {
        self.play(wasm, input, None, ceiling)
    }

    /// The sandbox in which it is played: the configuration is what it was, but without a deadline; nothing of
    /// a host is there, and none of the host functions.
    ///
    /// Limits above those of [`Profile::Large`](crate::Profile::Large) are refused;
    /// [`sandbox_within`](Transcript::sandbox_within) takes another ceiling.
    ///
    /// # Errors
    ///
    /// [`TranscriptError::Ceiling`], or [`TranscriptError::Run`] with [`Error::Config`].
    pub fn sandbox(&self) -> Result<Sandbox, TranscriptError> {
        self.sandbox_within(&excess::usual_ceiling())
    }

    /// As [`sandbox`](Transcript::sandbox), with the most that it may ask for: of the ceiling `limits` and `module`
    /// count.
    ///
    /// # Errors
    ///
    /// As [`sandbox`](Transcript::sandbox).
    pub fn sandbox_within(&self, ceiling: &Config) -> Result<Sandbox, TranscriptError> {
        self.sandbox_with(None, ceiling)
    }

    fn sandbox_with(&self, fuel: Option<u64>, ceiling: &Config) -> Result<Sandbox, TranscriptError> {
        let above = excess::above(&self.header.config, ceiling);
        if !above.is_empty() {
            return Err(TranscriptError::Ceiling { above });
        }
        let mut config = self.header.config.clone();
        config.deadline_ms = None;
        config.limits.fuel = fuel.unwrap_or(config.limits.fuel);
        let mut builder = Sandbox::builder().config(config).replayed();
        for Declared { module, name, ty, waits, requires } in &self.header.functions {
            builder = builder.stub(module, name, ty.clone(), *waits);
            builder = requires.iter().fold(builder, |builder, capability| builder.requires(capability));
        }
        Ok(builder.build()?)
    }

    fn play(
        &self,
        wasm: &[u8],
        input: &[u8],
        fuel: Option<u64>,
        ceiling: &Config,
    ) -> Result<Execution, TranscriptError> {
        let Header { rules, module, entry, .. } = &self.header;
        if *rules != Rules::current() {
            return Err(TranscriptError::Rules { found: rules.clone(), expected: Rules::current() });
        }
        let sandbox = self.sandbox_with(fuel, ceiling)?;
        for (what, expected, bytes) in [("module", module, wasm), ("input", &self.header.input, input)] {
            let found = Digest::of(bytes);
            if found != *expected {
                return Err(TranscriptError::Other { what, expected: expected.clone(), found });
            }
        }
        let module = sandbox.load(wasm)?;
        let mut run = match entry {
            Entry::Run => sandbox.start(&module, input)?,
            Entry::Call { function, arguments } => {
                let wrong = |text: &String| TranscriptError::Syntax {
                    line: 1,
                    message: alloc::format!("no argument is written {text}"),
                };
                let values = arguments.iter().map(|text| Value::from_exact(text).ok_or_else(|| wrong(text)));
                sandbox.start_call(&module, function, &values.collect::<Result<Vec<_>, _>>()?, input, ())?
            }
        };
        run.replay(self.effects.clone());
        Ok(run)
    }
}
