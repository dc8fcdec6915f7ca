//! `belljar run`: a module with an input, or a call of one of its exports.

use std::{
    io::{self, IsTerminal},
    process,
    time::Duration,
};

use belljar::{
    CallError, Cancel, Error, ExternType, Input, Inspection, Outcome, Sandbox, Step, StopReason, Transcript, Usage,
    abi, receipt::Entry,
};

use crate::{
    args::{Format, RunArgs},
    argument::{self, Call},
    cache,
    capabilities::CapabilityArgs,
    ceiling,
    console::Console,
    engine::{Engine, Loaded, Run},
    exit::Exit,
    failure::Failure,
    hint,
    json::{self, Stop},
    origin::Origins,
    output::Output,
    plan,
    progress::Progress,
    receipt::Written,
    settings, show,
    source::Source,
    transcript::{self, Recording},
};

/// Runs a module, and tells what came of it.
pub fn run(args: &RunArgs, console: &Console) -> Result<Exit, Failure> {
    let source = Source::of(&args.module);
    let asked = args.input.as_deref().map(Source::of);
    if source == Source::Stdin && asked == Some(Source::Stdin) {
        return Err(Failure::usage("module and input cannot both be read from stdin"));
    }
    let played = args.replay.as_deref().map(|path| Ok((path, transcript::read(path)?))).transpose()?;
    let ceiling = ceiling::of(args.ceiling.as_deref())?;
    let (sandbox, origins) = match &played {
        Some((path, played)) => {
            let sandbox = played.sandbox_within(&ceiling);
            (sandbox.map_err(|error| transcript::refused(path, error))?, Origins::default())
        }
        None => settings::sandbox_of_run(args, console)?,
    };
    let wasm = source.module(args.text, &sandbox)?;
    let refused = |error| Failure::of(error).in_file(source.name());
    let (job, mut run) = match &played {
        Some((path, played)) => {
            // It is loaded by the transcript.
            let about = sandbox.inspect(&wasm).map_err(refused)?;
            note(&source, &about, console);
            let job = replayed(args, &source, asked, played, &about, console)?;
            let run = transcript::replay(path, played, &ceiling, &source, &wasm, &job.input)?;
            (job, Run::Here(Box::new(run)))
        }
        None => {
            let engine = Engine::new(&sandbox, args.isolate)?;
            let cache = if args.isolate { None } else { cache::of(args.module_cache.as_deref(), console)? };
            let module = engine.load(&wasm, cache.as_ref()).map_err(refused)?;
            let about = module.inspect();
            note(&source, about, console);
            if args.plan {
                plan::tell(&source.name(), about, sandbox.config(), &origins, console)?;
                return Ok(Exit::Done);
            }
            let job = job(args, &source, asked, about, console)?;
            let run = start(&source, &job, &module)?;
            (job, run)
        }
    };
    let recording = Recording::of(args)?;
    if let (Some(recording), Run::Here(run)) = (&recording, &mut run) {
        run.record(recording.limit());
    }
    interruptible(run.cancel_handle(), console);

    let mut shown = Shown { output: Output::new(args.escape), bytes: 0, messages: 0 };
    let ended = drive(&mut run, &mut shown, &sandbox, console);
    console.clear_progress();
    let ended = ended?;
    let Job { call, input } = &job;
    let made = match (recording, &mut run) {
        (Some(recording), Run::Here(run)) => {
            let made = transcript::of(run, &sandbox, &wasm, call.as_ref(), input);
            recording.write(&made)?;
            Some(made)
        }
        _ => None,
    };
    let transcript = made.as_ref().or(played.as_ref().map(|(_, played)| played));
    let receipt = args
        .receipt
        .as_deref()
        .and_then(|path| Written::of(path, &wasm, call.as_ref(), input, sandbox.config(), transcript, &ended));
    let (outcome, stopped) = parts(ended)?;
    let wall = run.wall_time();
    if console.format == Format::Human {
        shown.rest(&outcome, console)?;
    } else {
        let wall_ms = args.metrics.then(|| milliseconds(wall));
        let document = json::RunDocument::of(&outcome, stopped.as_ref(), wall_ms);
        json::print(console.format, &document).map_err(|e| Failure::stdout(&e))?;
    }
    if let Some(stop) = &stopped {
        console.error(None, &stop.reason.to_string(), stop.hint.as_deref());
    }
    if args.metrics && console.format == Format::Human {
        metrics(&outcome.usage, &sandbox, wall, console);
    }
    if let Some(receipt) = receipt {
        receipt.write()?;
    }
    Ok(match stopped.map(|stop| stop.reason) {
        None => Exit::Done,
        Some(StopReason::Status { code }) if args.exit_with_guest => Exit::of_guest(code),
        Some(_) => Exit::Stopped,
    })
}

/// Says what the module is.
pub fn note(source: &Source, about: &Inspection, console: &Console) {
    let counts = [show::count(about.size_bytes, "byte"), show::count(about.functions, "function")];
    console.note(format_args!("module: {}, {}", source.name(), counts.join(", ")));
}

/// What is to be run.
struct Job {
    /// The export to call and its arguments; without one, the module's entry.
    call: Option<Call>,
    input: Input,
}

fn job(
    args: &RunArgs,
    source: &Source,
    asked: Option<Source>,
    about: &Inspection,
    console: &Console,
) -> Result<Job, Failure> {
    let Some(function) = &args.function else {
        if let Some(given) = given_in_vain(&args.capabilities, &args.args, about) {
            let message = format!("{}: the module is no WASI program, which could take {given}", source.name());
            let of_export = (given == "arguments").then_some("arguments of an export come with `-e`");
            return Err(of_export.into_iter().fold(Failure::usage(message), Failure::with_hint));
        }
        // Without an entry there is nothing to read an input for.
        let input = match has_entry(about) {
            true => input(args, source, asked, about, console)?,
            false => Input::default(),
        };
        return Ok(Job { call: None, input });
    };
    let arguments = match about.function(function) {
        // Whether it can be called at all, the library says.
        Some(ty) if !has_references(ty) => {
            argument::values(function, ty, &args.args).map_err(|failure| failure.in_file(source.name()))?
        }
        _ => Vec::new(),
    };
    let input = input(args, source, asked, about, console)?;
    Ok(Job { call: Some((function.clone(), arguments)), input })
}

/// What a transcript is of; the input is asked for again.
fn replayed(
    args: &RunArgs,
    source: &Source,
    asked: Option<Source>,
    played: &Transcript,
    about: &Inspection,
    console: &Console,
) -> Result<Job, Failure> {
    let nothing = played.header.entry != Entry::Run && asked.is_none() && args.input_text.is_none();
    let input = if nothing { Input::default() } else { input(args, source, asked, about, console)? };
    Ok(Job { call: None, input })
}

fn start(source: &Source, job: &Job, module: &Loaded) -> Result<Run, Failure> {
    let started = match &job.call {
        None => module.start(job.input.clone()),
        Some((function, arguments)) => module.start_call(function, arguments, job.input.clone()),
    };
    started.map_err(|error| {
        let entry = is_without_entry(&error);
        let hint = entry.then(|| error.hint()).flatten().map(|hint| format!("with `-e`, {hint}"));
        let failure = Failure::of(error).in_file(source.name());
        let failure = hint.into_iter().fold(failure, Failure::with_hint);
        if entry { failure.with_exit(Exit::Refused) } else { failure }
    })
}

/// Whether a module has not what every module has that is meant to be run.
pub fn is_without_entry(error: &Error) -> bool {
    matches!(error, Error::Call(cause) if matches!(**cause, CallError::NoEntry { .. }))
}

/// What is given that only a WASI program can take, where the module is none.
pub fn given_in_vain(capabilities: &CapabilityArgs, args: &[String], about: &Inspection) -> Option<String> {
    let option = capabilities.of_wasi().map(|option| format!("`{option}`"));
    let given = option.or_else(|| (!args.is_empty()).then(|| "arguments".into()));
    given.filter(|_| !is_of_wasi(about))
}

/// Whether it can be run: there is an entry, and what the ABI gives a meaning has the right type.
fn has_entry(about: &Inspection) -> bool {
    let fits = |entry: &abi::Entry| {
        let mut exports = about.exports.iter().filter(|export| export.name == entry.name);
        exports.all(|export| match &export.ty {
            ExternType::Function(ty) => ty.params == entry.params && ty.results == entry.results,
            _ => false,
        })
    };
    about.powers().entry.is_some() && abi::ENTRIES.iter().all(fits)
}

fn is_of_wasi(about: &Inspection) -> bool {
    about.imports.iter().any(|import| abi::wasi::import(&import.module, &import.name).is_some())
}

fn has_references(ty: &belljar::FuncType) -> bool {
    let reference = |ty: &belljar::ValueType| matches!(ty, belljar::ValueType::FuncRef | belljar::ValueType::ExternRef);
    ty.params.iter().chain(&ty.results).any(reference)
}

/// The input: what is asked for, or stdin where somebody has put something there.
fn input(
    args: &RunArgs,
    module_source: &Source,
    asked: Option<Source>,
    about: &Inspection,
    console: &Console,
) -> Result<Input, Failure> {
    if let Some(text) = &args.input_text {
        return Ok(text.as_str().into());
    }
    let powers = about.powers();
    // `execute` is told the size of the input. Nobody waits for an input that nobody can see.
    let sees_input = powers.reads_input || powers.entry == Some(belljar::abi::EXECUTE);
    let from_stdin = || {
        let free = *module_source != Source::Stdin && args.function.is_none();
        (free && sees_input && !io::stdin().is_terminal()).then_some(Source::Stdin)
    };
    let Some(source) = asked.or_else(from_stdin) else { return Ok(Input::default()) };
    if source == Source::Stdin {
        console.note("input: reading stdin to its end");
    }
    let bytes = source.input()?;
    console.note(format_args!("input: {}, {}", source.name(), show::count(bytes.len() as u64, "byte")));
    Ok(bytes.into())
}

/// Stops the run at the first Ctrl-C, with what it has produced by then; the program at the second.
pub fn interruptible(cancel: Cancel, console: &Console) {
    let set = ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            // As shells tell of a program that SIGINT has ended.
            process::exit(130);
        }
        cancel.cancel();
    });
    if let Err(error) = set {
        console.note(format_args!("Ctrl-C ends the program at once: {error}"));
    }
}

/// Runs to the end, and shows what comes while it comes.
fn drive(
    run: &mut Run,
    shown: &mut Shown,
    sandbox: &Sandbox,
    console: &Console,
) -> Result<Result<Outcome, Error>, Failure> {
    let mut progress = Progress::new(sandbox.config().limits.fuel, console);
    loop {
        match run.step() {
            Ok(Step::Yielded | Step::Waiting) => {}
            Ok(Step::Done(outcome)) => return Ok(Ok(outcome)),
            Err(error) => return Ok(Err(error)),
        }
        if console.format == Format::Human {
            let (output, log) = run.written();
            shown.more(output, log, console)?;
        }
        // It would take the place of what the guest has begun to say.
        if !shown.output.is_within_line() {
            progress.tick(console, || run.usage().fuel);
        }
    }
}

/// What a run produced, and why it was stopped, if it was.
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

/// What has been shown so far.
struct Shown {
    output: Output,
    bytes: usize,
    messages: usize,
}

impl Shown {
    /// Shows what is new.
    fn more(&mut self, output: &[u8], log: &[belljar::LogEntry], console: &Console) -> Result<(), Failure> {
        for entry in &log[self.messages..] {
            console.log(entry);
        }
        self.messages = log.len();
        let new = &output[self.bytes..];
        self.bytes = output.len();
        if !new.is_empty() {
            console.clear_progress();
        }
        self.output.write(new)
    }

    /// Shows what is left at the end.
    fn rest(&mut self, outcome: &Outcome, console: &Console) -> Result<(), Failure> {
        self.more(&outcome.output, &outcome.log.entries, console)?;
        for value in &outcome.results {
            self.output.line(&value.to_string())?;
        }
        self.output.finish()?;
        if outcome.log.dropped > 0 {
            let dropped = show::count(outcome.log.dropped, "message");
            let raise = "raise it with `--log-limit` or `--set limits.log_lines=…`";
            console.warn(format_args!("the log is cut: {dropped} dropped; {raise}"));
        }
        Ok(())
    }
}

fn metrics(usage: &Usage, sandbox: &Sandbox, wall: Duration, console: &Console) {
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

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
