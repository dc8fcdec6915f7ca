//! Failures of commands.

use std::io;

use belljar::{Error, ModuleError};

use crate::{exit::Exit, hint, origin::Origins};

/// The reason why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// The reader of stdout has closed it. There is no message.
    Closed,
    /// A message for the user.
    Reported(Box<Report>),
}

/// A failure for the user, independent of the format.
#[derive(Debug)]
pub struct Report {
    /// The exit status.
    pub exit: Exit,
    /// The phase that failed: `usage`, `config`, `io`, `module`, `tool`, `run`, `call` or `isolation`.
    pub phase: &'static str,
    /// The file that it is about.
    pub file: Option<String>,
    /// The error message.
    pub message: String,
    /// Advice on how to solve it.
    pub hint: Option<String>,
    /// The error of the library, if it is one.
    pub cause: Option<Error>,
    /// Set if a JSON document has been printed already, so that this is on stderr only.
    pub is_after_document: bool,
}

impl Failure {
    /// Returns a failure of the command line.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "usage", message)
    }

    /// Returns a failure of the configuration that the library does not report.
    pub fn config(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "config", message)
    }

    /// Returns a failure to read or write a file, stdin or stdout.
    pub fn io(what: &str, message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "io", message).in_file(what)
    }

    /// Returns a failure to read or verify a receipt.
    pub fn receipt(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "receipt", message)
    }

    /// Returns a failure to read or replay a transcript.
    pub fn transcript(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "transcript", message)
    }

    /// Returns a failure of a manifest, or of a tool that its policy refuses.
    pub fn tool(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "tool", message)
    }

    /// Returns a failure of one run of `belljar map`.
    pub fn run(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Stopped, "run", message)
    }

    /// Returns a failure of a call with `-e`.
    pub fn call(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "call", message)
    }

    /// Converts an error of the library. Guests that were stopped are not converted here.
    pub fn of(error: Error) -> Failure {
        let (exit, phase, message) = match &error {
            Error::Config(e) => (Exit::Usage, "config", e.to_string()),
            Error::Call(e) => (Exit::Usage, "call", e.to_string()),
            Error::Isolation(e) => (Exit::Usage, "isolation", e.to_string()),
            // `run` shows a stopped guest together with its partial outcome.
            Error::Module(_) | Error::Stopped(_) => (Exit::Refused, "module", error.to_string()),
            _ => (Exit::Usage, "usage", error.to_string()),
        };
        let report = Report {
            exit,
            phase,
            file: None,
            message,
            hint: hint::of(&error),
            cause: Some(error),
            is_after_document: false,
        };
        Failure::Reported(Box::new(report))
    }

    /// Converts an error in writing to stdout; a closed pipe is not an error.
    pub fn stdout(error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::Closed;
        }
        Failure::io("stdout", io_message(error))
    }

    /// Sets the file that it is about.
    pub fn in_file(self, file: impl Into<String>) -> Failure {
        self.changed(|report| report.file = Some(file.into()))
    }

    /// Sets the hint.
    pub fn with_hint(self, hint: impl Into<String>) -> Failure {
        self.changed(|report| report.hint = Some(hint.into()))
    }

    /// Replaces the hint of a module that is over a limit, if a ceiling bounds the limit.
    pub fn under(self, origins: &Origins) -> Failure {
        self.over_limit(|error| hint::under(error, origins))
    }

    /// Replaces the hint of a module that is over a limit, for commands without options for limits.
    pub fn by_key(self, origins: &Origins) -> Failure {
        self.over_limit(|error| hint::by_key(error, origins))
    }

    fn over_limit(self, hint: impl FnOnce(&Error) -> Option<String>) -> Failure {
        self.changed(|report| {
            let is_over = |error: &&Error| matches!(error.module_error(), Some(ModuleError::Limit { .. }));
            if let Some(error) = report.cause.as_ref().filter(is_over) {
                report.hint = hint(error);
            }
        })
    }

    /// Replaces the message.
    pub fn with_message(self, message: String) -> Failure {
        self.changed(|report| report.message = message)
    }

    /// Has it shown on stderr only: there is a JSON document on stdout.
    pub fn after_document(self) -> Failure {
        self.changed(|report| report.is_after_document = true)
    }

    /// Replaces the exit status of the phase.
    pub fn with_exit(self, exit: Exit) -> Failure {
        self.changed(|report| report.exit = exit)
    }

    fn new(exit: Exit, phase: &'static str, message: impl Into<String>) -> Failure {
        let (message, is_after_document) = (message.into(), false);
        let report = Report { exit, phase, file: None, message, hint: None, cause: None, is_after_document };
        Failure::Reported(Box::new(report))
    }

    fn changed(mut self, change: impl FnOnce(&mut Report)) -> Failure {
        if let Failure::Reported(report) = &mut self {
            change(report);
        }
        self
    }
}

/// Returns the message of a system error, which for common errors is the same on all systems.
pub fn io_message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "it is a directory, not a file".into(),
        io::ErrorKind::NotADirectory => "part of the path is not a directory".into(),
        io::ErrorKind::OutOfMemory => "not enough memory to hold it".into(),
        _ => error.to_string(),
    }
}
