//! `belljar coverage`: which of its code a module runs with some inputs.

use std::{
    io,
    path::{Path, PathBuf},
};

use belljar::{
    Input, Sandbox, StopReason, Usage,
    explain::{Coverage, Rerun, Totals},
};
use clap::Args;
use serde::Serialize;

use self::{progress::Progress, table::By};
use crate::{
    argument::Call,
    call::CallArgs,
    console::Console,
    entry,
    exit::Exit,
    failure::Failure,
    file, hint, job, json,
    options::{Format, LookArgs},
    origin::Origins,
    source::Source,
};

mod progress;
mod table;

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar coverage tool.wasm tests/*.json
  belljar coverage tool.wasm tests/*.json --lcov tool.info && genhtml tool.info -o html
  belljar coverage tool.wasm input.json --format json
  belljar coverage tool.wasm -e add -- 2 3

The module is run once for each input; fuel and outcome are those of `belljar run`. Lines need debugging
information in the module; functions and branches do not.

The JSON document has runs, fuel, elsewhere (fuel that is not that of operators), totals (functions,
blocks, branches and lines that ran), stopped (inputs whose runs were stopped), functions, each with
calls, fuel, blocks and branches, and lines, each with count and fuel.

Exit status:
  0  all runs have ended
  1  a run was stopped; what it ran counts
  2  usage, configuration or I/O
  3  the module is refused";

/// Run a module with some inputs, and show which of its code they run
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CoverageArgs {
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    module: PathBuf,
    /// The inputs, a file each; `-` is stdin [default: one empty input]
    inputs: Vec<PathBuf>,
    /// Take this text as the only input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "inputs")]
    input_text: Option<String>,
    /// Read the module as WebAssembly text, as a file that begins like text is without it
    #[arg(long)]
    text: bool,
    /// Show each function, or each file of the sources [default: files, if the module has lines]
    #[arg(long, value_name = "WHAT")]
    by: Option<By>,
    /// Show at most this number of functions or files; 0 shows all
    #[arg(long, value_name = "NUMBER", default_value_t = 25)]
    top: usize,
    /// Write the coverage to this file in the format of lcov, which many programs read; `-` is stdout
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,
    #[command(flatten)]
    call: CallArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl CoverageArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Runs a module with all inputs, and shows the coverage.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        self.lcov.iter().try_for_each(|path| file::check(path))?;
        let source = self.source()?;
        let (sandbox, origins) = self.call.sandbox(console)?;
        let wasm = source.module(self.text, &sandbox)?;
        let about = sandbox.inspect(&wasm).map_err(|error| source.failure(error).under(&origins))?;
        entry::note(&source, &about, console);
        let call = self.call.call(&source, &about)?;
        let (coverage, stopped) = self.coverage(&source, &sandbox, &wasm, call.as_ref(), &origins, console)?;
        if let Some(path) = &self.lcov {
            file::write(path, coverage.lcov(&source.name()).as_bytes())?;
        }
        let is_stdout_free = self.lcov.as_deref() != Some(Path::new("-"));
        self.show(&coverage, &stopped, is_stdout_free, console).map_err(|error| Failure::stdout(&error))?;
        Ok(if stopped.is_empty() { Exit::Done } else { Exit::Stopped })
    }

    /// Returns where the module is read from, if all inputs can be read beside it.
    fn source(&self) -> Result<Source, Failure> {
        let all = self.inputs.iter().chain([&self.module]);
        if all.filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err(Failure::usage("stdin can be read only once: more than one of module and inputs is `-`"));
        }
        Ok(Source::of(&self.module))
    }

    /// Runs the module with each input; returns the coverage of all, and which were stopped.
    fn coverage(
        &self,
        source: &Source,
        sandbox: &Sandbox,
        wasm: &[u8],
        call: Option<&Call>,
        origins: &Origins,
        console: &Console,
    ) -> Result<(Coverage, Vec<StoppedRun>), Failure> {
        let inputs: Vec<_> = self.inputs.iter().map(|path| Some(Source::of(path))).collect();
        let inputs = if inputs.is_empty() { vec![None] } else { inputs };
        let mut progress = Progress::new(inputs.len(), sandbox.config().limits.fuel, console);
        let counter = sandbox.counter(wasm).map_err(|error| source.failure(error))?;
        let (mut all, mut stopped) = (None::<Coverage>, Vec::new());
        for (number, input) in inputs.iter().enumerate() {
            let input_text = || Ok(self.input_text.as_deref().unwrap_or_default().into());
            let bytes = input.as_ref().map_or_else(input_text, Source::input)?;
            let rerun = Rerun::new(wasm, Input::from(bytes));
            let rerun = call.iter().fold(rerun, |rerun, (function, arguments)| rerun.with_call(function, arguments));
            let tick = |usage: &Usage| progress.tick(console, number, usage.fuel);
            let coverage = counter.first_coverage(&rerun, tick);
            progress.tick(console, number + 1, 0);
            let coverage = coverage.map_err(|error| job::not_started(source, error))?;
            if let Err(stop) = &coverage.result {
                console.clear_progress();
                let (name, message) = (input.as_ref().map(Source::name), stop.reason.to_string());
                let hint = hint::under(&belljar::Error::Stopped(stop.clone()), origins);
                console.error(name.as_deref(), &message, hint.as_deref());
                stopped.push(StoppedRun { input: name, reason: stop.reason.clone(), message });
            }
            match &mut all {
                // It is of the same module.
                Some(all) => drop(all.merge(&coverage)),
                None => all = Some(coverage),
            }
        }
        console.clear_progress();
        let all = all.ok_or_else(|| Failure::usage("there is no input"))?;
        Ok((all, stopped))
    }

    fn show(
        &self,
        coverage: &Coverage,
        stopped: &[StoppedRun],
        is_stdout_free: bool,
        console: &Console,
    ) -> io::Result<()> {
        if console.format != Format::Human {
            let document = Document { totals: coverage.totals(), stopped, coverage };
            return json::print(console.format, &document);
        }
        coverage.problems.iter().for_each(|problem| console.note(problem));
        if !is_stdout_free || console.is_quiet() {
            return Ok(());
        }
        let by = self.by.unwrap_or(if coverage.lines.is_empty() { By::Function } else { By::File });
        table::print(coverage, by, self.top)
    }
}

/// A run that was stopped.
#[derive(Serialize)]
struct StoppedRun {
    /// The name of its input; `None` for that of `--input-text` and the empty one.
    input: Option<String>,
    reason: StopReason,
    message: String,
}

/// The document of coverage.
#[derive(Serialize)]
struct Document<'a> {
    totals: Totals,
    stopped: &'a [StoppedRun],
    #[serde(flatten)]
    coverage: &'a Coverage,
}
