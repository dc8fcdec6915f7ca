//! Receipts in files: `run --receipt`, and `belljar verify`.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use belljar::{
    Config, Error, FileBytes, Input, Outcome, Receipt, ReceiptError, Sandbox, Transcript,
    receipt::{Difference, Given, MAX_RECEIPT_BYTES},
};
use serde::Serialize;

use crate::{
    args::{Format, VerifyArgs},
    argument::Call,
    capabilities, ceiling,
    console::Console,
    exit::Exit,
    failure::Failure,
    file, json, show,
    source::Source,
    transcript,
};

/// Runs a module again, and tells whether that comes out as the receipt says.
pub fn verify(args: &VerifyArgs, console: &Console) -> Result<Exit, Failure> {
    let file = Source::of(&args.receipt);
    let sources = [Some(file.clone()), Some(Source::of(&args.module)), args.input.as_deref().map(Source::of)];
    if sources.iter().flatten().filter(|source| **source == Source::Stdin).count() > 1 {
        return Err(Failure::usage("only one of receipt, module and input can be read from stdin"));
    }
    let refused = |error: &ReceiptError| {
        let failure = Failure::receipt(error.to_string()).in_file(file.name());
        match error {
            ReceiptError::NeedsTranscript => failure.with_hint("give it with `--transcript`"),
            ReceiptError::Ceiling { above } => failure.with_hint(ceiling::hint(above)),
            _ => failure,
        }
    };
    let receipt = Receipt::from_json(&file.text(MAX_RECEIPT_BYTES)?).map_err(|error| refused(&error))?;
    let ceiling = ceiling::of(args.ceiling.as_deref())?;
    receipt.check_ceiling(&ceiling).map_err(|error| refused(&error))?;
    let transcript = args.transcript.as_deref().map(|path| Ok((path, transcript::read(path)?))).transpose()?;
    let sandbox = match &transcript {
        Some((path, played)) => played.sandbox_within(&ceiling).map_err(|error| transcript::refused(path, error))?,
        // What it grants is not opened on its word.
        None if receipt.config.effect().is_some() => return Err(refused(&ReceiptError::NeedsTranscript)),
        None => Sandbox::new(receipt.config.clone()).map_err(|error| Failure::of(error).in_file(file.name()))?,
    };
    let wasm = Source::of(&args.module).module(args.text, &sandbox)?;
    let input = match (&args.input, &args.input_text) {
        (Some(path), _) => Source::of(path).input()?,
        (None, text) => text.clone().unwrap_or_default().into_bytes(),
    };
    let limit = sandbox.config().limits.file_bytes;
    let files = args.file.iter().map(|text| {
        let (path, bytes) = capabilities::file("--file", text, limit)?;
        Ok((path, bytes.into()))
    });
    let files = files.collect::<Result<BTreeMap<String, FileBytes>, Failure>>()?;
    let missing = receipt.given.keys().find(|path| !files.contains_key(*path));
    if let Some(path) = missing.filter(|_| transcript.is_none()) {
        let message = format!("the run was given a file `{}`, whose digest only is in the receipt", show::name(path));
        return Err(Failure::receipt(message).in_file(file.name()).with_hint("give it again with `--file GUEST=FILE`"));
    }
    let given = Given::new(&wasm, &input).with_ceiling(ceiling);
    let given = match &transcript {
        None => given.with_files(&files),
        Some((_, transcript)) => given.with_transcript(transcript),
    };
    let differences = match receipt.verify_given(&given) {
        Ok(()) => Vec::new(),
        Err(ReceiptError::Differs { differences }) => differences,
        Err(error) => return Err(refused(&error)),
    };
    tell(&receipt, &differences, console)?;
    Ok(if differences.is_empty() { Exit::Done } else { Exit::Stopped })
}

fn tell(receipt: &Receipt, differences: &[Difference], console: &Console) -> Result<(), Failure> {
    if console.format != Format::Human {
        let differences = differences.iter().map(Line::of).collect();
        let document = Document { receipt_sha256: receipt.digest().sha256, differences };
        return json::print(console.format, &document).map_err(|e| Failure::stdout(&e));
    }
    let mut stdout = std::io::stdout().lock();
    let mut line = |text: &str| writeln!(stdout, "{text}").map_err(|e| Failure::stdout(&e));
    match differences {
        [] if console.is_quiet() => Ok(()),
        [] => line(&format!("the same to the bit, at {} fuel", show::grouped(receipt.usage.fuel))),
        _ => differences.iter().try_for_each(|difference| line(&difference.to_string())),
    }
}

/// `{"receipt_sha256", "differences": [{"field", "receipt", "found"}]}`
#[derive(Serialize)]
struct Document {
    receipt_sha256: String,
    differences: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    field: String,
    receipt: String,
    found: String,
}

impl Line {
    fn of(difference: &Difference) -> Line {
        let Difference { field, receipt, found, .. } = difference.clone();
        Line { field, receipt, found }
    }
}

/// A receipt on its way to its file.
#[derive(Debug)]
pub struct Written {
    path: PathBuf,
    json: String,
}

impl Written {
    /// The receipt of a run that has ended.
    pub fn of(
        path: &Path,
        wasm: &[u8],
        call: Option<&Call>,
        input: &Input,
        config: &Config,
        transcript: Option<&Transcript>,
        result: &Result<Outcome, Error>,
    ) -> Option<Written> {
        let input = input.as_bytes();
        let receipt = match (transcript, call) {
            (Some(transcript), _) => transcript.receipt(wasm, input, result),
            (None, None) => Receipt::of_run(wasm, input, config, result),
            (None, Some((function, arguments))) => Receipt::of_call(function, arguments, wasm, input, config, result),
        };
        Some(Written { path: path.into(), json: receipt?.to_json() })
    }

    /// Writes it.
    pub fn write(self) -> Result<(), Failure> {
        file::write(&self.path, (self.json + "\n").as_bytes())
    }
}
