//! A run that the command line asks for: the module, its entry and input, and the sandbox.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use belljar::{Error, Input, Sandbox, abi, inspect::Inspection};
use clap::Args;

use crate::{
    argument::Call,
    call::CallArgs,
    console::Console,
    engine::{Loaded, Run},
    entry,
    exit::Exit,
    failure::Failure,
    hint,
    origin::Origins,
    show,
    source::Source,
};

/// The module, its entry and input, and the sandbox.
#[derive(Debug, Clone, Args)]
pub struct JobArgs {
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    pub module: PathBuf,
    /// Read the input from this file; `-` is stdin [default: stdin if it is not a terminal, else
    /// nothing; with -e or a module from stdin, nothing]
    #[arg(long, value_name = "FILE", conflicts_with = "input_text")]
    pub input: Option<PathBuf>,
    /// Take this text as the input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub input_text: Option<String>,
    /// Read the module as WebAssembly text, as a file that begins like text is without it
    #[arg(long)]
    pub text: bool,
    #[command(flatten)]
    pub call: CallArgs,
}

/// The entry and the input of a run.
#[derive(Debug)]
pub struct Job {
    /// The export to call and its arguments; `None` for the entry function of the module.
    pub call: Option<Call>,
    pub input: Input,
}

impl JobArgs {
    /// Returns where the module is read from, if the input can be read beside it.
    pub fn source(&self) -> Result<Source, Failure> {
        let source = Source::of(&self.module);
        if source == Source::Stdin && self.input_source() == Some(Source::Stdin) {
            return Err(Failure::usage("module and input cannot both be read from stdin"));
        }
        Ok(source)
    }

    /// Returns the sandbox that the options configure, and the origin of each of its settings.
    pub fn sandbox(&self, console: &Console) -> Result<(Sandbox, Origins), Failure> {
        self.call.sandbox(console)
    }

    /// Reads the arguments and the input of the run.
    pub fn job(&self, source: &Source, about: &Inspection, console: &Console) -> Result<Job, Failure> {
        let call = self.call.call(source, about)?;
        // A module without a valid entry is refused, so its input is not read.
        let input = match call.is_some() || entry::is_valid(about) {
            true => self.input(source, about, console)?,
            false => Input::default(),
        };
        Ok(Job { call, input })
    }

    /// Returns the source that `--input` names.
    pub fn input_source(&self) -> Option<Source> {
        self.input.as_deref().map(Source::of)
    }

    /// Reads the input that the options name, or else stdin if it is not a terminal.
    pub fn input(&self, module: &Source, about: &Inspection, console: &Console) -> Result<Input, Failure> {
        if let Some(text) = &self.input_text {
            return Ok(text.as_str().into());
        }
        let powers = about.capabilities();
        // `execute` receives the size of the input. Stdin is not waited for if the guest cannot read it.
        let sees_input = powers.reads_input || powers.entry == Some(abi::EXECUTE);
        let from_stdin = || {
            let free = *module != Source::Stdin && self.call.function.is_none();
            (free && sees_input && !io::stdin().is_terminal()).then_some(Source::Stdin)
        };
        let Some(source) = self.input_source().or_else(from_stdin) else { return Ok(Input::default()) };
        if source == Source::Stdin {
            console.note("input: reading stdin to its end");
        }
        let bytes = source.input()?;
        console.note(format_args!("input: {}, {}", source.name(), show::count(bytes.len() as u64, "byte")));
        Ok(bytes.into())
    }
}

/// Starts the run of a loaded module.
pub fn start(source: &Source, job: &Job, module: &Loaded) -> Result<Run, Failure> {
    let started = match &job.call {
        None => module.start(job.input.clone()),
        Some((function, arguments)) => module.start_call(function, arguments, job.input.clone()),
    };
    started.map_err(|error| not_started(source, error))
}

/// Returns the failure of a run that could not be started.
pub fn not_started(source: &Source, error: Error) -> Failure {
    let no_entry = entry::is_missing(&error);
    let hint = hint::without_entry(&error);
    let failure = hint.into_iter().fold(source.failure(error), Failure::with_hint);
    if no_entry { failure.with_exit(Exit::Refused) } else { failure }
}
