//! Why a command ended before it was done.

use std::io;

use belljar::Error;

use crate::{exit::Exit, hint};

/// Why a command ended before it was done.
#[derive(Debug)]
pub enum Failure {
    /// Nobody reads stdout any more. Nothing is said about it.
    Closed,
    /// To be told to the user.
    Told(Box<Report>),
}

/// What the user is told, in whichever format.
#[derive(Debug)]
pub struct Report {
    /// The exit status.
    pub exit: Exit,
    /// What was being done: `usage`, `config`, `io`, `module`, `tool`, `run`, `call` or `isolation`.
    pub phase: &'static str,
    /// The file it is about.
    pub file: Option<String>,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The library's error, if it is one.
    pub cause: Option<Error>,
}

impl Failure {
    /// The command line asks for something that cannot be.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "usage", message)
    }

    /// The configuration, where it is not the library that says so.
    pub fn config(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "config", message)
    }

    /// A file, or stdin or stdout.
    pub fn io(what: &str, message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "io", message).in_file(what)
    }

    /// A receipt that cannot be read or checked here.
    pub fn receipt(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "receipt", message)
    }

    /// A transcript that cannot be read or played here.
    pub fn transcript(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "transcript", message)
    }

    /// A manifest, or a tool that its policy does not let be.
    pub fn tool(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "tool", message)
    }

    /// A run among many.
    pub fn run(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Stopped, "run", message)
    }

    /// A call with `-e`.
    pub fn call(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "call", message)
    }

    /// The library's error of every phase but the run itself.
    pub fn of(error: Error) -> Failure {
        let (exit, phase, message) = match &error {
            Error::Config(e) => (Exit::Usage, "config", e.to_string()),
            Error::Call(e) => (Exit::Usage, "call", e.to_string()),
            Error::Isolation(e) => (Exit::Usage, "isolation", e.to_string()),
            // A stop has its partial outcome, and so is told by `run`.
            Error::Module(_) | Error::Stopped(_) => (Exit::Refused, "module", error.to_string()),
            _ => (Exit::Usage, "usage", error.to_string()),
        };
        let report = Report { exit, phase, file: None, message, hint: hint::of(&error), cause: Some(error) };
        Failure::Told(Box::new(report))
    }

    /// An error in writing to stdout.
    pub fn stdout(error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::Closed;
        }
        Failure::io("stdout", io_words(error))
    }

    /// Names the file it is about.
    pub fn in_file(self, file: impl Into<String>) -> Failure {
        self.changed(|report| report.file = Some(file.into()))
    }

    /// Says what to do about it.
    pub fn with_hint(self, hint: impl Into<String>) -> Failure {
        self.changed(|report| report.hint = Some(hint.into()))
    }

    /// Says it in other words.
    pub fn with_message(self, message: String) -> Failure {
        self.changed(|report| report.message = message)
    }

    /// Ends with another status than its phase has.
    pub fn with_exit(self, exit: Exit) -> Failure {
        self.changed(|report| report.exit = exit)
    }

    fn new(exit: Exit, phase: &'static str, message: impl Into<String>) -> Failure {
        let report = Report { exit, phase, file: None, message: message.into(), hint: None, cause: None };
        Failure::Told(Box::new(report))
    }

    fn changed(mut self, change: impl FnOnce(&mut Report)) -> Failure {
        if let Failure::Told(report) = &mut self {
            change(report);
        }
        self
    }
}

/// An error of the system, in the same words on every system where it is a common one.
pub fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "it is a directory, not a file".into(),
        io::ErrorKind::NotADirectory => "part of the path is not a directory".into(),
        io::ErrorKind::OutOfMemory => "not enough memory to hold it".into(),
        _ => error.to_string(),
    }
}
