//! What goes to stderr: errors, notes, the guest's log, progress.

use std::{
    cell::Cell,
    env,
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use belljar::{Level, LogEntry};
use tracing_subscriber::{filter, fmt::layer, prelude::*};

use crate::{
    failure::Report,
    json,
    options::{Format, LookArgs},
};

/// What goes to stderr. A stderr that cannot be written to changes nothing else.
#[derive(Debug)]
pub struct Console {
    /// What stdout carries.
    pub format: Format,
    quiet: bool,
    verbose: u8,
    color: bool,
    /// Whether a line of progress stands on the terminal.
    progress: Cell<bool>,
}

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const GREEN: &str = "32";
const BLUE: &str = "34";
const CYAN: &str = "1;36";
const DIM: &str = "2";

impl Console {
    /// A console as the options ask for. It also turns trace events on.
    pub fn new(look: LookArgs) -> Console {
        let color = look.color.resolve(|| io::stderr().is_terminal() && wants_color());
        if look.verbose >= 2 {
            trace(look.verbose, color);
        }
        Console { format: look.format, quiet: look.quiet, verbose: look.verbose, color, progress: Cell::new(false) }
    }

    /// Tells why a command ended before it was done.
    pub fn report(&self, report: &Report) {
        if self.format != Format::Human {
            // If stdout is gone as well, the exit status still tells.
            let _ = json::print(self.format, &json::ErrorDocument::of(report));
        }
        self.error(report.file.as_deref(), &report.message, report.hint.as_deref());
    }

    /// An error and what to do about it. Quiet leaves it out only where the document has it.
    pub fn error(&self, file: Option<&str>, message: &str, hint: Option<&str>) {
        if self.quiet && self.format != Format::Human {
            return;
        }
        let place = file.map(|file| format!("{file}: ")).unwrap_or_default();
        self.labelled(RED, "error", format_args!("{place}{message}"));
        if let Some(hint) = hint {
            self.labelled(CYAN, "hint", hint);
        }
    }

    /// Something to know, for users who asked to be told.
    pub fn note(&self, message: impl Display) {
        if self.verbose > 0 {
            self.labelled(DIM, "note", message);
        }
    }

    /// What a guest is granted.
    pub fn granted(&self, message: impl Display) {
        if !self.quiet {
            self.labelled(GREEN, "granted", message);
        }
    }

    /// Something to know, but for users who asked not to be told.
    pub fn warn(&self, message: impl Display) {
        if !self.quiet {
            self.labelled(YELLOW, "warning", message);
        }
    }

    /// Whether only errors are told.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether users asked to be told more.
    #[cfg(feature = "serve")]
    pub fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// A message of the guest's log, on one line. In a JSON format the document has it.
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
        self.labelled(color, &entry.level.to_string(), belljar::escape(&entry.text, usize::MAX));
    }

    /// A line as it is.
    pub fn line(&self, line: impl Display) {
        self.clear_progress();
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Whether a line that changes can be shown.
    pub fn can_show_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Shows a line in place of the last one.
    pub fn show_progress(&self, line: &str) {
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush());
        self.progress.set(true);
    }

    /// Takes the line of progress away, before something else is shown.
    pub fn clear_progress(&self) {
        if self.progress.replace(false) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush());
        }
    }

    fn labelled(&self, color: &str, label: &str, text: impl Display) {
        if self.color {
            self.line(format_args!("\x1b[{color}m{label}:\x1b[0m {text}"));
        } else {
            self.line(format_args!("{label}: {text}"));
        }
    }
}

/// As <https://no-color.org> has it.
fn wants_color() -> bool {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Sends trace events to stderr, but for the guest's log, which is shown anyway.
fn trace(verbose: u8, color: bool) {
    let level = if verbose == 2 { filter::LevelFilter::DEBUG } else { filter::LevelFilter::TRACE };
    let events = layer()
        .with_writer(io::stderr)
        .with_ansi(color)
        .without_time()
        // It would report a stderr that is gone by a panic.
        .log_internal_errors(false)
        .with_filter(filter::filter_fn(|event| event.is_span() || event.fields().field("text").is_none()))
        .with_filter(level);
    // There is one console, so nobody else has set one.
    let _ = tracing_subscriber::registry().with(events).try_init();
}
