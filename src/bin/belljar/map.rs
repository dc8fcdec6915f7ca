//! `belljar map`: a module with each line of its input, over all cores.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use belljar::{Cancel, Error, Module, Outcome, Results, Sandbox, StopReason};

use crate::{
    args::Format,
    console::Console,
    exit::Exit,
    failure::Failure,
    hint,
    map::{
        answer::{Answer, Form},
        args::MapArgs,
        journal::Journal,
        lines::{Lines, Long, Reader},
        progress::Progress,
        sink::Sink,
    },
    run::{given_in_vain, interruptible, is_without_entry, note},
    settings, show,
    size::Form as Unit,
    source::Source,
};

mod answer;
pub mod args;
mod journal;
mod lines;
mod progress;
mod sink;

/// Outputs are held back for so long at most while the next one is awaited: less would be a call of the system
/// for each of them.
const PATIENCE: Duration = Duration::from_micros(300);

/// What is shown of the progress is looked after so often while nothing comes.
const INTERVAL: Duration = Duration::from_millis(200);

/// Runs a module with each line, and writes a line for each.
pub fn map(args: &MapArgs, console: &Console) -> Result<Exit, Failure> {
    let (source, input) = (Source::of(&args.module), args.input.as_deref().map_or(Source::Stdin, Source::of));
    if source == Source::Stdin && input == Source::Stdin {
        return Err(Failure::usage("module and inputs cannot both be read from stdin").with_hint("add `--input FILE`"));
    }
    let limit = Unit::Size.parse(&args.line_limit);
    let limit = limit.map_err(|message| Failure::usage(format!("--line-limit: {message}")))?;
    let output = args.output.as_deref().filter(|path| path.as_os_str() != "-");
    if output.is_none() && (args.resume || args.force) {
        let option = if args.resume { "--resume" } else { "--force" };
        let message = format!("`{option}` needs a file of outputs, and `-o -` is stdout");
        return Err(Failure::usage(message).with_hint("give `-o` the name of a file"));
    }
    let sandbox = settings::sandbox_of_map(args, console)?;
    let wasm = source.module(args.text, &sandbox)?;
    let module = load(args, &source, &sandbox, &wasm, console)?;

    let mut reader = Reader::open(&input, limit, args.keep_going)?;
    let (sink, journal) = match output {
        None => (Sink::stdout(args.escape), None),
        Some(path) => {
            let (sink, journal) = Journal::open(path, args, &wasm, sandbox.config(), &mut reader)?;
            (sink, Some(journal))
        }
    };
    let done = reader.lines();
    if done > 0 {
        console.note(format_args!("resumed: {} answered before", show::count(done, "line")));
    }
    let cancel = Cancel::new();
    interruptible(cancel.clone(), console);
    let taken = Arc::new(AtomicU64::new(reader.bytes()));
    let progress = Progress::new(reader.size(), reader.bytes(), sink.is_terminal(), console);
    let (lines, long, trouble) = Lines::read(reader, cancel.clone(), Arc::clone(&taken));

    let mut batch = sandbox.run_many(&module, lines).cancel(&cancel);
    if let Some(threads) = args.threads {
        batch = batch.threads(threads.get());
    }
    if let Some(window) = args.window {
        batch = batch.window(window.get());
    }
    let mut writer = Writer {
        console,
        keep_going: args.keep_going,
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
    };
    let started = Instant::now();
    let ended = batch.scope(|results| writer.write(results));
    console.clear_progress();
    if args.metrics {
        writer.metrics(started.elapsed());
    }
    ended?;
    match trouble.take() {
        Some(failure) => Err(failure),
        None => Ok(writer.end()),
    }
}

/// Loads the module, and finds out whether it can be run.
fn load(args: &MapArgs, source: &Source, sandbox: &Sandbox, wasm: &[u8], console: &Console) -> Result<Module, Failure> {
    let refused = |error| Failure::of(error).in_file(source.name());
    let module = sandbox.load(wasm).map_err(refused)?;
    note(source, module.inspect(), console);
    if let Some(given) = given_in_vain(&args.capabilities, &args.args, module.inspect()) {
        let message = format!("{}: the module is no WASI program, which could take {given}", source.name());
        return Err(Failure::usage(message));
    }
    match sandbox.start(&module, "") {
        Ok(_) => Ok(module),
        Err(error) if is_without_entry(&error) => {
            let failure = Failure::of(error).in_file(source.name()).with_exit(Exit::Refused);
            Err(failure.with_hint("each line is a run of its entry"))
        }
        Err(error) => Err(refused(error)),
    }
}

/// Takes the results and writes them, a line each.
struct Writer<'a> {
    console: &'a Console,
    keep_going: bool,
    form: Form,
    source: &'a Source,
    /// The most bytes of a line.
    limit: u64,
    /// Lines that are longer.
    long: Long,
    sink: Sink,
    journal: Option<Journal>,
    progress: Progress,
    /// Bytes of the input whose lines have been taken.
    taken: Arc<AtomicU64>,
    /// Lines that an earlier run has answered.
    first: u64,
    /// Lines that have been answered.
    line: u64,
    fuel: u64,
    failed: Option<Failed>,
    cancel: Cancel,
}

/// The lines without an output.
struct Failed {
    count: u64,
    first: u64,
    message: String,
}

impl Writer<'_> {
    fn write(&mut self, results: Results<'_>) -> Result<(), Failure> {
        let written = self.write_all(results).and_then(|()| self.sink.flush());
        if written.is_err() {
            // Whatever is written of the lines before a failure is whole; and the lines to come need not come.
            let _ = self.sink.flush();
            self.cancel.cancel();
        }
        written
    }

    fn write_all(&mut self, mut results: Results<'_>) -> Result<(), Failure> {
        loop {
            self.wait(&results)?;
            let Some(result) = results.next() else { break };
            self.one(&result)?;
            self.tick();
        }
        self.too_long()?;
        if self.cancel.is_cancelled() { Err(self.cancelled()) } else { Ok(()) }
    }

    /// Waits for the next result, and meanwhile holds nothing back.
    fn wait(&mut self, results: &Results<'_>) -> Result<(), Failure> {
        if !results.wait(PATIENCE) {
            self.sink.flush()?;
            while !results.wait(INTERVAL) {
                self.too_long()?;
                self.sink.flush()?;
                self.tick();
            }
        }
        Ok(())
    }

    fn tick(&mut self) {
        self.progress.tick(self.console, self.line - self.first, || self.taken.load(Ordering::Relaxed));
    }

    /// Answers the lines that come next and were too long to be run.
    fn too_long(&mut self) -> Result<(), Failure> {
        while self.long.take(self.line + 1) {
            let answer = Answer::too_long(self.line + 1, self.limit, self.form);
            self.put(&answer, None)?;
        }
        Ok(())
    }

    fn one(&mut self, result: &Result<Outcome, Error>) -> Result<(), Failure> {
        if self.cancel.is_cancelled()
            && let Err(error) = result
            && error.stop_reason() == Some(&StopReason::Cancelled)
        {
            return Err(self.cancelled());
        }
        self.too_long()?;
        let answer = Answer::of(self.line + 1, result, self.form);
        self.put(&answer, result.as_ref().err())
    }

    fn put(&mut self, answer: &Answer<'_>, error: Option<&Error>) -> Result<(), Failure> {
        self.fuel = self.fuel.saturating_add(answer.usage.fuel);
        for entry in answer.log {
            self.console.log(entry);
        }
        if let Some(wrong) = &answer.wrong {
            if !self.keep_going {
                return Err(self.failure(&wrong.message, error.and_then(hint::of), wrong.hint));
            }
            let failed = self.failed.get_or_insert_with(|| Failed {
                count: 0,
                first: answer.line,
                message: wrong.message.clone(),
            });
            failed.count += 1;
        }
        if let Some(journal) = &mut self.journal
            && journal.is_due_before(answer.line)
        {
            journal.write(self.line)?;
        }
        self.sink.line(&answer.text)?;
        self.line += 1;
        if let Some(journal) = &mut self.journal
            && journal.is_due(self.line)
        {
            self.sink.flush()?;
            journal.write(self.line)?;
        }
        Ok(())
    }

    fn cancelled(&self) -> Failure {
        let message = format!("cancelled after {}", show::count(self.line, "line"));
        let failure = Failure::run(message);
        if self.journal.is_some() { failure.with_hint("`--resume` goes on from there") } else { failure }
    }

    /// Why it goes no further than the line before.
    fn failure(&self, message: &str, by_reason: Option<String>, hint: Option<&str>) -> Failure {
        let resume = if self.journal.is_some() { "--resume " } else { "" };
        let go_on = format!("`{resume}--keep-going` goes on, with an error record in its place");
        let hints = [by_reason.as_deref(), hint, Some(&go_on)];
        let hints: Vec<_> = hints.into_iter().flatten().collect();
        Failure::run(format!("line {}: {message}", self.line + 1))
            .in_file(self.source.name())
            .with_hint(hints.join("; "))
    }

    /// Tells what was left out.
    fn end(&self) -> Exit {
        let Some(failed) = &self.failed else { return Exit::Done };
        let lines = show::count(self.line - self.first, "line");
        let count = show::grouped(failed.count);
        let message = format!("{count} of {lines} failed; the first, line {}: {}", failed.first, failed.message);
        self.console.error(Some(&self.source.name()), &message, None);
        Exit::Stopped
    }

    fn metrics(&self, wall: Duration) {
        let lines = self.line - self.first;
        let rate = (lines as f64 / wall.as_secs_f64()) as u64;
        for (what, value) in [
            ("lines", show::grouped(lines)),
            ("failed", show::grouped(self.failed.as_ref().map_or(0, |failed| failed.count))),
            ("fuel", show::grouped(self.fuel)),
            ("wall time", format!("{} ms, {} lines/s", wall.as_micros() as f64 / 1e3, show::grouped(rate))),
        ] {
            self.console.line(format_args!("{what:<12}{value}"));
        }
    }
}

/// A number that is not 0.
type Count = NonZero<usize>;
