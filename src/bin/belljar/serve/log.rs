//! What the server says while it serves: lines on stderr.

use std::{
    io::{self, Write},
    sync::mpsc::{self, SyncSender},
    thread,
    time::Duration,
};

/// Lines that wait for whoever reads stderr.
const LINES: usize = 2_048;

/// Lines on stderr. Whoever reads them too slowly holds nobody up: lines are lost.
#[derive(Debug)]
pub struct Log(SyncSender<Entry>);

enum Entry {
    Line(String),
    /// Answered when all before it has been written.
    Flush(SyncSender<()>),
}

impl Log {
    /// A log with a thread that writes it.
    pub fn new() -> io::Result<Log> {
        let (sender, entries) = mpsc::sync_channel(LINES);
        thread::Builder::new().name("log".into()).spawn(move || {
            for entry in entries {
                match entry {
                    // If stderr is gone, there is nobody to tell.
                    Entry::Line(line) => drop(writeln!(io::stderr().lock(), "{line}")),
                    Entry::Flush(done) => drop(done.send(())),
                }
            }
        })?;
        Ok(Log(sender))
    }

    /// Writes a line; whether there was room for it.
    pub fn line(&self, line: String) -> bool {
        self.0.try_send(Entry::Line(line)).is_ok()
    }

    /// Waits until all is written, for a second at most.
    pub fn flush(&self) {
        let (done, written) = mpsc::sync_channel(1);
        if self.0.try_send(Entry::Flush(done)).is_ok() {
            let _ = written.recv_timeout(Duration::from_secs(1));
        }
    }
}
