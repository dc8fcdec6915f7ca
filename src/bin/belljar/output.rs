//! The guest's output on stdout.

use std::io::{self, IsTerminal, Write};

use crate::{failure::Failure, options::When};

/// A writer of the guest's output to stdout, unchanged or with control characters escaped.
#[derive(Debug)]
pub struct Output {
    terminal: bool,
    escape: bool,
    /// The first bytes of an incomplete UTF-8 character; empty unless the output is escaped.
    cut: Vec<u8>,
    /// Whether the output so far ends with a line feed.
    whole: bool,
}

impl Output {
    /// Returns a writer that escapes control characters or not.
    pub fn new(escape: When) -> Output {
        let terminal = io::stdout().is_terminal();
        let escape = escape.resolve(|| terminal);
        Output { terminal, escape, cut: Vec::new(), whole: true }
    }

    /// Checks whether the cursor of a terminal is within a line of the guest.
    pub fn is_within_line(&self) -> bool {
        self.terminal && !self.whole
    }

    /// Writes what the guest wrote.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(last) = bytes.last() else { return Ok(()) };
        self.whole = *last == b'\n';
        if !self.escape {
            return put(bytes);
        }
        self.cut.extend_from_slice(bytes);
        let kept = cut_end(&self.cut);
        let rest = self.cut.split_off(self.cut.len() - kept);
        let shown = std::mem::replace(&mut self.cut, rest);
        put_escaped(&shown)
    }

    /// Writes a line of the program itself, after the end of the last line of the guest.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.end_line()?;
        put(format!("{line}\n").as_bytes())
    }

    /// Writes the rest of the output. If it is escaped, its last line is ended.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let cut = std::mem::take(&mut self.cut);
        put_escaped(&cut)?;
        if self.escape { self.end_line() } else { Ok(()) }
    }

    fn end_line(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.whole, true) { Ok(()) } else { put(b"\n") }
    }
}

fn put(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|e| Failure::stdout(&e))
}

fn put_escaped(bytes: &[u8]) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(bytes);
    put(belljar::text::escape_lines(&text, usize::MAX).to_string().as_bytes())
}

/// Returns the number of bytes at the end that are an incomplete character.
fn cut_end(bytes: &[u8]) -> usize {
    let Some(last) = bytes.utf8_chunks().last() else { return 0 };
    let invalid = last.invalid();
    match std::str::from_utf8(invalid) {
        Err(error) if error.error_len().is_none() => invalid.len(),
        _ => 0,
    }
}
