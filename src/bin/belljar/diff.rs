//! `belljar diff`: where two runs part.

use std::path::PathBuf;

use belljar::{
    Config, Input, Sandbox,
    explain::{Differences, Rerun},
    record::{Receipt, Transcript},
};
use clap::Args;

use self::receipts::Receipts;
use crate::{
    ceiling,
    console::Console,
    exit::Exit,
    failure::Failure,
    job::{self, Job, JobArgs},
    options::LookArgs,
    progress::Progress,
    source::Source,
    transcript,
};

mod receipts;
mod show;

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar diff tool.wasm --input one.json --other-input two.json
  belljar diff old.wasm new.wasm --input input.json
  belljar diff one-receipt.json two-receipt.json
  belljar diff one-receipt.json two-receipt.json --of tool.wasm --input one.json --other-input two.json

Both runs are had again. Of the calls of the host, the calls of functions and the stores to memory that they make, the
first that differs is shown, with its step, to which `belljar debug` can go. Of two modules those functions are compared
by their names that both have, without arguments, since addresses in two modules are others.

The JSON document has same_module, differences, with kind, equal and events, and results, with reason (null unless
the run was stopped), status, fuel and output_sha256; of two receipts fields, with field, first and second.

Exit status:
  0  no difference was found
  1  the runs differ
  2  usage, configuration or I/O; or a receipt is invalid or above the ceiling
  3  the module is refused";

/// Run a module with two inputs, or two modules, and show where the runs part; or compare two receipts
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct DiffArgs {
    #[command(flatten)]
    job: JobArgs,
    /// The other module, or the other receipt if the first file is one [default: the same module]
    other: Option<PathBuf>,
    /// Read the input of the other run from this file [default: that of the first]
    #[arg(long, value_name = "FILE", conflicts_with = "other_input_text")]
    other_input: Option<PathBuf>,
    /// Take this text as the input of the other run
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    other_input_text: Option<String>,
    /// The module of the receipts: their runs are had again
    #[arg(long, value_name = "MODULE")]
    of: Option<PathBuf>,
    /// The transcript of the run of the first receipt
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// The transcript of the run of the other receipt
    #[arg(long, value_name = "FILE")]
    other_transcript: Option<PathBuf>,
    /// Refuse receipts whose limits exceed those in the section `[ceiling]` of this file [default: the profile
    /// `large`]
    #[arg(long, value_name = "FILE")]
    ceiling: Option<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

/// A run that is compared.
struct Side {
    sandbox: Sandbox,
    source: Source,
    wasm: Vec<u8>,
    job: Job,
    recorded: Option<Recorded>,
}

/// The record of a run.
enum Recorded {
    Receipt(Box<Receipt>),
    Transcript(Box<Transcript>),
}

impl DiffArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Compares two runs, or two receipts.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let from_stdin = [Some(&self.job.module), self.other.as_ref(), self.of.as_ref(), self.job.input.as_ref()];
        let from_stdin = from_stdin.into_iter().chain([self.other_input.as_ref()]);
        if from_stdin.flatten().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err(Failure::usage("stdin can be read only once: more than one of the files is `-`"));
        }
        match Receipts::read(&self.job.module, self.other.as_deref())? {
            Some(receipts) => self.receipts(&receipts, console),
            None => self.runs(console),
        }
    }

    fn runs(&self, console: &Console) -> Result<Exit, Failure> {
        let of_receipts = [&self.of, &self.transcript, &self.other_transcript, &self.ceiling];
        let names = ["--of", "--transcript", "--other-transcript", "--ceiling"];
        if let Some((_, name)) = of_receipts.iter().zip(names).find(|(path, _)| path.is_some()) {
            let message = format!("{}: not a receipt, so `{name}` has no meaning", self.job.source()?.name());
            return Err(Failure::usage(message).with_hint("name two modules, or two receipts and `--of MODULE`"));
        }
        if self.other.is_none() && self.other_input.is_none() && self.other_input_text.is_none() {
            return Err(Failure::usage("there is one run only")
                .with_hint("name another module, or another input with `--other-input`"));
        }
        let (sandbox, _) = self.job.sandbox(console)?;
        let side = |source: Source, other: bool| {
            let wasm = source.module(self.job.text, &sandbox)?;
            let about = sandbox.validate(&wasm).map_err(|error| source.failure(error))?;
            let mut job = self.job.job(&source, &about, console)?;
            if let Some(input) = self.other_input()?.filter(|_| other) {
                job.input = input;
            }
            Ok::<_, Failure>(Side { sandbox: sandbox.clone(), source, wasm, job, recorded: None })
        };
        let first = side(self.job.source()?, false)?;
        let second = match &self.other {
            Some(path) => side(Source::of(path), true)?,
            None => {
                let input = self.other_input()?.unwrap_or_default();
                let job = Job { call: first.job.call.clone(), input };
                Side { job, wasm: first.wasm.clone(), source: first.source.clone(), sandbox, recorded: None }
            }
        };
        compare(&first, &second, console)
    }

    fn receipts(&self, receipts: &Receipts, console: &Console) -> Result<Exit, Failure> {
        let Some(module) = &self.of else { return receipts.show(console) };
        let ceiling = ceiling::of(self.ceiling.as_deref())?;
        let source = Source::of(module);
        let input = || match (&self.job.input, &self.job.input_text) {
            (Some(path), _) => Source::of(path).input().map(Input::from),
            (None, text) => Ok(text.clone().unwrap_or_default().into()),
        };
        let first_input = input()?;
        let second_input = self.other_input()?.unwrap_or_else(|| first_input.clone());
        let side = |receipt: &Receipt, input: Input, transcript: &Option<PathBuf>, file: &Source| {
            side_of(receipt, input, transcript.as_ref(), &ceiling, file, (&source, self.job.text))
        };
        let first = side(&receipts.first.1, first_input, &self.transcript, &receipts.first.0)?;
        let second = side(&receipts.second.1, second_input, &self.other_transcript, &receipts.second.0)?;
        compare(&first, &second, console)
    }

    /// Reads the input of the other run; `None` if it is that of the first.
    fn other_input(&self) -> Result<Option<Input>, Failure> {
        match (&self.other_input, &self.other_input_text) {
            (Some(path), _) => Ok(Some(Source::of(path).input()?.into())),
            (None, text) => Ok(text.clone().map(Input::from)),
        }
    }
}

/// Returns the run of a receipt.
fn side_of(
    receipt: &Receipt,
    input: Input,
    transcript: Option<&PathBuf>,
    ceiling: &Config,
    file: &Source,
    (source, text): (&Source, bool),
) -> Result<Side, Failure> {
    let refused = |message: String| Failure::receipt(message).in_file(file.name());
    receipt.check_ceiling(ceiling).map_err(|error| refused(error.to_string()))?;
    let transcript = transcript.map(|path| transcript::read(path)).transpose()?;
    let sandbox = match &transcript {
        Some(transcript) => transcript.sandbox_within(ceiling).map_err(|error| refused(error.to_string()))?,
        None if receipt.config.effect().is_some() => {
            return Err(refused("the run got something from its host, which is in its transcript".into())
                .with_hint("provide it with `--transcript` and `--other-transcript`"));
        }
        None if !receipt.given.is_empty() => {
            return Err(refused("the run received files, of which the receipt has only the digests".into())
                .with_hint("compare the runs without receipts: `belljar diff MODULE … --file GUEST=FILE`"));
        }
        None => Sandbox::new(receipt.config.clone()).map_err(|error| Failure::of(error).in_file(file.name()))?,
    };
    let wasm = source.module(text, &sandbox)?;
    receipts::check(receipt, &wasm, input.as_bytes()).map_err(refused)?;
    let recorded = transcript.map_or_else(
        || Recorded::Receipt(Box::new(receipt.clone())),
        |transcript| Recorded::Transcript(Box::new(transcript)),
    );
    Ok(Side { sandbox, source: source.clone(), wasm, job: Job { call: None, input }, recorded: Some(recorded) })
}

impl Side {
    fn rerun(&self) -> Result<Rerun<'_>, Failure> {
        let input = self.job.input.clone();
        let rerun = match &self.recorded {
            Some(Recorded::Transcript(transcript)) => Rerun::of_transcript(transcript, &self.wasm, input),
            Some(Recorded::Receipt(receipt)) => Rerun::of_receipt(receipt, &self.wasm, input),
            None => {
                let (rerun, call) = (Rerun::new(&self.wasm, input), self.job.call.iter());
                Some(call.fold(rerun, |rerun, (name, arguments)| rerun.with_call(name, arguments)))
            }
        };
        rerun.ok_or_else(|| Failure::receipt("an argument of the call is damaged"))
    }
}

/// Has two runs again, and shows where they part.
fn compare(first: &Side, second: &Side, console: &Console) -> Result<Exit, Failure> {
    let (one, other) = (first.rerun()?, second.rerun()?);
    let mut progress = Progress::new(first.sandbox.config().limits.fuel, console);
    let runs = ((&first.sandbox, &one), (&second.sandbox, &other));
    let differences = match first.recorded.is_some() || second.recorded.is_some() {
        true => Differences::find(runs.0, runs.1),
        false => Differences::find_first(runs.0, runs.1, |usage| progress.tick(console, || usage.fuel)),
    };
    console.clear_progress();
    let differences = differences.map_err(|error| job::not_started(&first.source, error))?;
    show::print(&differences, console)?;
    let [first, second] = &differences.results;
    let is_same = differences.first.is_empty() && first == second;
    Ok(if is_same { Exit::Done } else { Exit::Stopped })
}
