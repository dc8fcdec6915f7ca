//! The output and the log of a run, shown while it runs.

use std::mem;

use belljar::{Error, LogEntry, Outcome, Sandbox, Step};

use crate::{
    console::Console,
    engine::Run,
    failure::Failure,
    interrupt,
    options::{Format, When},
    output::Output,
    progress::Progress,
    show,
};

/// The position up to which output and log have been shown.
pub struct Live {
    output: Output,
    bytes: usize,
    messages: usize,
}

impl Live {
    /// Returns a view that has shown nothing, and escapes control characters or not.
    pub fn new(escape: When) -> Live {
        Live { output: Output::new(escape), bytes: 0, messages: 0 }
    }

    /// Runs to the end, and shows output and log as they are written. The outer error is one of stdout.
    pub fn drive(
        &mut self,
        run: &mut Run,
        sandbox: &Sandbox,
        console: &Console,
    ) -> Result<Result<Outcome, Error>, Failure> {
        // Most runs have ended after their first step, and need no thread that waits for Ctrl-C.
        let mut can_cancel = run.may_block(sandbox.config());
        if can_cancel {
            interrupt::cancel_run(run.cancel_handle(), console);
        }
        let mut progress = Progress::new(sandbox.config().limits.fuel, console);
        loop {
            match run.step() {
                Ok(Step::Yielded | Step::Waiting) => {}
                Ok(Step::Done(outcome)) => return Ok(Ok(outcome)),
                Err(error) => return Ok(Err(error)),
            }
            if !mem::replace(&mut can_cancel, true) {
                interrupt::cancel_run(run.cancel_handle(), console);
            }
            if console.format == Format::Human {
                let (output, log) = run.written();
                self.more(output, log, console)?;
            }
            // The progress line would overwrite the unfinished line of the guest.
            if !self.output.is_within_line() {
                progress.tick(console, || run.usage().fuel);
            }
        }
    }

    /// Shows the rest of the output and the log, then the results.
    pub fn finish(&mut self, outcome: &Outcome, console: &Console) -> Result<(), Failure> {
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

    /// Shows what has been written since the last call.
    fn more(&mut self, output: &[u8], log: &[LogEntry], console: &Console) -> Result<(), Failure> {
        for entry in log.iter().skip(self.messages) {
            console.log(entry);
        }
        self.messages = log.len();
        let new = output.get(self.bytes..).unwrap_or_default();
        self.bytes = output.len();
        if !new.is_empty() {
            console.clear_progress();
        }
        self.output.write(new)
    }
}
