//! What the server says while it serves: lines on stderr.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// What waits to be written: more is lost.
const WAITING_BYTES: usize = 1 << 20;

/// Time for more lines to come, so that they are written at once.
const GATHER: Duration = Duration::from_millis(5);

/// Lines on stderr. Whoever reads them too slowly holds nobody up: lines are lost.
#[derive(Debug)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// There is something to write.
    come: Condvar,
    /// All has been written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    text: String,
    /// Whether the thread that writes sleeps until there is something.
    is_idle: bool,
    is_last: bool,
}

impl Log {
    /// A log with a thread that writes it.
    pub fn new() -> io::Result<Log> {
        let shared = Arc::new(Shared::default());
        let log = Log(Arc::clone(&shared));
        thread::Builder::new().name("log".into()).spawn(move || shared.write())?;
        Ok(log)
    }

    /// Writes a line; whether there was room for it.
    pub fn line(&self, line: impl FnOnce(&mut String)) -> bool {
        let mut lines = self.0.lock();
        if lines.text.len() >= WAITING_BYTES {
            return false;
        }
        line(&mut lines.text);
        lines.text.push('\n');
        // Waking a thread costs more than a line does.
        if mem::take(&mut lines.is_idle) {
            self.0.come.notify_one();
        }
        true
    }

    /// Waits until all is written, for a second at most.
    pub fn flush(&self) {
        let mut lines = self.0.lock();
        lines.is_last = true;
        self.0.come.notify_one();
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
                lines = self.come.wait(lines).unwrap_or_else(PoisonError::into_inner);
            }
            lines.is_idle = false;
            if !lines.is_last {
                drop(lines);
                thread::sleep(GATHER);
                lines = self.lock();
            }
            mem::swap(&mut lines.text, &mut text);
            drop(lines);
            // If stderr is gone, there is no one to tell.
            let _ = io::stderr().lock().write_all(text.as_bytes());
            text.clear();
            lines = self.lock();
        }
    }
}
