//! The destination of the outputs.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
};

use crate::{failure::Failure, file, options::When};

/// A buffered writer of output lines. Lines that fit in the buffer are written whole.
pub struct Sink {
    /// The file; `None` for stdout.
    path: Option<PathBuf>,
    to: BufWriter<Box<dyn Write>>,
    terminal: bool,
    escape: bool,
    line: Vec<u8>,
}

impl Sink {
    /// Returns a writer to stdout.
    pub fn stdout(escape: When) -> Sink {
        let terminal = io::stdout().is_terminal();
        Sink::new(None, Box::new(io::stdout()), terminal, escape)
    }

    /// Returns a writer to the end of a file.
    pub fn file(path: &Path, file: File, escape: When) -> Sink {
        let terminal = file.is_terminal();
        Sink::new(Some(path.into()), Box::new(file), terminal, escape)
    }

    fn new(path: Option<PathBuf>, to: Box<dyn Write>, terminal: bool, escape: When) -> Sink {
        let escape = escape.resolve(|| terminal);
        Sink { path, to: BufWriter::with_capacity(64 << 10, to), terminal, escape, line: Vec::new() }
    }

    /// Returns whether the destination is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes a line.
    pub fn line(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.line.clear();
        if self.escape {
            let text = String::from_utf8_lossy(text);
            self.line.extend_from_slice(belljar::text::escape_lines(&text, usize::MAX).to_string().as_bytes());
        } else {
            self.line.extend_from_slice(text);
        }
        self.line.push(b'\n');
        let written = self.to.write_all(&self.line);
        written.map_err(|error| self.failed(&error))
    }

    /// Writes the buffered lines.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Failure {
        match &self.path {
            None => Failure::stdout(error),
            Some(path) => file::stream_failure(path, error),
        }
    }
}
