//! `belljar map`: a run of a module for each line of its input, on all cores.

use std::{
    num::NonZero,
    path::PathBuf,
    sync::{Arc, PoisonError, atomic::AtomicU64},
    time::Instant,
};

use belljar::{Cancel, Module, Sandbox, config::Notation};
use clap::Args;

use self::{
    answer::Form,
    journal::{About, Existing, Journal},
    lines::{Lines, Reader},
    progress::Progress,
    sink::Sink,
    writer::{Inputs, Writer},
};
use crate::{
    capabilities::CapabilityArgs,
    console::Console,
    entry,
    exit::Exit,
    explain::{self, Busy, Explainer},
    failure::Failure,
    interrupt,
    limits::LimitArgs,
    options::{ConfigArgs, Format, LookArgs, When},
    settings, show, size,
    source::Source,
};

mod answer;
mod journal;
mod lines;
mod progress;
mod sink;
mod writer;

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar map tool.wasm < inputs.jsonl > outputs.jsonl
  belljar map tool.wasm --input inputs.jsonl -o outputs.jsonl --resume --keep-going
  belljar map tool.wasm --format json --threads 4 < inputs.txt | jq -r 'select(.status == 0) | .output'

Each line, without its line feed, is the input of a separate run; the outputs are in the order of
the inputs, and the same for any number of threads. An output is written without the line feed at
its end; a JSON document on several lines is put on one. Any other output of several lines is an
error: with --format json each line is a record {\"line\", \"end\", \"status\", \"output\", \"fuel\"}, where
output is a string, or {\"base64\": …} if it is not UTF-8; with \"log\" if there is one, and for a run
that was stopped with \"reason\" and \"message\".

The first line that fails ends the command with an error. With --keep-going its output is
{\"error\": {\"line\", \"message\", \"reason\"}}, or the record, and the number of failed lines is
reported at the end.

Exit status:
  0  all lines have their output, also if the reader of stdout closed it
  1  a run was stopped, or its output is not one line; or Ctrl-C: all written lines are whole
  2  usage, configuration or I/O; or a line is too long, or the outputs cannot be resumed
  3  the module was refused, or has no entry function to run";

/// Run a module with each line of its input on all cores, and write an output line for each
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct MapArgs {
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    module: PathBuf,
    /// Arguments of a WASI program, the same for each line
    #[arg(last = true)]
    args: Vec<String>,
    /// Read the inputs from this file, one a line; `-` is stdin [default: stdin]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write the outputs to this file, one a line, and beside it the journal FILE.belljar for `--resume`; `-`
    /// is stdout [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Continue after the last output of the same command; without outputs, start at the first line
    #[arg(long, requires = "output")]
    resume: bool,
    /// Overwrite the file of the outputs, if it is not empty
    #[arg(long, requires = "output", conflicts_with = "resume")]
    force: bool,
    /// Write an error record for a line that is too long or whose run fails, and go on
    #[arg(long)]
    keep_going: bool,
    /// For each line whose run is stopped, show on stderr where: the functions, with the lines of their sources as
    /// far as the module has them. The run is had twice more for this
    #[arg(long)]
    explain: bool,
    /// Run this many lines at the same time [default: the number of processors available]
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZero<usize>>,
    /// Keep at most this many lines in memory, with their outputs [default: 32 for each thread]
    #[arg(long, value_name = "NUMBER")]
    window: Option<NonZero<usize>>,
    /// The longest line that is read
    #[arg(long, value_name = "SIZE", default_value = "16MiB")]
    line_limit: String,
    /// Read the module as WebAssembly text, as a file that begins like text is without it
    #[arg(long)]
    text: bool,
    /// Escape control characters of the outputs: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    escape: When,
    /// Print the number of lines, what they used, and the wall time to stderr
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    capabilities: CapabilityArgs,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

impl MapArgs {
    /// Returns the output options. A JSON document is always on one line.
    pub fn look(&self) -> LookArgs {
        match self.look.format {
            Format::Json => LookArgs { format: Format::JsonCompact, ..self.look },
            _ => self.look,
        }
    }

    /// Runs a module with each line of the input, and writes a line for each.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        if self.explain {
            explain::check()?;
        }
        let source = Source::of(&self.module);
        let input = self.input.as_deref().map_or(Source::Stdin, Source::of);
        if source == Source::Stdin && input == Source::Stdin {
            let failure = Failure::usage("module and inputs cannot both be read from stdin");
            return Err(failure.with_hint("add `--input FILE`"));
        }
        let limit = size::parse(Notation::Size, &self.line_limit);
        let limit = limit.map_err(|message| Failure::usage(format!("--line-limit: {message}")))?;
        let output = self.output.as_deref().filter(|path| path.as_os_str() != "-");
        if output.is_none() && (self.resume || self.force) {
            let option = if self.resume { "--resume" } else { "--force" };
            let message = format!("`{option}` needs an output file, and `-o -` is stdout");
            return Err(Failure::usage(message).with_hint("name a file with `-o`"));
        }
        let (config, origins) = settings::config(&self.config, &self.limits, &self.capabilities, &self.args, console)?;
        let sandbox = Sandbox::new(config).map_err(Failure::of)?;
        let wasm = source.module(self.text, &sandbox)?;
        let module = self.load(&source, &sandbox, &wasm, console).map_err(|failure| failure.under(&origins))?;

        let mut reader = Reader::open(&input, limit, self.keep_going)?;
        let (sink, journal) = match output {
            None => (Sink::stdout(self.escape), None),
            Some(path) => {
                let about = About::of(&wasm, sandbox.config(), console.format != Format::Human);
                let (file, journal) = Journal::open(path, &input, self.existing(), about, &mut reader)?;
                (Sink::file(path, file, self.escape), Some(journal))
            }
        };
        let done = reader.lines();
        if done > 0 {
            console.note(format_args!("resumed: {} with outputs", show::count(done, "line")));
        }
        let cancel = Cancel::new();
        interrupt::cancel_run(cancel.clone(), console);
        let taken = Arc::new(AtomicU64::new(reader.bytes()));
        let progress = Progress::new(reader.size(), reader.bytes(), sink.is_terminal(), console);
        let (lines, long, read_error) = Lines::read(reader, cancel.clone(), Arc::clone(&taken));
        let explained = self.explained(&sandbox, wasm)?;
        let inputs = explained.as_ref().map(|(_, inputs)| Arc::clone(inputs));
        let lines = lines.inspect(move |line: &Vec<u8>| {
            if let Some(inputs) = &inputs {
                inputs.lock().unwrap_or_else(PoisonError::into_inner).push_back(line.clone());
            }
        });

        let mut batch = sandbox.run_many(&module, lines).cancel(&cancel);
        if let Some(threads) = self.threads {
            batch = batch.threads(threads.get());
        }
        if let Some(window) = self.window {
            batch = batch.window(window.get());
        }
        let mut writer = Writer {
            console,
            origins,
            keep_going: self.keep_going,
            form: if console.format == Format::Human { Form::Text } else { Form::Record },
            source: &input,
            limit,
            long,
            sink,
            journal,
            progress,
            taken,
            first: done,
            line: done,
            fuel: 0,
            failed: None,
            cancel,
            explained,
        };
        let started = Instant::now();
        let ended = batch.scope(|results| writer.write(results));
        console.clear_progress();
        if self.metrics {
            writer.metrics(started.elapsed());
        }
        ended?;
        match read_error.take() {
            Some(failure) => Err(failure),
            None => Ok(writer.end()),
        }
    }

    /// Returns the treatment of outputs that are in the file already.
    fn existing(&self) -> Existing {
        match (self.resume, self.force) {
            (true, _) => Existing::Resume,
            (false, true) => Existing::Overwrite,
            (false, false) => Existing::Refuse,
        }
    }

    /// Returns what explains stops, with `--explain`.
    fn explained(&self, sandbox: &Sandbox, wasm: Vec<u8>) -> Result<Option<(Explainer, Inputs)>, Failure> {
        if !self.explain {
            return Ok(None);
        }
        if let Some(key) = sandbox.config().effect() {
            let message = format!("--explain: `{key}` uses the host, so a line cannot be run again");
            return Err(Failure::usage(message).with_hint("`belljar run --explain` records what the host provides"));
        }
        Ok(Some((Explainer::new(sandbox, wasm.into(), Busy::default())?, Inputs::default())))
    }

    /// Loads the module, and checks that it can be run.
    fn load(&self, source: &Source, sandbox: &Sandbox, wasm: &[u8], console: &Console) -> Result<Module, Failure> {
        let module = sandbox.load(wasm).map_err(|error| source.failure(error))?;
        entry::note(source, module.inspect(), console);
        if let Some(option) = entry::unusable_option(&self.capabilities, &self.args, module.inspect()) {
            let message = format!("{}: the module is not a WASI program, so it cannot use {option}", source.name());
            return Err(Failure::usage(message));
        }
        match sandbox.start(&module, "") {
            Ok(_) => Ok(module),
            Err(error) if entry::is_missing(&error) => {
                let failure = source.failure(error).with_exit(Exit::Refused);
                Err(failure.with_hint("each line is run with the entry function"))
            }
            Err(error) => Err(source.failure(error)),
        }
    }
}
