//! The writer of the outputs, in the order of the lines.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use belljar::{Cancel, Error, HostStop, Outcome, StopReason, batch::Results};

use super::{
    answer::{Answer, Form},
    journal::Journal,
    lines::LongLines,
    progress::Progress,
    sink::Sink,
};
use crate::{
    console::Console, exit::Exit, explain::Explainer, failure::Failure, hint, origin::Origins, show, source::Source,
};

/// The longest time that outputs are held back while the next result is awaited. Without it each line would cost a
/// system call.
const FLUSH_AFTER: Duration = Duration::from_micros(300);

/// Time between two updates of the progress line while no result comes.
const INTERVAL: Duration = Duration::from_millis(200);

/// A writer of results, a line each.
pub struct Writer<'a> {
    pub console: &'a Console,
    /// The origins of the configuration, for hints.
    pub origins: Origins,
    pub keep_going: bool,
    pub form: Form,
    pub source: &'a Source,
    /// The longest line that is run, in bytes.
    pub limit: u64,
    /// Lines that are longer than the limit.
    pub long: LongLines,
    pub sink: Sink,
    pub journal: Option<Journal>,
    pub progress: Progress,
    /// Bytes of the lines that have been taken from the input.
    pub taken: Arc<AtomicU64>,
    /// Lines with an output from before.
    pub first: u64,
    /// Lines with an output.
    pub line: u64,
    pub fuel: u64,
    pub failed: Option<Failed>,
    pub cancel: Cancel,
    /// With `--explain`, the explainer, and the inputs of the lines that have been taken and have no result yet.
    pub explained: Option<(Explainer, Inputs)>,
}

/// Inputs of lines, in their order.
pub type Inputs = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// The lines without an output.
pub struct Failed {
    count: u64,
    first: u64,
    message: String,
}

impl Writer<'_> {
    pub fn write(&mut self, results: Results<'_>) -> Result<(), Failure> {
        let written = self.write_all(results).and_then(|()| self.sink.flush());
        if written.is_err() {
            // The lines before a failure are written whole; the lines after it are not run.
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

    /// Waits for the next result. Outputs are written after a short wait.
    fn wait(&mut self, results: &Results<'_>) -> Result<(), Failure> {
        if !results.wait(FLUSH_AFTER) {
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

    /// Writes the output of the next lines that are too long to be run.
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
            && error.stop_reason() == Some(&StopReason::Host(HostStop::Cancelled))
        {
            return Err(self.cancelled());
        }
        self.too_long()?;
        self.explain(result);
        let answer = Answer::of(self.line + 1, result, self.form);
        self.put(&answer, result.as_ref().err())
    }

    /// Shows where the run of the next line stopped, with `--explain`.
    fn explain(&mut self, result: &Result<Outcome, Error>) {
        let Some((explainer, inputs)) = &self.explained else { return };
        let input = inputs.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or_default();
        let Err(Error::Stopped(stopped)) = result else { return };
        self.console.line(format_args!("line {}: {}", self.line + 1, stopped.reason));
        explainer.lines(&input, Vec::new(), stopped).iter().for_each(|line| self.console.line(line));
    }

    fn put(&mut self, answer: &Answer<'_>, error: Option<&Error>) -> Result<(), Failure> {
        self.fuel = self.fuel.saturating_add(answer.usage.fuel);
        for entry in answer.log {
            self.console.log(entry);
        }
        if let Some(cause) = &answer.error {
            if !self.keep_going {
                return Err(self.failure(
                    &cause.message,
                    error.and_then(|error| hint::under(error, &self.origins)),
                    cause.hint,
                ));
            }
            let failed = self.failed.get_or_insert_with(|| Failed {
                count: 0,
                first: answer.line,
                message: cause.message.clone(),
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
        if self.journal.is_some() { failure.with_hint("continue with `--resume`") } else { failure }
    }

    /// Returns the failure of the line after the last output.
    fn failure(&self, message: &str, by_reason: Option<String>, hint: Option<&str>) -> Failure {
        let resume = if self.journal.is_some() { "--resume " } else { "" };
        let go_on = format!("`{resume}--keep-going` continues, with an error record in place of the output");
        let hints = [by_reason.as_deref(), hint, Some(&go_on)];
        let hints: Vec<_> = hints.into_iter().flatten().collect();
        Failure::run(format!("line {}: {message}", self.line + 1))
            .in_file(self.source.name())
            .with_hint(hints.join("; "))
    }

    /// Reports the failed lines, and returns the exit status.
    pub fn end(&self) -> Exit {
        let Some(failed) = &self.failed else { return Exit::Done };
        let lines = show::count(self.line - self.first, "line");
        let count = show::grouped(failed.count);
        let message = format!("{count} of {lines} failed; the first, line {}: {}", failed.first, failed.message);
        self.console.error(Some(&self.source.name()), &message, None);
        Exit::Stopped
    }

    pub fn metrics(&self, wall: Duration) {
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
