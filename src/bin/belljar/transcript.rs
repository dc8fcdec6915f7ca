//! Transcripts in files: `run --record` and `run --replay`.

use std::path::{Path, PathBuf};

use belljar::{
    Config, Error, Execution, Input, Sandbox,
    config::Notation,
    record::{MAX_TRANSCRIPT_BYTES, Transcript, TranscriptError},
};

use crate::{argument::Call, ceiling, failure::Failure, file, show, size, source::Source};

/// Reads a transcript.
pub fn read(path: &Path) -> Result<Transcript, Failure> {
    let source = Source::of(path);
    Transcript::from_jsonl(&source.text(MAX_TRANSCRIPT_BYTES)?).map_err(|error| refused(path, error))
}

/// Starts the replay of a transcript.
pub fn replay(
    path: &Path,
    transcript: &Transcript,
    ceiling: &Config,
    module: &Source,
    wasm: &[u8],
    input: &Input,
) -> Result<Execution, Failure> {
    transcript.replay_within(wasm, input.as_bytes(), ceiling).map_err(|error| match error {
        TranscriptError::Run(error @ Error::Module(_)) => Failure::of(error).in_file(module.name()),
        error => refused(path, error),
    })
}

/// Converts the reason why a transcript cannot be replayed.
pub fn refused(path: &Path, error: TranscriptError) -> Failure {
    match error {
        TranscriptError::Run(error) => Failure::of(error).in_file(show::path(path)),
        TranscriptError::Ceiling { ref above } => {
            Failure::transcript(error.to_string()).in_file(show::path(path)).with_hint(ceiling::hint(above))
        }
        error => Failure::transcript(error.to_string()).in_file(show::path(path)),
    }
}

/// The file that a transcript is recorded to, which can be written, and the size limit.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    limit: u64,
}

impl Recording {
    /// Parses the size limit, and checks that the file can be written.
    pub fn open(path: &Path, limit: &str) -> Result<Recording, Failure> {
        let limit = size::parse(Notation::Size, limit);
        let limit = limit.map_err(|message| Failure::usage(format!("--record-limit: {message}")))?;
        file::check(path)?;
        Ok(Recording { path: path.into(), limit })
    }

    /// Returns the size limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Writes the transcript of a run that has ended.
    pub fn write(self, transcript: &Transcript) -> Result<(), Failure> {
        file::write(&self.path, transcript.to_jsonl().as_bytes())
    }
}

/// Returns the transcript of a run that has ended.
pub fn of(run: &mut Execution, sandbox: &Sandbox, wasm: &[u8], call: Option<&Call>, input: &Input) -> Transcript {
    let (input, effects) = (input.as_bytes(), run.take_effects());
    match call {
        None => Transcript::of_run(sandbox, wasm, input, effects),
        Some((function, arguments)) => Transcript::of_call(function, arguments, sandbox, wasm, input, effects),
    }
}
