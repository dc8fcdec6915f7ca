//! `belljar run`: a run of a module with an input, or a call of one of its exports.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    time::Duration,
};

use belljar::{
    Error, FuncType, GuestFault, Input, Outcome, Sandbox, StopReason, Usage, ValueType, abi,
    inspect::Inspection,
    record::{Entry, Transcript},
};
use clap::{Args, Id};

use self::live::Live;
use crate::{
    argument::{self, Call},
    cache,
    capabilities::CapabilityArgs,
    ceiling,
    console::Console,
    engine::{Engine, Loaded, Run},
    entry,
    exit::{self, Exit},
    failure::Failure,
    hint,
    json::{self, Stop},
    limits::LimitArgs,
    options::{ConfigArgs, Format, LookArgs, When},
    origin::Origins,
    plan,
    receipt::ReceiptFile,
    settings, show,
    source::Source,
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
  belljar run --text hello.wat --format json
  belljar run tool.wasm --preset minimal --plan
  curl -s https://example.org/tool.wasm | belljar run - --input input.json

Arguments of -e: i32 and i64 in decimal or 0x hex, of either sign; f32 and f64 in decimal, inf,
-inf, nan or nan:0x… with all bits; v128 as 0x and up to 32 hex digits.

Numbers: SIZE is 65_536, 64KiB, 64MiB or 1GiB, and 64KB or 64MB with a thousand for a K; TIME is
500ms, 10s, 1m or 1h; NUMBER is 1_000_000, 500K, 10M or 1G.

Precedence: defaults, then the profile and the preset, then the configuration file, then options.";

/// Run a module with an input, or call one of its exports
#[derive(Debug, Args)]
#[command(after_help = HELP.to_owned() + "\n\n" + exit::HELP)]
#[command(after_long_help = [HELP, exit::HELP, json::RUN_HELP].join("\n\n"))]
pub struct RunArgs {
    /// The module, a binary `.wasm` file; `-` reads it from stdin
    module: PathBuf,
    /// Call this export with ARGS, and print its results one a line
    #[arg(short = 'e', long, value_name = "NAME")]
    function: Option<String>,
    /// Arguments of the export, one for each parameter; without -e, those of a WASI program
    #[arg(last = true)]
    args: Vec<String>,
    /// Exit with the status that the guest returned: its lowest eight bits, or 1 if those are 0
    #[arg(long)]
    exit_with_guest: bool,
    /// Read the input from this file; `-` is stdin [default: stdin if it is not a terminal, else
    /// nothing; with -e or a module from stdin, nothing]
    #[arg(long, value_name = "FILE", conflicts_with = "input_text")]
    input: Option<PathBuf>,
    /// Take this text as the input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    input_text: Option<String>,
    /// Read the module as WebAssembly text (`.wat`)
    #[arg(long)]
    text: bool,
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
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    capabilities: CapabilityArgs,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    limits: LimitArgs,
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
    /// The transcript that is replayed.
    replayed: Option<Transcript>,
}

/// The entry and the input of a run.
struct Job {
    /// The export to call and its arguments; `None` for the entry function of the module.
    call: Option<Call>,
    input: Input,
}

impl RunArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Runs a module, or replays a transcript, and shows the outcome.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let source = Source::of(&self.module);
        if source == Source::Stdin && self.input_source() == Some(Source::Stdin) {
            return Err(Failure::usage("module and input cannot both be read from stdin"));
        }
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
        let wasm = source.module(self.text, &sandbox)?;
        let engine = Engine::new(&sandbox, self.isolate)?;
        let cache = if self.isolate { None } else { cache::of(self.module_cache.as_deref(), console)? };
        let module = engine.load(&wasm, cache.as_ref()).map_err(|error| source.failure(error))?;
        let about = module.inspect();
        entry::note(source, about, console);
        if self.plan {
            plan::print(&source.name(), about, sandbox.config(), &origins, console)?;
            return Ok(None);
        }
        let job = self.job(source, about, console)?;
        let run = start(source, &job, &module)?;
        Ok(Some(Prepared { sandbox, wasm, job, run, replayed: None }))
    }

    /// Loads the module with the configuration of a transcript, and starts its replay.
    fn replay(&self, path: &Path, source: &Source, console: &Console) -> Result<Prepared, Failure> {
        let replayed = transcript::read(path)?;
        let ceiling = ceiling::of(self.ceiling.as_deref())?;
        let sandbox = replayed.sandbox_within(&ceiling).map_err(|error| transcript::refused(path, error))?;
        let wasm = source.module(self.text, &sandbox)?;
        // The transcript loads the module for the run itself.
        let about = sandbox.inspect(&wasm).map_err(|error| source.failure(error))?;
        entry::note(source, &about, console);
        let is_call = replayed.header.entry != Entry::Run;
        let is_given = self.input.is_some() || self.input_text.is_some();
        let input = if is_call && !is_given { Input::default() } else { self.input(source, &about, console)? };
        let run = transcript::replay(path, &replayed, &ceiling, source, &wasm, &input)?;
        let (job, run) = (Job { call: None, input }, Run::InProcess(Box::new(run)));
        Ok(Prepared { sandbox, wasm, job, run, replayed: Some(replayed) })
    }

    /// Drives a run to its end, shows its outcome, and writes its transcript and receipt.
    fn finish(&self, prepared: Prepared, console: &Console) -> Result<Exit, Failure> {
        let Prepared { sandbox, wasm, job: Job { call, input }, mut run, replayed } = prepared;
        let recording = self.record.as_deref().map(|path| Recording::open(path, &self.record_limit)).transpose()?;
        if let (Some(recording), Run::InProcess(run)) = (&recording, &mut run) {
            run.record(recording.limit());
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
        let transcript = recorded.or(replayed);
        let receipt = self.receipt.as_deref().and_then(|path| {
            ReceiptFile::of(path, &wasm, call.as_ref(), &input, sandbox.config(), transcript.as_ref(), &ended)
        });
        let (outcome, stop) = parts(ended)?;
        let wall = run.wall_time();
        if console.format == Format::Human {
            live.finish(&outcome, console)?;
        } else {
            let wall_ms = self.metrics.then(|| milliseconds(wall));
            let document = json::RunDocument::of(&outcome, stop.as_ref(), wall_ms);
            json::print(console.format, &document).map_err(|e| Failure::stdout(&e))?;
        }
        if let Some(stop) = &stop {
            console.error(None, &stop.reason.to_string(), stop.hint.as_deref());
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

    /// Returns the sandbox that the options configure, and the origin of each of its settings.
    fn sandbox(&self, console: &Console) -> Result<(Sandbox, Origins), Failure> {
        let arguments = if self.function.is_none() { self.args.as_slice() } else { &[] };
        let (config, origins) = settings::config(&self.config, &self.limits, &self.capabilities, arguments, console)?;
        if let (Some(key), Some(_), None) = (config.effect(), &self.receipt, &self.record) {
            let message = format!("--receipt: `{key}` uses the host, so a receipt alone cannot be verified");
            return Err(
                Failure::usage(message).with_hint("add `--record FILE`: with the transcript it can be verified")
            );
        }
        Ok((Sandbox::new(config).map_err(Failure::of)?, origins))
    }

    /// Reads the arguments and the input of the run.
    fn job(&self, source: &Source, about: &Inspection, console: &Console) -> Result<Job, Failure> {
        let Some(function) = &self.function else {
            if let Some(option) = entry::unusable_option(&self.capabilities, &self.args, about) {
                let message = format!("{}: the module is not a WASI program, so it cannot use {option}", source.name());
                let of_export = (option == "arguments").then_some("name the export that takes the arguments with `-e`");
                return Err(of_export.into_iter().fold(Failure::usage(message), Failure::with_hint));
            }
            // A module without a valid entry is refused, so its input is not read.
            let input = match entry::is_valid(about) {
                true => self.input(source, about, console)?,
                false => Input::default(),
            };
            return Ok(Job { call: None, input });
        };
        let arguments = match about.function(function) {
            // The library checks whether the export can be called at all.
            Some(ty) if !has_references(ty) => {
                argument::values(function, ty, &self.args).map_err(|failure| failure.in_file(source.name()))?
            }
            _ => Vec::new(),
        };
        let input = self.input(source, about, console)?;
        Ok(Job { call: Some((function.clone(), arguments)), input })
    }

    /// Returns the source that `--input` names.
    fn input_source(&self) -> Option<Source> {
        self.input.as_deref().map(Source::of)
    }

    /// Reads the input that the options name, or else stdin if it is not a terminal.
    fn input(&self, module: &Source, about: &Inspection, console: &Console) -> Result<Input, Failure> {
        if let Some(text) = &self.input_text {
            return Ok(text.as_str().into());
        }
        let powers = about.capabilities();
        // `execute` receives the size of the input. Stdin is not waited for if the guest cannot read it.
        let sees_input = powers.reads_input || powers.entry == Some(abi::EXECUTE);
        let from_stdin = || {
            let free = *module != Source::Stdin && self.function.is_none();
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
fn start(source: &Source, job: &Job, module: &Loaded) -> Result<Run, Failure> {
    let started = match &job.call {
        None => module.start(job.input.clone()),
        Some((function, arguments)) => module.start_call(function, arguments, job.input.clone()),
    };
    started.map_err(|error| {
        let no_entry = entry::is_missing(&error);
        let hint = no_entry.then(|| error.hint()).flatten().map(|hint| format!("with `-e`, {hint}"));
        let failure = hint.into_iter().fold(source.failure(error), Failure::with_hint);
        if no_entry { failure.with_exit(Exit::Refused) } else { failure }
    })
}

fn has_references(ty: &FuncType) -> bool {
    let reference = |ty: &ValueType| matches!(ty, ValueType::FuncRef | ValueType::ExternRef);
    ty.params.iter().chain(&ty.results).any(reference)
}

/// Splits the end of a run into its outcome, which may be partial, and the stop, if it was stopped.
fn parts(ended: Result<Outcome, Error>) -> Result<(Outcome, Option<Stop>), Failure> {
    match ended {
        Ok(outcome) => Ok((outcome, None)),
        Err(error) => {
            let hint = hint::of(&error);
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
