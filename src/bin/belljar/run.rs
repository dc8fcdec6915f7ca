//! `belljar run`: a run of a module with an input, or a call of one of its exports.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use belljar::{
    Error, GuestFault, HostStop, Input, LimitExceeded, Outcome, Sandbox, StopReason, Usage,
    record::{Entry, MAX_TRANSCRIPT_BYTES, Transcript},
};
use clap::{Args, Id};
use serde::Serialize;

use self::live::Live;
use crate::{
    cache,
    capabilities::CapabilityArgs,
    ceiling,
    console::Console,
    engine::{Engine, Run},
    entry, exceeded,
    exit::{self, Exit},
    explain::{self, Explained},
    failure::Failure,
    file, hint,
    job::{self, Job, JobArgs},
    json::{self, Stop},
    options::{Format, LookArgs, When},
    origin::Origins,
    plan,
    receipt::ReceiptFile,
    show,
    source::Source,
    tool,
    transcript::{self, Recording},
};

mod live;

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar run tool.wasm < input.json > output.json
  belljar run tool.wasm --input-text 'hello' --fuel-limit 10M --memory-limit 16MiB --metrics
  belljar run math.wasm -e add -- 2 -3
  belljar run --env LANG=C --exit-with-guest program.wasm -- --verbose in.txt
  belljar run --allow-read data --record run.jsonl program.wasm && belljar run --replay run.jsonl program.wasm
  belljar run hello.wat --format json
  belljar run tool.wasm --preset minimal --plan
  curl -s https://example.org/tool.wasm | belljar run - --input input.json

Arguments of -e: i32 and i64 in decimal or 0x hex, of either sign; f32 and f64 in decimal, inf,
-inf, nan or nan:0x… with all bits; v128 as 0x and up to 32 hex digits.

Numbers: SIZE is 65_536, 64K or 64KiB, 1.5MiB or 1GiB, and 64KB or 64MB with a thousand for a K;
TIME is 500ms, 10s or 10, 1m30s or 1h; NUMBER is 1_000_000, 500K, 10M, and 1G or 1B.

Precedence: defaults, then the profile and the preset, then the configuration file, then options.";

/// Run a module with an input, or call one of its exports
#[derive(Debug, Args)]
#[command(after_help = HELP.to_owned() + "\n\n" + exit::HELP)]
#[command(after_long_help = [HELP, exit::HELP, json::RUN_HELP].join("\n\n"))]
pub struct RunArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Exit with the status that the guest returned: its lowest eight bits, or 1 if those are 0
    #[arg(long)]
    exit_with_guest: bool,
    /// Load and run the module in a worker process that the operating system confines: the same result some
    /// milliseconds later, and a crash of the worker is an error
    #[arg(long)]
    isolate: bool,
    /// Cache validated modules in this directory, so that they load faster the next time; it also holds the key
    /// of the cache [default: $BELLJAR_MODULE_CACHE, or none]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["isolate", "replay"])]
    module_cache: Option<PathBuf>,
    /// Write a receipt of the run and its result to this file, for `belljar verify`; `-` is stdout
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Record all that the host provides to the run - clock, random bytes, directories - in this file, for
    /// `--replay` and as a log of what the guest did; `-` is stdout
    #[arg(long, value_name = "FILE", conflicts_with_all = ["isolate", "replay"])]
    record: Option<PathBuf>,
    /// The largest transcript; a run that exceeds it is stopped
    #[arg(long, value_name = "SIZE", requires = "record", default_value = "64MiB")]
    record_limit: String,
    /// Replay the run that is recorded in this file: with its configuration and arguments, and without access
    /// to the host
    #[arg(long, value_name = "FILE", conflicts_with_all = conflicts_with_replay())]
    replay: Option<PathBuf>,
    /// Refuse a transcript whose limits exceed those in the section `[ceiling]` of this file, before anything
    /// is loaded; limits that are not in it, and all without a file, may not exceed the profile `large`
    #[arg(long, value_name = "FILE", requires = "replay")]
    ceiling: Option<PathBuf>,
    /// Escape control characters of the output: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    escape: When,
    /// Do not run the module: show what it can ask for, and each key of the configuration with its value, the
    /// line, option or profile that it comes from, and how it is enforced
    #[arg(long, conflicts_with_all = ["receipt", "record", "metrics"])]
    plan: bool,
    /// Print what the run used, and its wall time, to stderr
    #[arg(long)]
    metrics: bool,
    /// If the guest is stopped, show where: its functions with the lines of their sources, as far as the module
    /// has them. It is run twice more for this, and asks the host for nothing again
    #[arg(long, conflicts_with_all = ["isolate", "plan"])]
    explain: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// Returns the ids of the options that a transcript fixes, so that they conflict with `--replay`.
fn conflicts_with_replay() -> Vec<Id> {
    let capabilities = CapabilityArgs::augment_args(clap::Command::new(""));
    let capabilities = capabilities.get_arguments().map(|option| option.get_id().clone());
    let others = ["isolate", "function", "args", "plan", "ConfigArgs", "LimitArgs"];
    others.into_iter().map(Id::from).chain(capabilities).collect()
}

/// A run that has been started and not yet driven.
struct Prepared {
    sandbox: Sandbox,
    wasm: Vec<u8>,
    job: Job,
    run: Run,
    /// The origins of the configuration; none if it is that of a transcript.
    origins: Origins,
    /// The transcript that is replayed.
    replayed: Option<Transcript>,
}

impl RunArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Runs a module, or replays a transcript, and shows the outcome.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        if self.explain {
            explain::check()?;
        }
        let source = self.job.source()?;
        let prepared = match &self.replay {
            Some(path) => Some(self.replay(path, &source, console)?),
            None => self.start(&source, console)?,
        };
        // With `--plan` there is nothing to run.
        prepared.map_or(Ok(Exit::Done), |prepared| self.finish(prepared, console))
    }

    /// Loads the module and starts its run. With `--plan` prints the plan and returns `None`.
    fn start(&self, source: &Source, console: &Console) -> Result<Option<Prepared>, Failure> {
        let (sandbox, origins) = self.sandbox(console)?;
        if self.plan {
            return self.print_plan(source, &sandbox, &origins, console).map(|()| None);
        }
        let wasm = source.module(self.job.text, &sandbox).map_err(|failure| failure.under(&origins))?;
        let engine = Engine::new(&sandbox, self.isolate)?;
        let cache = if self.isolate { None } else { cache::of(self.module_cache.as_deref(), console)? };
        let module = engine.load(&wasm, cache.as_ref());
        let module = module.map_err(|error| source.failure(error).under(&origins))?;
        let about = module.inspect();
        entry::note(source, about, console);
        let job = self.job.job(source, about, console)?;
        let run = job::start(source, &job, &module)?;
        Ok(Some(Prepared { sandbox, wasm, job, run, origins, replayed: None }))
    }

    /// Prints the plan, and then why the module cannot be run, if it cannot.
    fn print_plan(
        &self,
        source: &Source,
        sandbox: &Sandbox,
        origins: &Origins,
        console: &Console,
    ) -> Result<(), Failure> {
        let wasm = tool::read(source, self.job.text)?;
        let (about, exceeded) = exceeded::inspect(sandbox, &wasm).map_err(|error| source.failure(error))?;
        entry::note(source, &about, console);
        plan::print(&source.name(), &about, &exceeded, sandbox.config(), origins, console)?;
        let refused = Engine::new(sandbox, self.isolate)?.validate(&wasm).err();
        refused.map_or(Ok(()), |error| Err(source.failure(error).under(origins).after_document()))
    }

    /// Loads the module with the configuration of a transcript, and starts its replay.
    fn replay(&self, path: &Path, source: &Source, console: &Console) -> Result<Prepared, Failure> {
        let replayed = transcript::read(path)?;
        let ceiling = ceiling::of(self.ceiling.as_deref())?;
        let sandbox = replayed.sandbox_within(&ceiling).map_err(|error| transcript::refused(path, error))?;
        let wasm = source.module(self.job.text, &sandbox)?;
        // The transcript loads the module for the run itself.
        let about = sandbox.inspect(&wasm).map_err(|error| source.failure(error))?;
        entry::note(source, &about, console);
        let is_call = replayed.header.entry != Entry::Run;
        let is_given = self.job.input.is_some() || self.job.input_text.is_some();
        let input = if is_call && !is_given { Input::default() } else { self.job.input(source, &about, console)? };
        let run = transcript::replay(path, &replayed, &ceiling, source, &wasm, &input)?;
        let (job, run) = (Job { call: None, input }, Run::InProcess(Box::new(run)));
        Ok(Prepared { sandbox, wasm, job, run, origins: Origins::default(), replayed: Some(replayed) })
    }

    /// Returns whether an explanation would help, and has not been asked for.
    fn can_explain(&self, reason: &StopReason) -> bool {
        let helps = match reason {
            StopReason::Limit(limit) => !matches!(limit, LimitExceeded::Transcript { .. }),
            StopReason::Guest(fault) => matches!(fault, GuestFault::Trap(_) | GuestFault::Abi(_)),
            other => matches!(other, StopReason::Host(HostStop::Deadline { .. })),
        };
        helps && cfg!(feature = "explain") && !self.explain && !self.isolate
    }

    /// Returns the sandbox that the options configure, and the origin of each of its settings.
    fn sandbox(&self, console: &Console) -> Result<(Sandbox, Origins), Failure> {
        let (sandbox, origins) = self.job.sandbox(console)?;
        if let (Some(key), Some(_), None) = (sandbox.config().effect(), &self.receipt, &self.record) {
            let message = format!("--receipt: `{key}` uses the host, so a receipt alone cannot be verified");
            return Err(
                Failure::usage(message).with_hint("add `--record FILE`: with the transcript it can be verified")
            );
        }
        Ok((sandbox, origins))
    }

    /// Drives a run to its end, shows its outcome, and writes its transcript and receipt.
    fn finish(&self, prepared: Prepared, console: &Console) -> Result<Exit, Failure> {
        let Prepared { sandbox, wasm, job: Job { call, input }, mut run, origins, replayed } = prepared;
        self.receipt.iter().try_for_each(|path| file::check(path))?;
        let recording = self.record.as_deref().map(|path| Recording::open(path, &self.record_limit)).transpose()?;
        // What explains a run does not ask the host again.
        let is_recorded = self.explain && replayed.is_none() && sandbox.config().effect().is_some();
        let limit = recording.as_ref().map(Recording::limit).or(is_recorded.then_some(MAX_TRANSCRIPT_BYTES));
        if let (Some(limit), Some(run)) = (limit, run.in_process()) {
            run.record(limit);
        }
        let mut live = Live::new(self.escape);
        let ended = live.drive(&mut run, &sandbox, console);
        console.clear_progress();
        let ended = ended?;
        let recorded = match (recording, &mut run) {
            (Some(recording), Run::InProcess(run)) => {
                let recorded = transcript::of(run, &sandbox, &wasm, call.as_ref(), &input);
                recording.write(&recorded)?;
                Some(recorded)
            }
            _ => None,
        };
        let explained = match (&ended, run.in_process()) {
            (Err(Error::Stopped(stopped)), Some(run)) if self.explain => {
                let transcript = recorded.as_ref().or(replayed.as_ref());
                let own = || transcript::of(run, &sandbox, &wasm, call.as_ref(), &input);
                let transcript = transcript.cloned().unwrap_or_else(own);
                Some(explain::explain(&sandbox, &wasm, &input, &transcript, stopped))
            }
            _ => None,
        };
        let transcript = recorded.or(replayed);
        let receipt = self.receipt.as_deref().and_then(|path| {
            ReceiptFile::of(path, &wasm, call.as_ref(), &input, sandbox.config(), transcript.as_ref(), &ended)
        });
        let (outcome, mut stop) = parts(ended, &origins)?;
        if let Some(stop) = &mut stop
            && self.can_explain(&stop.reason)
        {
            let explain = "`--explain` shows where it stopped";
            stop.hint = Some(stop.hint.as_ref().map_or(explain.into(), |hint| format!("{hint}; {explain}")));
        }
        let wall = run.wall_time();
        if console.format == Format::Human {
            live.finish(&outcome, console)?;
        } else {
            let wall_ms = self.metrics.then(|| milliseconds(wall));
            let run = json::RunDocument::of(&outcome, stop.as_ref(), wall_ms);
            json::print(
                console.format,
                &Document { run, explanation: explained.as_ref().and_then(|explained| explained.as_ref().ok()) },
            )
            .map_err(|e| Failure::stdout(&e))?;
        }
        if let Some(stop) = &stop {
            console.error(None, &stop.reason.to_string(), stop.hint.as_deref());
        }
        match explained {
            Some(Ok(explained)) if console.format == Format::Human => {
                explained.to_string().lines().for_each(|line| console.line(line));
            }
            Some(Err(error)) => console.warn(format_args!("no explanation: {error}")),
            _ => {}
        }
        if self.metrics && console.format == Format::Human {
            print_metrics(&outcome.usage, &sandbox, wall, console);
        }
        if let Some(receipt) = receipt {
            receipt.write()?;
        }
        Ok(match stop.map(|stop| stop.reason) {
            None => Exit::Done,
            Some(StopReason::Guest(GuestFault::Status { code })) if self.exit_with_guest => Exit::of_guest(code),
            Some(_) => Exit::Stopped,
        })
    }
}

/// The document of a run and of its explanation.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    run: json::RunDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explained>,
}

/// Splits the end of a run into its outcome, which may be partial, and the stop, if it was stopped.
fn parts(ended: Result<Outcome, Error>, origins: &Origins) -> Result<(Outcome, Option<Stop>), Failure> {
    match ended {
        Ok(outcome) => Ok((outcome, None)),
        Err(error) => {
            let hint = hint::under(&error, origins);
            let Error::Stopped(stopped) = error else { return Err(Failure::of(error)) };
            let mut outcome = Outcome::default();
            (outcome.output, outcome.log, outcome.usage) = (stopped.output, stopped.log, stopped.usage);
            outcome.files = stopped.files;
            Ok((outcome, Some(Stop { reason: stopped.reason, hint })))
        }
    }
}

fn print_metrics(usage: &Usage, sandbox: &Sandbox, wall: Duration, console: &Console) {
    let limits = &sandbox.config().limits;
    let of = |used: u64, limit: u64| format!("{} of {}", show::grouped(used), show::grouped(limit));
    let sizes = |used: u64, limit: u64| format!("{} of {}", show::bytes(used), show::bytes(limit));
    let lines = [
        ("fuel", of(usage.fuel, limits.fuel)),
        ("memory peak", sizes(usage.memory_peak_bytes, limits.memory_bytes)),
        ("table peak", of(usage.table_peak_elements, limits.table_elements)),
        ("host calls", of(usage.host_calls, limits.host_calls)),
        ("input read", show::bytes(usage.input_bytes)),
        ("output", sizes(usage.output_bytes, limits.output_bytes)),
        ("log", sizes(usage.log_bytes, limits.log_bytes)),
        ("wall time", format!("{} ms", milliseconds(wall))),
    ];
    for (what, value) in lines {
        console.line(format_args!("{what:<12}{value}"));
    }
}

/// Returns a time in milliseconds, to the microsecond.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
