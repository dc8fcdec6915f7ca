//! Replays of transcripts, and their receipts.

use super::{
    ceiling,
    error::TranscriptError,
    receipt::Receipt,
    rules::{Entry, Rules},
    transcript::{Declared, Transcript, TranscriptHeader},
};
use crate::{
    abi::name::Name,
    config::Config,
    data::{digest::Digest, outcome::Outcome},
    error::Error,
    host::replayed::stub,
    run::execution::Execution,
    sandbox::Sandbox,
};

impl Transcript {
    /// Makes the receipt of the recorded run, or of its replay: both are the same. Returns `None` if nothing was run.
    pub fn receipt(&self, wasm: &[u8], input: &[u8], result: &Result<Outcome, Error>) -> Option<Receipt> {
        let TranscriptHeader { config, entry, .. } = &self.header;
        Receipt::of(entry.clone(), wasm, input, config, Some(self.digest()), result)
    }

    /// Replays it, with another fuel limit if there is one, and returns the receipt; `None` if that takes more fuel
    /// than `most`.
    pub(super) fn replayed_receipt(
        &self,
        wasm: &[u8],
        input: &[u8],
        fuel: Option<u64>,
        most: u64,
        ceiling: &Config,
    ) -> Result<Option<Receipt>, TranscriptError> {
        let result = match self.start_replay(wasm, input, fuel, ceiling) {
            Ok(mut run) => match run.finish_within(most).transpose() {
                Some(result) => result,
                None => return Ok(None),
            },
            Err(TranscriptError::Run(error)) => Err(error),
            Err(error) => return Err(error),
        };
        let wrong = || TranscriptError::Syntax { line: 1, message: "its configuration is invalid".into() };
        self.receipt(wasm, input, &result).map(Some).ok_or_else(wrong)
    }

    /// Starts a replay of the recorded run: nothing is asked of the host; actions of host functions are repeated. It
    /// ends as the recorded run did. A run that was ended by its deadline or cancelled goes on to its first request
    /// that is not recorded ([`HostStop::Replay`](crate::HostStop::Replay)).
    ///
    /// Limits above those of [`Profile::Large`](crate::Profile::Large) are refused before anything is loaded;
    /// [`replay_within`](Transcript::replay_within) takes another ceiling.
    ///
    /// # Errors
    ///
    /// [`TranscriptError::Rules`], [`TranscriptError::Ceiling`], [`TranscriptError::Other`], or the errors of loading
    /// and starting.
    pub fn replay(&self, wasm: &[u8], input: &[u8]) -> Result<Execution, TranscriptError> {
        self.replay_within(wasm, input, &ceiling::default_ceiling())
    }

    /// Starts a replay under another ceiling, of which `limits` and `module` count.
    ///
    /// # Errors
    ///
    /// As [`replay`](Transcript::replay).
    pub fn replay_within(&self, wasm: &[u8], input: &[u8], ceiling: &Config) -> Result<Execution, TranscriptError> {
        self.start_replay(wasm, input, None, ceiling)
    }

    /// Builds the sandbox of a replay: with the recorded configuration, but without a deadline, without anything of the
    /// host, and without the host functions.
    ///
    /// Limits above those of [`Profile::Large`](crate::Profile::Large) are refused;
    /// [`sandbox_within`](Transcript::sandbox_within) takes another ceiling.
    ///
    /// # Errors
    ///
    /// [`TranscriptError::Ceiling`], or [`TranscriptError::Run`] with [`Error::Config`].
    pub fn sandbox(&self) -> Result<Sandbox, TranscriptError> {
        self.sandbox_within(&ceiling::default_ceiling())
    }

    /// Builds the sandbox of a replay under another ceiling, of which `limits` and `module` count.
    ///
    /// # Errors
    ///
    /// As [`sandbox`](Transcript::sandbox).
    pub fn sandbox_within(&self, ceiling: &Config) -> Result<Sandbox, TranscriptError> {
        self.sandbox_with(None, ceiling)
    }

    fn sandbox_with(&self, fuel: Option<u64>, ceiling: &Config) -> Result<Sandbox, TranscriptError> {
        let above = ceiling::above(&self.header.config, ceiling);
        if !above.is_empty() {
            return Err(TranscriptError::Ceiling { above });
        }
        let mut config = self.header.config.clone();
        config.deadline_ms = None;
        config.limits.fuel = fuel.unwrap_or(config.limits.fuel);
        let mut builder = Sandbox::builder().config(config);
        for Declared { module, name, ty, waits, requires } in &self.header.functions {
            let function = stub(Name::new(module, name), ty.clone(), *waits);
            builder = builder.function(requires.iter().fold(function, |function, name| function.requires(name)));
        }
        Ok(builder.build_for_replay()?)
    }

    fn start_replay(
        &self,
        wasm: &[u8],
        input: &[u8],
        fuel: Option<u64>,
        ceiling: &Config,
    ) -> Result<Execution, TranscriptError> {
        let TranscriptHeader { rules, module, entry, .. } = &self.header;
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
            Entry::Call { function, .. } => {
                let arguments = entry.values().map_err(|message| TranscriptError::Syntax { line: 1, message })?;
                sandbox.start_call(&module, function, &arguments, input, ())?
            }
        };
        run.replay(self.effects.clone());
        Ok(run)
    }
}
