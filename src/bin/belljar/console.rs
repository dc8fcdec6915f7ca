//! Messages on stderr: errors, notes, the guest's log, progress.

use std::{
    cell::Cell,
    env,
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use belljar::{Level, LogEntry};

use crate::{
    failure::Report,
    json,
    options::{Format, LookArgs},
};

/// A writer of messages to stderr. Errors in writing them are ignored.
#[derive(Debug)]
pub struct Console {
    /// The format of stdout.
    pub format: Format,
    quiet: bool,
    verbose: u8,
    color: bool,
    /// Set while a progress line is on the terminal.
    progress: Cell<bool>,
}

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const GREEN: &str = "32";
const BLUE: &str = "34";
const CYAN: &str = "1;36";
const DIM: &str = "2";

impl Console {
    /// Returns a console for the output options, and subscribes to trace events if they ask for them.
    pub fn new(look: LookArgs) -> Console {
        let color = look.color.resolve(|| io::stderr().is_terminal() && wants_color());
        let LookArgs { format, quiet, verbose, .. } = look;
        let console = Console { format, quiet, verbose, color, progress: Cell::new(false) };
        if verbose >= 2 {
            console.trace();
        }
        console
    }

    /// Shows a failure: on stderr, and in a JSON format also as a document on stdout.
    pub fn report(&self, report: &Report) {
        if self.format != Format::Human && !report.is_after_document {
            // If stdout is closed too, the exit status remains.
            let _ = json::print(self.format, &json::ErrorDocument::of(report));
        }
        self.error(report.file.as_deref(), &report.message, report.hint.as_deref());
    }

    /// Prints an error and its hint. With `--quiet` they are left out if a JSON document has them.
    pub fn error(&self, file: Option<&str>, message: &str, hint: Option<&str>) {
        if self.quiet && self.format != Format::Human {
            return;
        }
        let place = file.map(|file| format!("{file}: ")).unwrap_or_default();
        self.labelled(RED, "error", format_args!("{place}{message}"));
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }

    /// Prints a hint.
    pub fn hint(&self, hint: &str) {
        self.labelled(CYAN, "hint", hint);
    }

    /// Prints a note, if `--verbose` is set.
    pub fn note(&self, message: impl Display) {
        if self.verbose > 0 {
            self.labelled(DIM, "note", message);
        }
    }

    /// Prints what a guest is granted, unless `--quiet` is set.
    pub fn granted(&self, message: impl Display) {
        if !self.quiet {
            self.labelled(GREEN, "granted", message);
        }
    }

    /// Prints a warning, unless `--quiet` is set.
    pub fn warn(&self, message: impl Display) {
        if !self.quiet {
            self.labelled(YELLOW, "warning", message);
        }
    }

    /// Returns whether `--quiet` is set.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Returns whether `--verbose` is set, so that notes are printed.
    pub fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Prints a message of the guest's log on one line. In a JSON format it is in the document instead.
    pub fn log(&self, entry: &LogEntry) {
        if self.quiet || self.format != Format::Human {
            return;
        }
        let color = match entry.level {
            Level::Error => RED,
            Level::Warn => YELLOW,
            Level::Info => GREEN,
            Level::Debug => BLUE,
            Level::Trace => DIM,
        };
        self.labelled(color, &entry.level.to_string(), belljar::text::escape(&entry.text, usize::MAX));
    }

    /// Prints a line without a label.
    pub fn line(&self, line: impl Display) {
        self.clear_progress();
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Checks whether stderr is a terminal that can show a progress line.
    pub fn can_show_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Replaces the progress line.
    pub fn show_progress(&self, line: &str) {
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush());
        self.progress.set(true);
    }

    /// Removes the progress line, before other output.
    pub fn clear_progress(&self) {
        if self.progress.replace(false) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush());
        }
    }

    /// Sends trace events to stderr, except the guest's log, which is shown anyway.
    #[cfg(feature = "cli")]
    fn trace(&self) {
        use tracing_subscriber::{filter, fmt::layer, prelude::*};

        let level = if self.verbose == 2 { filter::LevelFilter::DEBUG } else { filter::LevelFilter::TRACE };
        let events = layer()
            .with_writer(io::stderr)
            .with_ansi(self.color)
            .without_time()
            // Otherwise a closed stderr is reported with a panic.
            .log_internal_errors(false)
            .with_filter(filter::filter_fn(|event| event.is_span() || event.fields().field("text").is_none()))
            .with_filter(level);
        // Fails only if there is a subscriber already.
        let _ = tracing_subscriber::registry().with(events).try_init();
    }

    /// Warns that this build shows no trace events.
    #[cfg(not(feature = "cli"))]
    fn trace(&self) {
        self.warn("this build shows no trace events; `cargo build --release --features cli` builds one that does");
    }

    fn labelled(&self, color: &str, label: &str, text: impl Display) {
        if self.color {
            self.line(format_args!("\x1b[{color}m{label}:\x1b[0m {text}"));
        } else {
            self.line(format_args!("{label}: {text}"));
        }
    }
}

/// Checks the environment for `NO_COLOR`, see <https://no-color.org>, and for a dumb terminal.
fn wants_color() -> bool {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
