//! Receipts in files: `run --receipt`.

use std::path::{Path, PathBuf};

use belljar::{
    Config, Error, Input, Outcome,
    record::{Receipt, Transcript},
};

use crate::{argument::Call, failure::Failure, file};

/// A receipt and the file that it is written to.
#[derive(Debug)]
pub struct ReceiptFile {
    path: PathBuf,
    json: String,
}

impl ReceiptFile {
    /// Returns the receipt of a run that has ended; `None` if such a run has no receipt.
    pub fn of(
        path: &Path,
        wasm: &[u8],
        call: Option<&Call>,
        input: &Input,
        config: &Config,
        transcript: Option<&Transcript>,
        result: &Result<Outcome, Error>,
    ) -> Option<ReceiptFile> {
        let input = input.as_bytes();
        let receipt = match (transcript, call) {
            (Some(transcript), _) => transcript.receipt(wasm, input, result),
            (None, None) => Receipt::of_run(wasm, input, config, result),
            (None, Some((function, arguments))) => Receipt::of_call(function, arguments, wasm, input, config, result),
        };
        Some(ReceiptFile { path: path.into(), json: receipt?.to_json() })
    }

    /// Writes the file.
    pub fn write(self) -> Result<(), Failure> {
        file::write(&self.path, (self.json + "\n").as_bytes())
    }
}
