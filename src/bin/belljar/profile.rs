//! `belljar profile`: what the fuel of a run was spent on.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use belljar::{
    Sandbox, StopReason,
    explain::{Callee, FuelProfile, Rerun},
};
use clap::Args;
use serde::Serialize;

use self::{compare::Compared, expect::Expectations};
use crate::{
    console::Console,
    exit::Exit,
    failure::Failure,
    file, hint,
    job::{self, Job, JobArgs},
    json,
    options::{Format, LookArgs},
    progress::Progress,
    show::{self, grouped},
    source::Source,
};

mod compare;
mod expect;

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar profile tool.wasm < input.json
  belljar profile tool.wasm --input input.json --flame-graph fuel.svg
  belljar profile tool.wasm --input input.json --pprof fuel.pb && go tool pprof -top fuel.pb
  belljar profile tool.wasm --format json > old.json && belljar profile new.wasm --compare old.json
  belljar profile tool.wasm --input input.json --expect fuel.toml

Fuel is the same in every run, to the unit, so profiles need no repetition, and a function that costs
more than before can fail a test. The fuel of all functions and of the host is that of the run. A function that
is called while it is being called already belongs to the call that is there.

The file of --expect has the most fuel of functions, with what they call, by their names:
  total = 1_000_000
  [functions]
  \"tool::parse\" = 250_000

The JSON document has fuel, reason and message (null unless the run was stopped), functions, with callee, calls, own
and total, and nodes, the tree of calls.

Exit status:
  0  the run has ended
  1  it was stopped, or a function took more fuel than --expect allows
  2  usage, configuration or I/O
  3  the module is refused";

/// Run a module, and show what its fuel is spent on, function by function
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ProfileArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Show at most this number of functions; 0 shows all
    #[arg(long, value_name = "NUMBER", default_value_t = 25)]
    top: usize,
    /// Write a flame graph of the fuel as an SVG to this file; `-` is stdout
    #[arg(long, value_name = "FILE")]
    flame_graph: Option<PathBuf>,
    /// Write the tree of calls to this file, a line for each way of calls with its fuel: `a;b;c 100`, which other
    /// programs that draw flame graphs read; `-` is stdout
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
    /// Write the tree of calls to this file in the format of speedscope, which other viewers import; `-` is stdout
    #[arg(long, value_name = "FILE")]
    speedscope: Option<PathBuf>,
    /// Write the tree of calls to this file in the format of pprof, with files and lines; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pprof: Option<PathBuf>,
    /// Compare the functions with those of a profile that `--format json` has written
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Fail if a function takes more fuel than this file allows
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

impl ProfileArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Runs a module with an instrument, and shows the profile.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let expected = self.expect.as_deref().map(Expectations::read).transpose()?;
        let old = self.compare.as_deref().map(Compared::read).transpose()?;
        let written = [&self.flame_graph, &self.folded, &self.speedscope, &self.pprof];
        written.into_iter().flatten().try_for_each(|path| file::check(path))?;
        for (number, path) in written.iter().enumerate() {
            if path.is_some() && written.iter().skip(number + 1).any(|other| other == path) {
                let path = path.as_deref().unwrap_or(Path::new("-"));
                return Err(Failure::usage(format!("{}: written for two options", show::path(path))));
            }
        }
        let is_stdout_free = !written.into_iter().flatten().any(|path| path == Path::new("-"));
        if !is_stdout_free && console.format != Format::Human {
            return Err(Failure::usage("-: the document of `--format` is written to stdout already"));
        }
        let source = self.job.source()?;
        let (sandbox, origins) = self.job.sandbox(console)?;
        let wasm = source.module(self.job.text, &sandbox)?;
        let profile = self.profile(&source, &sandbox, &wasm, console).map_err(|failure| failure.under(&origins))?;
        if let Some(path) = &self.flame_graph {
            file::write(path, profile.flame_graph(&source.name()).as_bytes())?;
        }
        if let Some(path) = &self.folded {
            file::write(path, profile.folded().as_bytes())?;
        }
        if let Some(path) = &self.speedscope {
            file::write(path, profile.speedscope(&source.name()).as_bytes())?;
        }
        if let Some(path) = &self.pprof {
            file::write(path, &profile.pprof())?;
        }
        if console.format != Format::Human {
            json::print(console.format, &Document::of(&profile)).map_err(|e| Failure::stdout(&e))?;
        } else if is_stdout_free && !console.is_quiet() {
            match &old {
                Some(old) => old.print(&profile, self.top),
                None => self.print(&profile),
            }
            .map_err(|e| Failure::stdout(&e))?;
        }
        let stopped = profile.result.as_ref().err();
        if let Some(stopped) = stopped {
            let error = belljar::Error::Stopped(stopped.clone());
            console.error(None, &stopped.reason.to_string(), hint::under(&error, &origins).as_deref());
        }
        let exceeded = expected.map_or_else(Vec::new, |expected| expected.exceeded(&profile));
        for message in &exceeded {
            console.error(None, message, None);
        }
        Ok(if stopped.is_none() && exceeded.is_empty() { Exit::Done } else { Exit::Stopped })
    }

    fn profile(
        &self,
        source: &Source,
        sandbox: &Sandbox,
        wasm: &[u8],
        console: &Console,
    ) -> Result<FuelProfile, Failure> {
        let about = sandbox.validate(wasm).map_err(|error| source.failure(error))?;
        let Job { call, input } = self.job.job(source, &about, console)?;
        let rerun = Rerun::new(wasm, input);
        let rerun = call.iter().fold(rerun, |rerun, (function, arguments)| rerun.with_call(function, arguments));
        let mut progress = Progress::new(sandbox.config().limits.fuel, console);
        let profile = sandbox.first_profile(&rerun, |usage| progress.tick(console, || usage.fuel));
        console.clear_progress();
        profile.map_err(|error| job::not_started(source, error))
    }

    /// Prints the functions that took most.
    fn print(&self, profile: &FuelProfile) -> io::Result<()> {
        let functions = profile.functions();
        let most = if self.top == 0 { functions.len() } else { self.top };
        let fuel = profile.fuel();
        let mut out = io::stdout().lock();
        writeln!(out, "{:>18} {:>7} {:>18} {:>7} {:>14}  function", "own fuel", "", "with callees", "", "calls")?;
        for function in functions.iter().take(most) {
            let [own, total] = [function.own, function.total];
            writeln!(
                out,
                "{:>18} {:>6.2}% {:>18} {:>6.2}% {:>14}  {}",
                grouped(own),
                percent(own, fuel),
                grouped(total),
                percent(total, fuel),
                grouped(function.calls),
                name(&function.callee)
            )?;
        }
        let others: u64 = functions.iter().skip(most).map(|function| function.own).sum();
        if let Some(left) = functions.len().checked_sub(most).filter(|left| *left > 0) {
            let what = show::count(left as u64, "other function");
            writeln!(
                out,
                "{:>18} {:>6.2}% {:>18} {:>7} {:>14}  {what}",
                grouped(others),
                percent(others, fuel),
                "",
                "",
                ""
            )?;
        }
        writeln!(out, "{:>18}", grouped(fuel))
    }
}

/// The document of a profile.
#[derive(Serialize)]
struct Document<'a> {
    fuel: u64,
    reason: Option<&'a StopReason>,
    message: Option<String>,
    functions: Vec<belljar::explain::FunctionFuel>,
    nodes: &'a [belljar::explain::Node],
}

impl<'a> Document<'a> {
    fn of(profile: &'a FuelProfile) -> Self {
        let reason = profile.result.as_ref().err().map(|stopped| &stopped.reason);
        Document {
            fuel: profile.fuel(),
            reason,
            message: reason.map(ToString::to_string),
            functions: profile.functions(),
            nodes: &profile.nodes,
        }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// Returns the name of a function, escaped.
fn name(callee: &Callee) -> String {
    show::name(&callee.to_string())
}
