//! `belljar verify`: the check of a receipt by a second run.

use std::{collections::BTreeMap, io::Write, path::PathBuf};

use belljar::{
    Config, Error, Sandbox,
    files::FileBytes,
    record::{Difference, Given, MAX_RECEIPT_BYTES, Receipt, ReceiptError, Transcript, TranscriptError},
};
use clap::Args;
use serde::Serialize;

use crate::{
    capabilities, ceiling,
    console::Console,
    exit::Exit,
    explain,
    failure::Failure,
    json,
    options::{Format, LookArgs},
    show,
    source::Source,
    transcript,
};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar run tool.wasm --input input.json --receipt receipt.json
  belljar verify receipt.json tool.wasm --input input.json
  belljar verify receipt.json program.wasm --file /in.txt=in.txt
  belljar verify receipt.json program.wasm --transcript run.jsonl
  belljar verify receipt.json tool.wasm --ceiling belljar.toml

Configuration and arguments are those of the receipt. A run that used the host is verified with
its transcript, and does not use the host again. A run that a deadline or Ctrl-C ended is run
again up to there, and no run uses more fuel than the receipt says.

The JSON document is {\"receipt_sha256\", \"differences\": [{\"field\", \"receipt\", \"found\"}]}.

Exit status:
  0  the same
  1  the run differs from the receipt
  2  usage or I/O; or the receipt cannot be verified: it is invalid, above the ceiling, of another
     engine or price list, or of a run that its host ended
  3  the text of the module cannot be assembled";

/// Run a module again, and compare the run with its receipt
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct VerifyArgs {
    /// The receipt; `-` reads it from stdin
    receipt: PathBuf,
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    module: PathBuf,
    /// Read the input from this file; `-` is stdin [default: no input]
    #[arg(long, value_name = "FILE", conflicts_with = "input_text")]
    input: Option<PathBuf>,
    /// Take this text as the input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    input_text: Option<String>,
    /// The transcript of the run, as `belljar run --record` wrote it
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// A file that the run received, as with `belljar run`
    #[arg(long, value_name = "GUEST=FILE", conflicts_with = "transcript")]
    file: Vec<String>,
    /// Refuse a receipt or transcript whose limits exceed those in the section `[ceiling]` of this file, before
    /// anything is loaded; limits that are not in it, and all without a file, may not exceed the profile
    /// `large`
    #[arg(long, value_name = "FILE")]
    ceiling: Option<PathBuf>,
    /// If the receipt is true and its run was stopped, show where: its functions, with the lines of their sources
    /// as far as the module has them
    #[arg(long)]
    explain: bool,
    /// Read the module as WebAssembly text, as a file that begins like text is without it
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    look: LookArgs,
}

impl VerifyArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Runs a module again, and compares the run with the receipt.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        if self.explain {
            explain::check()?;
        }
        let file = Source::of(&self.receipt);
        let sources = [Some(file.clone()), Some(Source::of(&self.module)), self.input.as_deref().map(Source::of)];
        if sources.iter().flatten().filter(|source| **source == Source::Stdin).count() > 1 {
            return Err(Failure::usage("only one of receipt, module and input can be read from stdin"));
        }
        let refused = |error: &ReceiptError| {
            let failure = Failure::receipt(error.to_string()).in_file(file.name());
            match error {
                ReceiptError::NeedsTranscript => failure.with_hint("provide it with `--transcript`"),
                ReceiptError::Ceiling { above } => failure.with_hint(ceiling::hint(above)),
                _ => failure,
            }
        };
        let receipt = Receipt::from_json(&file.text(MAX_RECEIPT_BYTES)?).map_err(|error| refused(&error))?;
        let ceiling = ceiling::of(self.ceiling.as_deref())?;
        receipt.check_ceiling(&ceiling).map_err(|error| refused(&error))?;
        let transcript = self.transcript.as_deref().map(|path| Ok((path, transcript::read(path)?))).transpose()?;
        let sandbox = match &transcript {
            Some((path, replayed)) => {
                replayed.sandbox_within(&ceiling).map_err(|error| transcript::refused(path, error))?
            }
            // Directories and clocks of the host are not opened because a receipt names them.
            None if receipt.config.effect().is_some() => return Err(refused(&ReceiptError::NeedsTranscript)),
            None => Sandbox::new(receipt.config.clone()).map_err(|error| Failure::of(error).in_file(file.name()))?,
        };
        let wasm = Source::of(&self.module).module(self.text, &sandbox)?;
        let input = match (&self.input, &self.input_text) {
            (Some(path), _) => Source::of(path).input()?,
            (None, text) => text.clone().unwrap_or_default().into_bytes(),
        };
        let limit = sandbox.config().limits.file_bytes;
        let files = self.file.iter().map(|text| {
            let (path, bytes) = capabilities::file("--file", text, limit)?;
            Ok((path, bytes.into()))
        });
        let files = files.collect::<Result<BTreeMap<String, FileBytes>, Failure>>()?;
        let missing = receipt.given.keys().find(|path| !files.contains_key(*path));
        if let Some(path) = missing.filter(|_| transcript.is_none()) {
            let message = format!(
                "the run received the file `{}`, of which the receipt contains only the digest",
                show::name(path)
            );
            return Err(Failure::receipt(message)
                .in_file(file.name())
                .with_hint("provide it with `--file GUEST=FILE`"));
        }
        let given = Given::new(&wasm, &input).with_ceiling(ceiling.clone());
        let given = match &transcript {
            None => given.with_files(&files),
            Some((_, transcript)) => given.with_transcript(transcript),
        };
        let differences = match receipt.verify_given(&given) {
            Ok(()) => Vec::new(),
            Err(ReceiptError::Differs { differences }) => differences,
            Err(error) => return Err(refused(&error)),
        };
        print(&receipt, &differences, console)?;
        let is_without_input = self.input.is_none() && self.input_text.is_none() && receipt.input.bytes > 0;
        if is_without_input && differences.iter().any(|difference| difference.field == "input.bytes") {
            console.hint("the receipt is of a run with an input: provide it with `--input` or `--input-text`");
        }
        if self.explain && differences.is_empty() {
            let transcript = match transcript {
                Some((_, transcript)) => transcript,
                None => {
                    let mut config = receipt.config.clone();
                    config.wasi.files.extend(files);
                    let sandbox = Sandbox::new(config).map_err(Failure::of)?;
                    let mut transcript = Transcript::of_run(&sandbox, &wasm, &input, Vec::new());
                    transcript.header.entry = receipt.entry.clone();
                    transcript
                }
            };
            show_stop(&transcript, &ceiling, &wasm, &input, console)?;
        }
        Ok(if differences.is_empty() { Exit::Done } else { Exit::Stopped })
    }
}

/// Shows on stderr where a recorded run stopped, if it did.
fn show_stop(
    transcript: &Transcript,
    ceiling: &Config,
    wasm: &[u8],
    input: &[u8],
    console: &Console,
) -> Result<(), Failure> {
    let refused = |error: TranscriptError| Failure::transcript(error.to_string());
    let mut run = transcript.replay_within(wasm, input, ceiling).map_err(refused)?;
    let Err(Error::Stopped(stopped)) = run.finish() else { return Ok(()) };
    let sandbox = transcript.sandbox_within(ceiling).map_err(refused)?;
    let explained = explain::explain(&sandbox, wasm, &input.into(), transcript, &stopped);
    let explained = explained.map_err(|error| Failure::transcript(format!("no explanation: {error}")))?;
    console.error(None, &stopped.reason.to_string(), None);
    explained.to_string().lines().for_each(|line| console.line(line));
    Ok(())
}

fn print(receipt: &Receipt, differences: &[Difference], console: &Console) -> Result<(), Failure> {
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
