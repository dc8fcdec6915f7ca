//! Asynchronous log lines on stderr.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Size of the buffer; lines beyond it are dropped.
const BUFFER_BYTES: usize = 1 << 20;

/// Delay in which lines are collected, so that one write has them all.
const FLUSH_DELAY: Duration = Duration::from_millis(5);

/// A log on stderr. Writing never blocks the server: if the reader is too slow, lines are dropped.
#[derive(Debug)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// Signals that the buffer is not empty.
    filled: Condvar,
    /// Signals that the buffer has been written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    text: String,
    /// Whether the writer thread waits for lines.
    is_idle: bool,
    is_closing: bool,
}

impl Log {
    /// Creates a log, and starts its writer thread.
    pub fn new() -> io::Result<Log> {
        let shared = Arc::new(Shared::default());
        let log = Log(Arc::clone(&shared));
        thread::Builder::new().name("log".into()).spawn(move || shared.write())?;
        Ok(log)
    }

    /// Appends a line; returns `false` if it was dropped.
    pub fn line(&self, line: impl FnOnce(&mut String)) -> bool {
        let mut lines = self.0.lock();
        if lines.text.len() >= BUFFER_BYTES {
            return false;
        }
        line(&mut lines.text);
        lines.text.push('\n');
        // Waking a thread costs more than appending a line.
        if mem::take(&mut lines.is_idle) {
            self.0.filled.notify_one();
        }
        true
    }

    /// Waits until the buffer is written, for at most a second.
    pub fn flush(&self) {
        let mut lines = self.0.lock();
        lines.is_closing = true;
        self.0.filled.notify_one();
        let second = Duration::from_secs(1);
        drop(self.0.written.wait_timeout_while(lines, second, |lines| !lines.is_idle || !lines.text.is_empty()));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) {
        let mut text = String::new();
        let mut lines = self.lock();
        loop {
            while lines.text.is_empty() {
                lines.is_idle = true;
                self.written.notify_all();
                lines = self.filled.wait(lines).unwrap_or_else(PoisonError::into_inner);
            }
            lines.is_idle = false;
            if !lines.is_closing {
                drop(lines);
                thread::sleep(FLUSH_DELAY);
                lines = self.lock();
            }
            mem::swap(&mut lines.text, &mut text);
            drop(lines);
            // There is nowhere to report that stderr is closed.
            let _ = io::stderr().lock().write_all(text.as_bytes());
            text.clear();
            lines = self.lock();
        }
    }
}
